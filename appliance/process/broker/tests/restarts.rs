//! A part of the box dies and comes back; so does the broker itself.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks out what it is about")]

mod common;

use border::admin::{Reply, Request as Ask};
use border::front::{Answer, Request, Step};
use border::{Name, launcher, listener, mediation, vault};
use broker::core::{Action, DYING_MS, Endpoint, Fixed, Input, KILL_AFTER_MS};
use common::{Bench, KEY, audited, denied, killed, ready, started_front, started_session};

/// What a launcher keeps: the last note of each session.
fn note(actions: &[Action<u64>], of: u64) -> Option<launcher::Note> {
    actions.iter().rev().find_map(|a| match a {
        Action::ToLauncher(launcher::Request::Keep { session, note }) if *session == of => Some(note.clone()),
        _ => None,
    })
}

/// The broker dies; its follower hears the launcher out. Descriptors: 21 to 24 and 31, 32.
fn restarted(bench: &mut Bench, session: u64, note: launcher::Note, fronts: &[u64]) -> Vec<Action<u64>> {
    *bench = Bench::begun(bench.now);
    bench.on(Input::Launcher(launcher::Reply::Living { session, note }, vec![21, 22, 23, 24]));
    for &worker in fronts {
        bench.on(Input::Launcher(launcher::Reply::LivingFront { worker }, vec![31, 32]));
    }
    bench.on(Input::Launcher(launcher::Reply::AdoptDone, Vec::new()))
}

/// Vera works; the launcher has this note of it.
fn live(bench: &mut Bench) -> (u64, u64, launcher::Note) {
    let (worker, session) = bench.live();
    bench.on(Input::Admin { client: 1, uid: 0, request: Box::new(Ask::Pause { session }), plant: None });
    let actions = bench.on(Input::Admin { client: 2, uid: 0, request: Box::new(Ask::Resume { session }), plant: None });
    (worker, session, note(&actions, session).expect("the launcher is told"))
}

#[test]
fn a_restarted_broker_takes_up_a_living_session_and_can_end_it() {
    let mut bench = Bench::new();
    let (worker, session, kept) = live(&mut bench);
    let actions = restarted(&mut bench, session, kept, &[worker]);
    assert!(audited(&actions, "session.adopted"));
    assert!(!killed(&actions, Endpoint::SessionKill(session)) && !killed(&actions, Endpoint::FrontKill(worker)));
    for (endpoint, held) in [
        (Endpoint::Mediator(session), 21),
        (Endpoint::Back(session), 22),
        (Endpoint::SessionKill(session), 23),
        (Endpoint::SessionEvents(session), 24),
        (Endpoint::Front(worker), 31),
        (Endpoint::FrontKill(worker), 32),
    ] {
        assert!(actions.iter().any(|a| matches!(a, Action::Hold(e, fd) if *e == endpoint && *fd == held)), "{endpoint:?}");
    }
    let end = Ask::End { session, why: border::Line::cut("shift change") };
    let actions = bench.on(Input::Admin { client: 1, uid: 0, request: Box::new(end), plant: None });
    assert!(actions.iter().any(|a| matches!(a, Action::ToMediator(s, mediation::Order::End { .. }) if *s == session)));
    assert!(killed(&bench.pass(KILL_AFTER_MS), Endpoint::SessionKill(session)), "rung 2 holds for it too");
}

#[test]
fn its_deadline_and_its_permission_are_those_that_it_had() {
    let mut bench = Bench::new();
    let (worker, session, kept) = live(&mut bench);
    restarted(&mut bench, session, kept.clone(), &[worker]);
    assert!(!killed(&bench.pass(3_598_000), Endpoint::SessionKill(session)), "an hour was granted");
    assert!(killed(&bench.pass(3_000), Endpoint::SessionKill(session)));

    let mut bench = Bench::new();
    let (worker, session, kept) = live(&mut bench);
    restarted(&mut bench, session, kept, &[worker]);
    let mut less = common::plant();
    less.conduits = codec::List::default();
    let actions = bench.on(Input::Stored(Box::new(less)));
    assert!(actions.iter().any(|a| matches!(a, Action::ToMediator(s, mediation::Order::End { .. }) if *s == session)));
}

