//! Blocks: whom an administrator keeps out stays out, over restarts, until its time or its release.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks out what it is about")]

mod common;

use border::admin::{Reply, Request as Ask, Whom};
use border::{Line, Name, vault};
use broker::core::{Action, Input};
use codec::Text;
use common::{Bench, KEY, audited, denied, refused, row, started_session};
use model::Blocks;

const HOUR_MS: u64 = 3_600_000;

fn bench() -> Bench {
    let mut bench = Bench::new();
    let mut plant = common::plant();
    let mut people = plant.people.clone().into_vec();
    people[0].employer = Text::cut("Pumpworks");
    plant.people = common::list(&people);
    bench.on(Input::Stored(Box::new(plant)));
    bench
}

fn add(bench: &mut Bench, whom: Whom, for_s: Option<u32>, end_sessions: bool) -> Vec<Action<u64>> {
    bench.ask(3, Ask::Block { whom, until_ms: None, for_s, why: Line::cut("hot work"), end_sessions })
}

fn vera() -> Whom {
    Whom::Person { person: Name::cut("vera") }
}

/// What the vault is to store.
fn stored(actions: &[Action<u64>]) -> Option<(u64, Blocks)> {
    actions.iter().find_map(|a| if let Action::StoreBlocks(ticket, blocks) = a { Some((*ticket, (**blocks).clone())) } else { None })
}

fn done(bench: &mut Bench, ticket: u64) -> Vec<Action<u64>> {
    bench.on(Input::Vault(vault::Event::Done { ticket }, Vec::new()))
}

/// Whether vera gets in; if not, the words.
fn wants(bench: &mut Bench, connection: u64) -> Result<u64, String> {
    let worker = bench.front(connection, 41_000 + u16::try_from(connection).unwrap());
    bench.sign(worker, "vera", KEY);
    let actions = bench.want(worker, "plc-gw");
    started_session(&actions).ok_or_else(|| denied(&actions).unwrap_or_default())
}

#[test]
fn a_block_holds_at_once_says_who_lifts_it_and_ends_only_what_it_is_told_to() {
    for (whom, ends) in [
        (vera(), true),
        (Whom::Employer { employer: Text::cut("Pumpworks") }, true),
        (Whom::Target { target: Name::cut("plc-gw") }, true),
        (Whom::All, true),
        (Whom::Person { person: Name::cut("otto") }, false),
        (Whom::Target { target: Name::cut("hidden") }, false),
    ] {
        let mut bench = bench();
        let (_, session) = bench.live();
        let added = add(&mut bench, whom.clone(), None, true);
        assert!(row(&added, "block.added").unwrap().contains("hot work"), "{whom:?}");
        assert_eq!(row(&added, "session.ending").is_some_and(|text| text.starts_with("blocked")), ends, "{whom:?}: {session}");
        let words = wants(&mut bench, 20);
        assert_eq!(words.is_err(), ends, "{whom:?}");
        assert!(words.err().is_none_or(|text| text.contains("administrator") && text.contains("block release 1")));
    }
    let mut bench = bench();
    bench.live();
    assert!(!audited(&add(&mut bench, vera(), None, false), "session.ending"), "it keeps out who comes, and ends nobody");
}

#[test]
fn whom_the_plant_file_does_not_name_is_not_blocked_by_mistake() {
    let mut bench = bench();
    for whom in [
        Whom::Person { person: Name::cut("vero") },
        Whom::Employer { employer: Text::cut("pumpworks") },
        Whom::Target { target: Name::cut("plc") },
        Whom::PersonOf { session: 99 },
    ] {
        let said = add(&mut bench, whom.clone(), None, false);
        assert!(refused(&said).is_some() && stored(&said).is_none(), "{whom:?}");
    }
    let past = Ask::Block { whom: Whom::All, until_ms: Some(1), for_s: None, why: Line::default(), end_sessions: false };
    assert!(refused(&bench.ask(3, past)).unwrap().contains("past"));
}

#[test]
fn of_a_session_its_person_employer_or_machine_is_blocked() {
    let mut bench = bench();
    let (_, session) = bench.live();
    let scopes = [Whom::PersonOf { session }, Whom::EmployerOf { session }, Whom::TargetOf { session }].map(|whom| {
        stored(&add(&mut bench, whom, None, false)).unwrap().1.list.last().unwrap().scope.to_string()
    });
    assert_eq!(scopes, ["person vera", "employer \"Pumpworks\"", "target plc-gw"]);
}

