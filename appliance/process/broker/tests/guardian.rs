//! Broker and guardian: nobody works whom it would not end, and nobody is granted anything while OT is down.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks out what it is about")]

mod common;

use border::admin::{Reply, Request as Ask};
use border::front::{Answer, Request};
use border::guardian::{BEAT_MS, Event, LEASE_MS, Order};
use border::{connector, launcher, mediation};
use broker::core::{Action, DYING_MS, Endpoint, Fixed, Input, KILL_AFTER_MS};
use common::{Bench, KEY, armed, audited, denied, killed, report, row, started_session};
use guard::{Hold, Note, Standing, State, Trigger};

fn orders(actions: &[Action<u64>]) -> Vec<Order> {
    actions.iter().filter_map(|a| if let Action::ToGuardian(order, _) = a { Some(*order) } else { None }).collect()
}

fn ended(actions: &[Action<u64>], session: u64) -> bool {
    actions.iter().any(|a| matches!(a, Action::ToMediator(s, mediation::Order::End { .. }) if *s == session))
}

fn started(bench: &mut Bench) -> (u64, u64) {
    let worker = bench.front(7, 40_000);
    bench.sign(worker, "vera", KEY);
    (worker, started_session(&bench.want(worker, "plc-gw")).unwrap())
}

fn processes(session: u64) -> Input<u64> {
    Input::Launcher(launcher::Reply::SessionStarted { session, mediator: 2, back: 3 }, vec![11, 12, 13, 14, 15, 16, 17, 18])
}

fn exited(session: u64, part: launcher::Part) -> Input<u64> {
    Input::Launcher(launcher::Reply::Exited { number: session, part, status: 265 }, Vec::new())
}

fn dialled(actions: &[Action<u64>]) -> bool {
    actions.iter().any(|a| matches!(a, Action::ToConnector(connector::Order::Dial { .. }, _)))
}

#[test]
fn no_machine_is_dialled_before_the_guardian_would_end_the_session() {
    let mut bench = Bench::new();
    let (_, session) = started(&mut bench);
    bench.guarded = false;
    let actions = bench.on(processes(session));
    let watch = |a: &Action<u64>| match a {
        Action::ToGuardian(Order::Watch { session: of, deadline_ms }, kill) => Some((*of, *deadline_ms, kill.clone())),
        _ => None,
    };
    let asked = actions.iter().find_map(watch).expect("it is asked");
    assert_eq!(asked, (session, bench.now.boot_ms + 3_600_000, vec![Endpoint::SessionKill(session), Endpoint::SessionEvents(session)]));
    assert!(!dialled(&actions));
    assert!(dialled(&bench.says(Event::Watching { session })));
}

#[test]
fn a_session_that_the_guardian_does_not_take_ends_with_words() {
    let mut bench = Bench::new();
    let (_, session) = started(&mut bench);
    bench.guarded = false;
    bench.on(processes(session));
    let actions = bench.says(Event::NotWatching { session });
    assert!(denied(&actions).unwrap().contains("guardian") && !dialled(&actions));
    assert!(killed(&actions, Endpoint::SessionKill(session)));
    assert!(!dialled(&bench.says(Event::Watching { session })), "a word that comes late starts nothing");
}

/// "The vault stalls: sessions end after a grace": the two seconds of the guardian's lease come after that.
#[test]
fn a_vault_that_stalls_is_late_only_after_the_grace_of_those_who_live() {
    let late = |with_session: bool| {
        let mut bench = Bench::new();
        if with_session {
            bench.live();
        }
        bench.pass(BEAT_MS);
        bench.on(Input::Vault(border::vault::Event::Beat, Vec::new()));
        let actions = bench.pass(9_000);
        orders(&actions).into_iter().find_map(|order| if let Order::Beat { vault_ms, .. } = order { Some(vault_ms) } else { None })
    };
    assert_eq!(late(true), Some(0), "its conduit gives 10 s");
    assert_eq!(late(false), Some(9_000), "nobody has a grace");
}