#[test]
fn a_shorter_longest_session_counts_from_its_own_begin_after_a_restart_too() {
    let mut bench = Bench::new();
    let (worker, session, kept) = live(&mut bench);
    bench.pass(100_000);
    let moved = |actions: &[Action<u64>]| {
        actions.iter().find_map(|a| match a {
            Action::ToMediator(s, mediation::Order::Deadline { deadline_ms, .. }) if *s == session => Some(*deadline_ms),
            _ => None,
        })
    };
    let actions = restarted(&mut bench, session, kept, &[worker]);
    assert_eq!(moved(&actions), None, "nothing is taken by the restart itself");
    let mut less = common::plant();
    let mut conduit = less.conduits[0].clone();
    conduit.longest_s = 600;
    less.conduits = common::list(&[conduit]);
    let actions = bench.on(Input::Stored(Box::new(less)));
    assert_eq!(moved(&actions), Some(bench.now.boot_ms + 500_000));
    assert!(note(&actions, session).is_some(), "and the launcher keeps it");
}

#[test]
fn its_operator_goes_on_as_before_and_whoever_had_not_logged_in_begins_anew() {
    let mut bench = Bench::new();
    let (worker, session, kept) = live(&mut bench);
    let other = bench.front(8, 40_001);
    let actions = restarted(&mut bench, session, kept, &[worker, other]);
    assert!(killed(&actions, Endpoint::FrontKill(other)) && !killed(&actions, Endpoint::FrontKill(worker)));
    let refused = bench.on(Input::Front(worker, Request::Refused { what: Name::cut("agent") }));
    assert!(audited(&refused, "channel.refused"));
    let again = bench.on(Input::Front(worker, Request::Menu));
    assert!(killed(&again, Endpoint::FrontKill(worker)), "it has its session already: this is out of turn");
}

#[test]
fn what_was_only_beginning_ends_with_the_broker_and_is_written_down() {
    let mut bench = Bench::new();
    let worker = bench.front(7, 40_000);
    bench.sign(worker, "vera", KEY);
    let session = started_session(&bench.want(worker, "plc-gw")).unwrap();
    let reply = launcher::Reply::SessionStarted { session, mediator: 2, back: 3 };
    let kept = note(&bench.on(Input::Launcher(reply, vec![11, 12, 13, 14, 15, 16, 17, 18])), session).unwrap();
    let actions = restarted(&mut bench, session, kept, &[worker]);
    assert!(killed(&actions, Endpoint::SessionKill(session)) && killed(&actions, Endpoint::FrontKill(worker)));
    assert!(audited(&actions, "session.ended") && !audited(&actions, "session.adopted"));
}

#[test]
fn a_note_that_no_broker_wrote_gives_nobody_a_session() {
    let mut bench = Bench::new();
    let (worker, session, _) = live(&mut bench);
    let nonsense = codec::Bytes::new(vec![9; 40]).unwrap();
    let actions = restarted(&mut bench, session, nonsense, &[worker]);
    assert!(killed(&actions, Endpoint::SessionKill(session)) && killed(&actions, Endpoint::FrontKill(worker)));
}

#[test]
fn what_the_launcher_names_unasked_or_without_its_descriptors_is_nobodys_and_is_written_down() {
    let mut bench = Bench::new();
    let (_, session, kept) = live(&mut bench);
    let unasked = bench.on(Input::Launcher(launcher::Reply::Living { session: 9, note: kept.clone() }, vec![21, 22, 23, 24]));
    assert!(audited(&unasked, "border.out_of_turn"));
    let mut bench = Bench::begun(bench.now);
    let short = bench.on(Input::Launcher(launcher::Reply::Living { session, note: kept }, vec![21, 22]));
    assert!(audited(&short, "border.out_of_turn"));
    let front = bench.on(Input::Launcher(launcher::Reply::LivingFront { worker: 3 }, vec![31]));
    assert!(audited(&front, "border.out_of_turn"));
    let done = bench.on(Input::Launcher(launcher::Reply::AdoptDone, Vec::new()));
    assert!(!audited(&done, "session.adopted"));
}