#[test]
fn it_ends_at_its_time_and_no_earlier_by_a_clock_that_jumps() {
    let mut bench = bench();
    add(&mut bench, vera(), Some(4 * 3_600), false);
    let words = wants(&mut bench, 20).unwrap_err();
    assert!(words.contains("until ") && words.contains("(UTC)"), "{words}");
    bench.now.wall_ms += 400 * 3_600_000;
    bench.pass(1);
    assert!(wants(&mut bench, 21).is_err(), "a clock that jumped ahead");
    bench.now.wall_ms -= 400 * 3_600_000;
    assert!(!audited(&bench.pass(4 * HOUR_MS - 2), "block.expired"));
    assert!(audited(&bench.pass(1), "block.expired"));
    assert!(wants(&mut bench, 22).is_ok());
}

#[test]
fn it_is_lifted_only_once_that_is_stored() {
    let mut bench = bench();
    let (ticket, _) = stored(&add(&mut bench, vera(), None, false)).unwrap();
    assert!(done(&mut bench, ticket).iter().any(|a| matches!(a, Action::ToAdmin(3, Reply::Done { text }, _) if text.contains("block 1"))));
    let (ticket, rest) = stored(&bench.ask(3, Ask::Release { block: 1 })).unwrap();
    assert!(rest.list.is_empty() && wants(&mut bench, 20).is_err(), "the disk has not got it yet");
    let why = Line::cut("the disk is full");
    let failed = bench.on(Input::Vault(vault::Event::Failed { ticket, why }, Vec::new()));
    assert!(refused(&failed).unwrap().contains("still stands") && wants(&mut bench, 21).is_err());
    let (ticket, _) = stored(&bench.ask(3, Ask::Release { block: 1 })).unwrap();
    assert!(audited(&done(&mut bench, ticket), "block.released"));
    assert!(wants(&mut bench, 22).is_ok());
    assert!(refused(&bench.ask(3, Ask::Release { block: 1 })).unwrap().contains("no block 1"));
}

#[test]
fn one_that_could_not_be_stored_holds_and_that_is_said() {
    let mut bench = bench();
    let (ticket, _) = stored(&add(&mut bench, vera(), None, false)).unwrap();
    let failed = bench.on(Input::Vault(vault::Event::Failed { ticket, why: Line::cut("no space") }, Vec::new()));
    assert!(refused(&failed).unwrap().contains("it holds now"));
    assert!(wants(&mut bench, 20).is_err());
}

#[test]
fn blocks_outlive_the_broker_and_their_numbers_are_not_given_again() {
    let mut before = bench();
    let (_, blocks) = stored(&add(&mut before, vera(), Some(3_600), false)).unwrap();
    let mut bench = Bench::begun(before.now);
    // The vault says so before it is ready; here the plant of the bench came with it.
    bench.on(Input::StoredBlocks(Box::new(blocks)));
    bench.on(Input::Launcher(border::launcher::Reply::AdoptDone, Vec::new()));
    assert!(wants(&mut bench, 20).is_err());
    let (_, next) = stored(&add(&mut bench, Whom::All, None, false)).unwrap();
    assert_eq!(next.list.iter().map(|block| block.id).collect::<Vec<_>>(), [1, 2]);
    bench.pass(HOUR_MS);
    bench.ask(3, Ask::Release { block: 2 });
    let listed = bench.ask(3, Ask::Blocks);
    let rows = listed.iter().find_map(|a| if let Action::ToAdmin(3, Reply::Blocks { rows }, _) = a { Some(rows.len()) } else { None });
    assert_eq!(rows, Some(1), "the first one's time is over");
}

#[test]
fn there_are_not_more_blocks_than_can_be_listed() {
    let mut bench = bench();
    for _ in 0..model::BLOCKS_MAX {
        assert!(stored(&add(&mut bench, vera(), None, false)).is_some());
    }
    let full = add(&mut bench, vera(), None, false);
    assert!(refused(&full).unwrap().contains("block release") && stored(&full).is_none());
}