/// What it was kept from reading is no silence of theirs: it judges after it has read.
#[test]
fn a_broker_that_was_stopped_reads_before_it_calls_anybody_late() {
    let mut bench = Bench::new();
    bench.pass(BEAT_MS);
    bench.now.boot_ms += 1_900;
    let early = bench.on(Input::Launcher(launcher::Reply::Beat, Vec::new()));
    assert!(orders(&early).is_empty(), "nothing is judged while something may lie unread: {early:?}");
    bench.on(Input::Vault(border::vault::Event::Beat, Vec::new()));
    let judged = orders(&bench.on(Input::Tick));
    assert!(judged.iter().any(|order| matches!(order, Order::Beat { vault_ms: 0, launcher_ms: 0, .. })), "{judged:?}");
}

#[test]
fn it_beats_and_says_how_late_vault_and_launcher_are() {
    let mut bench = Bench::new();
    let beat = |actions: &[Action<u64>]| {
        orders(actions).into_iter().find_map(|order| match order {
            Order::Beat { ready, vault_ms, launcher_ms, .. } => Some((ready, vault_ms, launcher_ms)),
            _ => None,
        })
    };
    assert_eq!(beat(&bench.pass(BEAT_MS)), Some((true, 250, 250)));
    bench.on(Input::Vault(border::vault::Event::Beat, Vec::new()));
    assert_eq!(beat(&bench.pass(BEAT_MS)), Some((true, 250, 500)), "a part that does not beat is late");
    bench.on(Input::Lost(Fixed::Vault));
    assert_eq!(beat(&bench.pass(BEAT_MS)), Some((false, 500, 750)), "one that left counts from when it was heard last");
}

#[test]
fn a_silent_guardian_ends_everybody_and_lets_nobody_in_until_it_speaks_again() {
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    bench.guarded = false;
    assert!(!ended(&bench.pass(LEASE_MS - 1), session));
    let late = bench.pass(1);
    assert!(ended(&late, session) && audited(&late, "guardian.late"));
    assert!(row(&late, "session.ending").unwrap().starts_with("guardian_lost"));
    let other = bench.front(8, 40_001);
    bench.sign(other, "vera", KEY);
    assert!(denied(&bench.want(other, "plc-gw")).unwrap().contains("guardian"));
    bench.guarded = true;
    assert!(audited(&bench.pass(1), "guardian.back"));
    let next = bench.front(9, 40_002);
    bench.sign(next, "vera", KEY);
    assert!(started_session(&bench.want(next, "plc-gw")).is_some());
}

#[test]
fn a_guardian_that_dies_ends_everybody_at_once_and_its_follower_gets_all_that_lives() {
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    let lost = bench.on(Input::Lost(Fixed::Guardian));
    assert!(ended(&lost, session));
    bench.on(Input::Joined(Fixed::Guardian));
    let joined = bench.on(Input::Guardian(Event::Hello { state: armed() }, vec![91]));
    let lifeline = joined.iter().any(|a| matches!(a, Action::Hand(launcher::Request::Lifeline, ends) if *ends == [Endpoint::Lifeline]));
    assert!(lifeline, "the launcher gets the new lifeline");
    let now = bench.now.boot_ms;
    assert!(orders(&joined).contains(&Order::Watch { session, deadline_ms: now }), "what still lives, with its end");
}

#[test]
fn a_launcher_that_comes_back_gets_the_lifeline_first() {
    let mut bench = Bench::new();
    bench.live();
    bench.on(Input::Lost(Fixed::Launcher));
    let back = bench.on(Input::Joined(Fixed::Launcher));
    let at = |wanted: fn(&launcher::Request) -> bool| back.iter().position(|a| matches!(a, Action::Hand(r, _) if wanted(r)));
    let (lifeline, held) = (at(|r| matches!(r, launcher::Request::Lifeline)), at(|r| matches!(r, launcher::Request::Hold { .. })));
    assert!(lifeline.unwrap() < held.unwrap());
}

#[test]
fn what_says_no_hello_is_not_the_guardian() {
    let mut bench = Bench::empty(Bench::new().now);
    bench.on(Input::Joined(Fixed::Guardian));
    assert!(audited(&bench.says(Event::Beat { state: armed() }), "border.out_of_turn"));
    assert!(audited(&bench.says(Event::Hello { state: armed() }), "border.out_of_turn"), "nor without a lifeline");
}

