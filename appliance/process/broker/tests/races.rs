//! What the simulator found: messages that cross, and what must come of it. Each test fails without its mend.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks out what it is about")]

mod common;

use border::admin::{Reply, Request as Ask};
use border::{Line, Name, connector, launcher, machine, mediation, vault};
use broker::core::{Action, DYING_MS, Endpoint, Fixed, Input, KILL_AFTER_MS, LEAVE_MS_MAX};
use codec::Text;
use common::{Bench, KEY, audited, denied, killed, plant, started_session};
use model::Plant;

/// A machine's key.
const MACHINE_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICC4FX1Z6Yjp5gX7H6+zcNmQlOgJm0snd6BlIVIjOzNW plc-gw";

/// An auditor.
const AUDITOR: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

/// Vera has asked, the processes run, and the machine is being dialled.
fn dialling(bench: &mut Bench) -> (u64, u64) {
    let worker = bench.front(7, 40_000);
    bench.sign(worker, "vera", KEY);
    let session = started_session(&bench.want(worker, "plc-gw")).expect("a session is started");
    let reply = launcher::Reply::SessionStarted { session, mediator: 2, back: 3 };
    bench.on(Input::Launcher(reply, vec![11, 12, 13, 14, 15, 16, 17, 18]));
    (worker, session)
}

fn exited(number: u64, part: launcher::Part) -> Input<u64> {
    Input::Launcher(launcher::Reply::Exited { number, part, status: 0 }, Vec::new())
}

/// Why the session is said to have ended.
fn end_of(actions: &[Action<u64>]) -> Option<String> {
    actions.iter().find_map(|a| match a {
        Action::ToVault(vault::Request::Write { audit }, _) if &*audit.kind == "session.ended" => Some(audit.detail.to_string()),
        _ => None,
    })
}

fn ask(client: u64, request: Ask, plant: Option<Plant>) -> Input<u64> {
    Input::Admin { client, uid: 0, request: Box::new(request), plant: plant.map(Box::new) }
}

fn refusal(actions: &[Action<u64>], client: u64) -> Option<String> {
    actions.iter().find_map(|a| match a {
        Action::ToAdmin(to, Reply::Refused { text }, _) if *to == client => Some(text.to_string()),
        _ => None,
    })
}

#[test]
fn a_machine_is_not_dialled_on_for_a_session_that_is_over() {
    let cancelled = |actions: &[Action<u64>]| {
        actions.iter().any(|a| matches!(a, Action::ToConnector(connector::Order::Cancel { .. }, None)))
    };
    let mut bench = Bench::new();
    let (worker, session) = dialling(&mut bench);
    bench.on(Input::Gone(Endpoint::Front(worker), None));
    bench.pass(DYING_MS);
    let over = bench.pass(KILL_AFTER_MS);
    assert!(end_of(&over).is_some() && cancelled(&over));
    let mut bench = Bench::new();
    let (_, second) = bench.live();
    assert_eq!(session, second);
    bench.on(ask(1, Ask::End { session, why: Line::default() }, None));
    assert!(!cancelled(&bench.pass(KILL_AFTER_MS)), "its connection was handed on long ago");
}

#[test]
fn why_a_mediator_ended_counts_though_its_exit_is_heard_of_first() {
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    assert_eq!(end_of(&bench.on(exited(session, launcher::Part::Mediator))), None, "its last words are not read yet");
    let words = mediation::Event::Ended { kind: Text::cut("idle"), text: Line::cut("nothing was typed for too long") };
    let actions = bench.on(Input::Mediator(session, words));
    assert!(end_of(&actions).expect("now it is over").starts_with("idle:"));
    assert!(killed(&actions, Endpoint::SessionKill(session)));

    let mut bench = Bench::new();
    let (_, session) = bench.live();
    bench.on(exited(session, launcher::Part::Mediator));
    let actions = bench.on(Input::Gone(Endpoint::Mediator(session), None));
    assert!(end_of(&actions).expect("it had no last words").starts_with("part_died:"));
}