#[test]
fn a_session_whose_operator_left_meanwhile_ends() {
    let mut bench = Bench::new();
    let (_, session, kept) = live(&mut bench);
    let actions = restarted(&mut bench, session, kept, &[]);
    assert!(actions.iter().any(|a| matches!(a, Action::ToMediator(s, mediation::Order::End { .. }) if *s == session)));
}

#[test]
fn numbers_are_not_given_again_after_a_restart() {
    let mut bench = Bench::new();
    let (worker, session, kept) = live(&mut bench);
    bench.pass(5);
    restarted(&mut bench, session, kept, &[worker]);
    let next = bench.front(9, 40_002);
    assert!(next > worker);
    bench.sign(next, "vera", KEY);
    assert!(started_session(&bench.want(next, "plc-gw")).unwrap() > session);
}

#[test]
fn nobody_comes_in_before_the_living_are_known() {
    let mut bench = Bench::begun(Bench::new().now);
    let peer = ([10, 99, 1, 2], 1).into();
    let early = bench.on(Input::Listener(listener::Event::Accepted { connection: 1, peer }));
    assert_eq!(started_front(&early), None);
    let later = bench.on(Input::Launcher(launcher::Reply::AdoptDone, Vec::new()));
    assert!(started_front(&later).is_some(), "who waited has their turn");
}

#[test]
fn a_launcher_that_comes_back_is_given_what_lives() {
    let mut bench = Bench::new();
    let (worker, session) = bench.live();
    let lost = bench.on(Input::Lost(Fixed::Launcher));
    assert!(audited(&lost, "part.lost") && !killed(&lost, Endpoint::SessionKill(session)), "the session goes on");
    let back = bench.on(Input::Joined(Fixed::Launcher));
    let handed: Vec<&Vec<Endpoint>> = back.iter().filter_map(|a| match a {
        Action::Hand(launcher::Request::Hold { .. } | launcher::Request::HoldFront { .. }, ends) => Some(ends),
        _ => None,
    }).collect();
    let of_session = vec![
        Endpoint::Mediator(session),
        Endpoint::Back(session),
        Endpoint::SessionKill(session),
        Endpoint::SessionEvents(session),
    ];
    assert_eq!(handed, [&of_session, &vec![Endpoint::Front(worker), Endpoint::FrontKill(worker)]]);
    assert!(!back.iter().any(|a| matches!(a, Action::ToLauncher(launcher::Request::Adopt))), "it knows of nothing");
}

#[test]
fn nobody_begins_while_a_part_is_away_and_the_words_say_to_try_again() {
    for part in [Fixed::Launcher, Fixed::Connector, Fixed::Vault] {
        let mut bench = Bench::new();
        let worker = bench.front(7, 1);
        assert_eq!(bench.sign(worker, "vera", KEY), Step::Accepted);
        bench.on(Input::Lost(part));
        let actions = bench.want(worker, "plc-gw");
        let text = denied(&actions).unwrap_or_else(|| panic!("{part:?}: refused"));
        assert!(text.contains("try again") && text.contains(part.name()), "{text}");
        assert_eq!(started_session(&actions), None);
    }
}