#[test]
fn each_move_of_an_end_is_told_and_the_rungs_stand_a_second_apart() {
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    let end = bench.ask(1, Ask::End { session, why: border::Line::default() });
    let now = bench.now.boot_ms;
    assert!(orders(&end).contains(&Order::Deadline { session, deadline_ms: now }), "an ordered end is now");
    assert!(!killed(&bench.pass(KILL_AFTER_MS - 1), Endpoint::SessionKill(session)));
    let over = bench.pass(1);
    assert!(killed(&over, Endpoint::SessionKill(session)), "rung 2");
    assert!(orders(&over).contains(&Order::Over { session }), "and rung 3 has nothing to do");

    let mut bench = Bench::new();
    let (_, session) = bench.live();
    let mut less = common::plant();
    let mut conduit = less.conduits[0].clone();
    conduit.longest_s = 600;
    less.conduits = common::list(&[conduit]);
    let actions = bench.on(Input::Stored(Box::new(less)));
    let deadline_ms = bench.now.boot_ms + 600_000;
    assert!(orders(&actions).contains(&Order::Deadline { session, deadline_ms }), "a shorter one too");
}

#[test]
fn a_cut_off_ends_everybody_with_that_reason_whoever_is_heard_of_first() {
    type Deaths = fn(&mut Bench, u64, u64);
    let deaths: [Deaths; 4] = [
        |_, _, _| {},
        |bench, worker, _| drop(bench.on(Input::Gone(Endpoint::Front(worker), None))),
        |bench, _, session| drop(bench.on(Input::Gone(Endpoint::Mediator(session), None))),
        |bench, _, session| {
            let kind = codec::Text::cut("operator_left");
            bench.on(Input::Mediator(session, mediation::Event::Ended { kind, text: border::Line::cut("the operator left") }));
            bench.on(exited(session, launcher::Part::Mediator));
        },
    ];
    for (number, die) in deaths.into_iter().enumerate() {
        let mut bench = Bench::new();
        let (worker, session) = bench.live();
        die(&mut bench, worker, session);
        let mut actions = bench.cut(1, Trigger::Contact { line: 0 });
        actions.extend(bench.on(exited(session, launcher::Part::Mediator)));
        actions.extend(bench.pass(KILL_AFTER_MS));
        let over = row(&actions, "session.ended").unwrap_or_else(|| panic!("{number}: it is over"));
        assert!(over.starts_with("cut_off") && over.contains("contact 0"), "{number}: {over}");
    }
}

#[test]
fn what_dies_without_a_cut_off_keeps_its_own_reason() {
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    bench.on(exited(session, launcher::Part::Mediator));
    let actions = bench.pass(DYING_MS);
    assert!(row(&actions, "session.ended").unwrap().starts_with("part_died"));
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    bench.ask(1, Ask::End { session, why: border::Line::default() });
    bench.cut(1, Trigger::Key);
    let actions = bench.pass(KILL_AFTER_MS);
    assert!(row(&actions, "session.ended").unwrap().starts_with("ended_by_admin"), "who was told to end before it ended for that");
}

#[test]
fn while_it_is_held_people_log_in_and_are_told_what_when_and_who_lifts_it() {
    let mut bench = Bench::new();
    bench.cut(3, Trigger::Key);
    bench.pass(1_000);
    let worker = bench.front(7, 40_000);
    assert_eq!(bench.sign(worker, "vera", KEY), border::front::Step::Accepted);
    let menu = bench.on(Input::Front(worker, Request::Menu));
    let why = menu.iter().find_map(|a| match a {
        Action::ToFront(_, Answer::Choices { choices }, _) => Some(choices[0].why_not.to_string()),
        _ => None,
    });
    let said = bench.want(worker, "plc-gw");
    let text = denied(&said).unwrap();
    assert_eq!(started_session(&said), None);
    for wanted in ["cut off", "the cut-off key", "(UTC)", "dinlock cutoff rearm"] {
        assert!(text.contains(wanted) && why.as_ref().unwrap().contains(wanted), "{wanted}: {text}; {why:?}");
    }
    let test = bench.ask(4, Ask::Test { target: border::Name::cut("plc-gw"), account: border::Name::cut("maint") });
    assert!(common::refused(&test).unwrap().contains("cut off"), "nor is a machine tried");
    bench.state = armed();
    bench.pass(1);
    let next = bench.front(8, 40_001);
    bench.sign(next, "vera", KEY);
    assert!(started_session(&bench.want(next, "plc-gw")).is_some(), "armed again");
}