#[test]
fn at_which_step_a_machine_failed_counts_though_its_exit_is_heard_of_first() {
    let mut bench = Bench::new();
    let (_, session) = dialling(&mut bench);
    bench.on(Input::Connector(connector::Event::HandedOn { session }));
    assert_eq!(end_of(&bench.on(exited(session, launcher::Part::BackSsh))), None, "its last words are not read yet");
    let (cause, mend) = (Line::cut("the machine refuses the password"), Line::cut("set it anew"));
    let actions = bench.on(Input::Back(session, machine::Event::Failed { step: machine::Step::Login, cause, mend }));
    assert!(end_of(&actions).expect("now it is over").contains("login: the machine refuses the password"));

    let mut bench = Bench::new();
    let (_, session) = dialling(&mut bench);
    bench.on(exited(session, launcher::Part::BackSsh));
    let actions = bench.on(Input::Gone(Endpoint::Back(session), None));
    assert!(end_of(&actions).expect("it had no last words").contains("stopped with status 0"));
}

#[test]
fn trusting_a_key_never_brings_back_a_plant_that_is_being_replaced() {
    let mut bench = Bench::new();
    let mut less = plant();
    (less.conduits, less.people) = (codec::List::default(), codec::List::default());
    less.recording.auditors = codec::List::new(vec![Text::cut(AUDITOR)]).unwrap();
    let stored = bench.on(ask(1, Ask::Apply, Some(less)));
    assert_eq!(refusal(&stored, 1), None);
    let trust = || Ask::Trust { target: Name::cut("plc-gw"), key: Text::cut(MACHINE_KEY) };
    let actions = bench.on(ask(2, trust(), None));
    assert!(!actions.iter().any(|a| matches!(a, Action::StorePlant(..))));
    assert!(refusal(&actions, 2).expect("a word").contains("another change"));
    let ticket = stored.iter().find_map(|a| if let Action::StorePlant(ticket, _) = a { Some(*ticket) } else { None });
    bench.on(Input::Vault(vault::Event::Done { ticket: ticket.expect("it is being stored") }, Vec::new()));
    let actions = bench.on(ask(3, trust(), None));
    let shut = |a: &Action<u64>| matches!(a, Action::StorePlant(_, plant) if plant.conduits.is_empty());
    assert!(actions.iter().any(shut), "what was withdrawn stays withdrawn");
}

#[test]
fn a_front_that_was_told_the_end_and_stays_is_stopped() {
    let mut bench = Bench::new();
    let worker = bench.front(7, 1);
    bench.sign(worker, "vera", KEY);
    assert!(denied(&bench.want(worker, "no-such-target")).is_some());
    assert!(!killed(&bench.pass(LEAVE_MS_MAX - 1), Endpoint::FrontKill(worker)), "it may show the line first");
    let actions = bench.pass(1);
    assert!(killed(&actions, Endpoint::FrontKill(worker)) && audited(&actions, "front.overdue"));
}

#[test]
fn the_mediator_of_a_test_is_told_no_end_since_it_has_no_terms() {
    let mut bench = Bench::new();
    let request = Ask::Test { target: Name::cut("plc-gw"), account: Name::cut("maint") };
    let session = started_session(&bench.on(ask(1, request, None))).expect("a test is started");
    let reply = launcher::Reply::SessionStarted { session, mediator: 2, back: 3 };
    bench.on(Input::Launcher(reply, vec![11, 12, 13, 14, 15, 16, 17, 18]));
    let actions = bench.on(Input::Connector(connector::Event::Failed { session, why: Line::cut("refused") }));
    assert!(killed(&actions, Endpoint::SessionKill(session)));
    assert!(!actions.iter().any(|a| matches!(a, Action::ToMediator(..))));
}

#[test]
fn nothing_is_said_to_an_end_that_is_closed() {
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    let actions = bench.on(Input::Gone(Endpoint::Mediator(session), None));
    assert!(!actions.iter().any(|a| matches!(a, Action::ToMediator(..))));
    let closes = |a: &&Action<u64>| matches!(a, Action::Close(Endpoint::Mediator(_)));
    let over = bench.on(exited(session, launcher::Part::Mediator));
    assert_eq!(actions.iter().chain(&over).filter(closes).count(), 1);
}