#[test]
fn a_dial_that_the_connector_took_with_it_ends_at_once() {
    let mut bench = Bench::new();
    let worker = bench.front(7, 40_000);
    bench.sign(worker, "vera", KEY);
    let session = started_session(&bench.want(worker, "plc-gw")).unwrap();
    let reply = launcher::Reply::SessionStarted { session, mediator: 2, back: 3 };
    bench.on(Input::Launcher(reply, vec![11, 12, 13, 14, 15, 16, 17, 18]));
    let actions = bench.on(Input::Lost(Fixed::Connector));
    assert!(denied(&actions).unwrap().contains("connector stopped"));

    let mut bench = Bench::new();
    let (_, session) = bench.live();
    let actions = bench.on(Input::Lost(Fixed::Connector));
    assert!(!killed(&actions, Endpoint::SessionKill(session)), "who has the connection keeps it");
}

#[test]
fn connections_of_a_dead_listener_get_no_front_and_their_numbers_no_other_connection() {
    let mut bench = Bench::new();
    let peer = ([10, 99, 1, 2], 1).into();
    let worker = started_front(&bench.on(Input::Listener(listener::Event::Accepted { connection: 1, peer }))).unwrap();
    bench.on(Input::Lost(Fixed::Listener));
    bench.on(Input::Joined(Fixed::Listener));
    let actions = bench.on(Input::Launcher(launcher::Reply::FrontStarted { worker, pid: 1 }, vec![1, 2, 3, 4]));
    assert!(!actions.iter().any(|a| matches!(a, Action::ToListener(listener::Order::HandTo { .. }, _))));
    assert!(killed(&actions, Endpoint::FrontKill(worker)));
}

#[test]
fn whoever_waits_for_the_vault_hears_that_it_is_gone() {
    let mut bench = Bench::new();
    bench.on(Input::Admin { client: 4, uid: 0, request: Box::new(Ask::Recordings), plant: None });
    let actions = bench.on(Input::Lost(Fixed::Vault));
    assert!(actions.iter().any(|a| matches!(a, Action::ToAdmin(4, Reply::Refused { .. }, _))));
    // The answer to a ticket of before is nobody's.
    bench.on(Input::Joined(Fixed::Vault));
    bench.on(Input::Vault(ready(), Vec::new()));
    let late = bench.on(Input::Vault(vault::Event::Document { ticket: 1 }, vec![5]));
    assert!(!late.iter().any(|a| matches!(a, Action::ToAdmin(..))));
}

#[test]
fn the_launcher_is_told_to_forget_what_is_over() {
    let mut bench = Bench::new();
    let (worker, session) = bench.live();
    let actions = bench.on(Input::Gone(Endpoint::Front(worker), None));
    let forgets = |actions: &[Action<u64>], number, session| {
        let wanted = launcher::Request::Forget { number, session };
        actions.iter().any(|a| matches!(a, Action::ToLauncher(request) if *request == wanted))
    };
    assert!(forgets(&actions, worker, false));
    bench.pass(DYING_MS);
    assert!(forgets(&bench.pass(KILL_AFTER_MS), session, true));
}

#[test]
fn the_stream_is_granted_only_after_the_launcher_has_the_note() {
    let mut bench = Bench::new();
    let worker = bench.front(7, 40_000);
    bench.sign(worker, "vera", KEY);
    let session = started_session(&bench.want(worker, "plc-gw")).unwrap();
    let reply = launcher::Reply::SessionStarted { session, mediator: 2, back: 3 };
    bench.on(Input::Launcher(reply, vec![11, 12, 13, 14, 15, 16, 17, 18]));
    let key = border::KeyLine::cut(KEY);
    let fingerprint = codec::Text::cut("SHA256:x");
    bench.on(Input::Back(session, border::machine::Event::HostKeySeen { key, fingerprint, pinned: true }));
    bench.on(Input::Back(session, border::machine::Event::Ready));
    let actions = bench.on(Input::Mediator(session, mediation::Event::Recording));
    let kept = actions.iter().position(|a| matches!(a, Action::ToLauncher(launcher::Request::Keep { .. })));
    let granted = actions.iter().position(|a| matches!(a, Action::ToFront(_, Answer::Granted { .. }, _)));
    assert!(kept.unwrap() < granted.unwrap());
}