#[test]
fn status_says_what_the_guardian_says() {
    let status = |bench: &mut Bench| {
        let actions = bench.ask(1, Ask::Status);
        actions.into_iter().find_map(|a| match a {
            Action::ToAdmin(_, Reply::Status { armed, taking_sessions, held, .. }, _) => Some((armed, taking_sessions, held.to_string())),
            _ => None,
        })
    };
    let mut bench = Bench::new();
    assert_eq!(status(&mut bench), Some((true, true, String::new())));
    bench.state = State { standing: Standing::Held { why: Hold::Starting }, lacks: 2, ..armed() };
    bench.pass(1);
    let (armed, taking, held) = status(&mut bench).unwrap();
    assert!(!armed && !taking && held.contains("zones"), "{held}");
    bench.on(Input::Lost(Fixed::Guardian));
    let (armed, taking, held) = status(&mut bench).unwrap();
    assert!(!armed && !taking && held.contains("guardian"), "{held}");
}

#[test]
fn each_note_is_written_once_and_its_receipt_follows_its_row() {
    let mut bench = Bench::new();
    let note = Note::CutAgain { trigger: Trigger::Command { uid: 0 } };
    let told = |number, wall_ms| Event::Told { number, wall_ms, note };
    let first = bench.says(told(5, 77));
    let at = |wanted: fn(&Action<u64>) -> bool| first.iter().position(wanted);
    let written = at(|a| matches!(a, Action::ToVault(border::vault::Request::Write { .. }, _)));
    let receipt = at(|a| matches!(a, Action::ToGuardian(Order::Noted { number: 5 }, _)));
    assert!(written.unwrap() < receipt.unwrap());
    assert!(row(&first, "cutoff.pressed_again").unwrap().contains("the local administrator"), "and says who");
    let again = bench.says(told(5, 77));
    assert!(!audited(&again, "cutoff.pressed_again") && orders(&again).contains(&Order::Noted { number: 5 }));
    assert!(audited(&bench.says(told(5, 78)), "cutoff.pressed_again"), "another guardian's fifth is another note");
}

#[test]
fn a_cut_off_is_written_with_its_trigger_and_the_time_of_each_step() {
    let mut bench = Bench::new();
    let begun = bench.cut(1, Trigger::Contact { line: 2 });
    let detail = row(&begun, "cutoff.begun").unwrap();
    assert!(detail.contains("wired contact 2") && detail.contains("filters 90 µs") && detail.contains("latched not yet"), "{detail}");
}

#[test]
fn a_note_of_a_cut_off_that_was_lifted_long_ago_cuts_nobody() {
    let mut bench = Bench::new();
    let old = report(4, Trigger::Key, bench.now);
    bench.state = State { report: Some(report(4, Trigger::Key, bench.now)), ..armed() };
    bench.pass(1);
    let (_, session) = bench.live();
    let actions = bench.says(Event::Told { number: 9, wall_ms: 1, note: Note::Cut { report: old } });
    assert!(audited(&actions, "cutoff.begun") && !ended(&actions, session));
}

#[test]
fn a_restarted_broker_has_all_that_lives_watched_again() {
    let mut bench = Bench::new();
    let (worker, session) = bench.live();
    bench.ask(1, Ask::Pause { session });
    let kept = bench.ask(2, Ask::Resume { session }).into_iter().find_map(|a| match a {
        Action::ToLauncher(launcher::Request::Keep { note, .. }) => Some(note),
        _ => None,
    });
    let now = bench.now;
    bench = Bench::begun(now);
    bench.on(Input::Launcher(launcher::Reply::Living { session, note: kept.unwrap() }, vec![21, 22, 23, 24]));
    bench.on(Input::Launcher(launcher::Reply::LivingFront { worker }, vec![31, 32]));
    let adopted = bench.on(Input::Launcher(launcher::Reply::AdoptDone, Vec::new()));
    let deadline_ms = now.boot_ms + 3_600_000;
    assert!(orders(&adopted).contains(&Order::Watch { session, deadline_ms }) && !ended(&adopted, session));
}