#[test]
fn the_broker_sleeps_while_a_session_past_its_deadline_has_its_second() {
    let mut bench = Bench::new();
    bench.live();
    bench.pass(3_600_100);
    assert!(bench.core.next_wake_ms().expect("rung 2 is due") > bench.now.boot_ms);
}

#[test]
fn who_asks_for_the_vault_while_it_is_away_is_answered() {
    let mut bench = Bench::new();
    bench.on(Input::Lost(Fixed::Vault));
    let actions = bench.on(ask(1, Ask::Apply, Some(plant())));
    assert!(refusal(&actions, 1).expect("a word").contains("vault"));
    assert!(refusal(&bench.on(ask(2, Ask::Recordings, None)), 2).is_some());
}

#[test]
fn a_refusal_for_want_of_a_part_is_written_down() {
    let mut bench = Bench::new();
    let worker = bench.front(7, 1);
    bench.sign(worker, "vera", KEY);
    bench.on(Input::Lost(Fixed::Connector));
    let actions = bench.want(worker, "plc-gw");
    assert!(denied(&actions).is_some() && audited(&actions, "session.refused"));
}

#[test]
fn the_launcher_keeps_what_ended_until_its_end_is_written_down() {
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    bench.on(ask(1, Ask::End { session, why: Line::default() }, None));
    let actions = bench.on(exited(session, launcher::Part::Mediator));
    let at = |wanted: &dyn Fn(&Action<u64>) -> bool| actions.iter().position(wanted).expect("it is there");
    let row = at(&|a| matches!(a, Action::ToVault(vault::Request::Write { audit }, _) if &*audit.kind == "session.ended"));
    let forget = at(&|a| matches!(a, Action::ToLauncher(launcher::Request::Forget { session: true, .. })));
    assert!(row < forget);
}

#[test]
fn what_a_back_said_before_it_knew_of_the_end_accuses_nobody() {
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    let ended = mediation::Event::Ended { kind: Text::cut("machine_closed"), text: Line::default() };
    bench.on(Input::Mediator(session, ended));
    let (cause, mend) = (Line::cut("it is not pinned"), Line::default());
    let late = machine::Event::Failed { step: machine::Step::HostKey, cause, mend };
    assert!(!audited(&bench.on(Input::Back(session, late)), "border.out_of_turn"));

    let mut bench = Bench::new();
    let (_, session) = bench.live();
    assert!(audited(&bench.on(Input::Back(session, machine::Event::Ready)), "border.out_of_turn"), "in its life it is");
}

#[test]
fn the_step_at_which_a_machine_failed_counts_though_the_mediator_is_heard_first() {
    let left = || mediation::Event::Ended { kind: Text::cut("machine_closed"), text: Line::cut("the machine closed the connection") };
    let failed = || machine::Event::Failed { step: machine::Step::KeyExchange, cause: Line::cut("no common cipher"), mend: Line::cut("update it") };
    let mut bench = Bench::new();
    let (_, session) = dialling(&mut bench);
    assert_eq!(denied(&bench.on(Input::Mediator(session, left()))), None, "the back knows more");
    bench.on(Input::Gone(Endpoint::Mediator(session), None));
    bench.on(exited(session, launcher::Part::Mediator));
    let actions = bench.on(Input::Back(session, failed()));
    assert!(denied(&actions).expect("now it is told").contains("no common cipher"));
    assert!(end_of(&actions).expect("and over").starts_with("not_connected:"));

    // A back that leaves without a word is told of as such, and not waited for.
    let mut bench = Bench::new();
    let (_, session) = dialling(&mut bench);
    bench.on(Input::Mediator(session, left()));
    bench.on(Input::Gone(Endpoint::Back(session), None));
    assert!(denied(&bench.on(exited(session, launcher::Part::BackSsh))).expect("told").contains("stopped with status"));

    // In a live session the mediator's word is the last one.
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    bench.on(Input::Mediator(session, left()));
    assert!(end_of(&bench.on(exited(session, launcher::Part::Mediator))).expect("over").starts_with("machine_closed:"));
}
