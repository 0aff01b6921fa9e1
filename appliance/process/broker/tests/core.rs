//! Claims of the broker's rules, driven without I/O: descriptors are numbers.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks out what it is about")]

mod common;

use border::admin::{Reply, Request as Ask};
use border::front::{Answer, Step};
use border::{Name, launcher, listener, mediation, vault};
use broker::core::{Action, DYING_MS, Endpoint, Input, KILL_AFTER_MS, LOGIN_MS_MAX, Now};
use codec::{List, Text};
use common::{Bench, KEY, audited, denied, killed, list, plant, started_front, started_session, step_of};
use model::{Conduit, ConduitId, StreamRecord};

#[test]
fn a_session_goes_live_only_with_its_record_in_hand_and_the_machine_logged_in() {
    Bench::new().live();
    let mut bench = Bench::new();
    let worker = bench.front(7, 40_000);
    bench.sign(worker, "vera", KEY);
    let session = started_session(&bench.want(worker, "plc-gw")).unwrap();
    bench.on(Input::Launcher(launcher::Reply::SessionStarted { session, mediator: 2, back: 3 }, vec![11, 12, 13, 14, 15, 16, 17, 18]));
    let actions = bench.on(Input::Mediator(session, mediation::Event::Recording));
    assert!(!actions.iter().any(|a| matches!(a, Action::ToFront(_, Answer::Granted { .. }, _))), "the machine is missing");
}

#[test]
fn the_network_descriptor_never_comes_here_its_handover_ends_go_straight_on() {
    let mut bench = Bench::new();
    let peer = ([10, 99, 1, 2], 1).into();
    let asked = bench.on(Input::Listener(listener::Event::Accepted { connection: 7, peer }));
    let worker = started_front(&asked).unwrap();
    let actions = bench.on(Input::Launcher(launcher::Reply::FrontStarted { worker, pid: 1 }, vec![1, 2, 3, 4]));
    assert!(actions.iter().any(|a| matches!(a, Action::ToListener(listener::Order::HandTo { connection: 7 }, Some(2)))));
    assert!(actions.iter().any(|a| matches!(a, Action::ToVault(vault::Request::OpenFront { .. }, Some(3)))));
    assert!(!actions.iter().any(|a| matches!(a, Action::Hold(_, 2 | 3))), "neither end is kept");
}

#[test]
fn a_key_alone_is_not_enough_where_a_code_is_asked() {
    let mut bench = Bench::new();
    let worker = bench.front(7, 1);
    assert_eq!(bench.sign(worker, "otto", KEY), Step::NeedCode);
    let checked = |code| vault::Event::Checked { worker, person: Name::cut("otto"), password: false, code, why: Text::default() };
    assert_eq!(step_of(&bench.on(Input::Vault(checked(false), vec![]))), Step::Rejected);
    assert_eq!(step_of(&bench.on(Input::Vault(checked(true), vec![]))), Step::Accepted);
}

#[test]
fn a_code_without_the_key_is_refused() {
    let mut bench = Bench::new();
    let worker = bench.front(7, 1);
    let checked = vault::Event::Checked { worker, person: Name::cut("otto"), password: true, code: true, why: Text::default() };
    assert_eq!(step_of(&bench.on(Input::Vault(checked, vec![]))), Step::Rejected);
}

#[test]
fn an_unknown_person_and_a_wrong_key_are_answered_alike() {
    let mut bench = Bench::new();
    let worker = bench.front(7, 1);
    assert_eq!(bench.sign(worker, "nobody", KEY), Step::Rejected);
    assert_eq!(bench.sign(worker, "vera", "ssh-ed25519 AAAAother"), Step::Rejected);
}

#[test]
fn a_target_that_is_not_theirs_and_one_that_does_not_exist_are_refused_in_the_same_words() {
    let refusal = |target: &str| {
        let mut bench = Bench::new();
        let worker = bench.front(7, 1);
        bench.sign(worker, "vera", KEY);
        let actions = bench.want(worker, target);
        assert!(audited(&actions, "session.refused"));
        assert_eq!(started_session(&actions), None);
        denied(&actions).expect("a refusal")
    };
    assert_eq!(refusal("hidden"), refusal("no-such-target"));
}

#[test]
fn a_front_that_asks_before_login_is_killed_and_audited() {
    let mut bench = Bench::new();
    let worker = bench.front(7, 1);
    let actions = bench.want(worker, "plc-gw");
    assert!(audited(&actions, "border.out_of_turn"));
    assert!(killed(&actions, Endpoint::FrontKill(worker)));
    assert_eq!(started_session(&actions), None);
}

#[test]
fn nobody_within_thirty_seconds_ends_the_front() {
    let mut bench = Bench::new();
    let worker = bench.front(7, 1);
    assert!(!killed(&bench.pass(LOGIN_MS_MAX - 1), Endpoint::FrontKill(worker)));
    assert!(killed(&bench.pass(1), Endpoint::FrontKill(worker)));
}

#[test]
fn unknown_fronts_are_bounded_by_source_and_the_rest_waits() {
    let mut bench = Bench::new();
    let workers: Vec<u64> = (0..4).map(|n| bench.front(n, 100)).collect();
    let peer = ([10, 99, 1, 2], 200).into();
    let fifth = bench.on(Input::Listener(listener::Event::Accepted { connection: 9, peer }));
    assert!(!fifth.iter().any(|a| matches!(a, Action::ToLauncher(_))), "the fifth of one source waits");
    let after = bench.on(Input::Gone(Endpoint::Front(workers[0]), None));
    assert!(after.iter().any(|a| matches!(a, Action::ToLauncher(launcher::Request::StartFront { .. }))), "and comes when one goes");
}

#[test]
fn a_mediator_that_does_not_end_is_killed_one_second_after_the_deadline() {
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    let deadline = 3_600_000;
    let before = bench.pass(deadline + KILL_AFTER_MS - 1_100);
    assert!(!killed(&before, Endpoint::SessionKill(session)));
    let after = bench.pass(1_100);
    assert!(killed(&after, Endpoint::SessionKill(session)), "rung 2");
    assert!(audited(&after, "session.ended"));
}

#[test]
fn a_withdrawn_permission_ends_the_session_within_a_second() {
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    let mut less = plant();
    less.conduits = List::default();
    let actions = bench.on(Input::Stored(Box::new(less)));
    let told = actions.iter().any(|a| matches!(a, Action::ToMediator(s, mediation::Order::End { .. }) if *s == session));
    assert!(told, "the mediator is told at once");
    assert!(!killed(&actions, Endpoint::SessionKill(session)), "it may end by itself first");
    assert!(killed(&bench.pass(KILL_AFTER_MS), Endpoint::SessionKill(session)), "rung 2");
}

#[test]
fn a_plant_that_keeps_the_permission_ends_nothing() {
    let mut bench = Bench::new();
    bench.live();
    let actions = bench.on(Input::Stored(Box::new(plant())));
    assert!(!actions.iter().any(|a| matches!(a, Action::ToMediator(_, mediation::Order::End { .. }))));
}

/// The last deadline that the mediator was told, ms from now, and why.
fn moved(bench: &Bench, actions: &[Action<u64>]) -> Option<(u64, mediation::Bound)> {
    let moved = actions.iter().rev().find_map(|a| match a {
        Action::ToMediator(_, mediation::Order::Deadline { deadline_ms, bound }) => Some((*deadline_ms, *bound)),
        _ => None,
    });
    moved.map(|(at, bound)| (at - bench.now.boot_ms, bound))
}

fn plant_with(change: impl Fn(&mut Conduit)) -> Input<u64> {
    let mut changed = plant();
    let mut conduit = changed.conduits[0].clone();
    change(&mut conduit);
    changed.conduits = list(&[conduit]);
    Input::Stored(Box::new(changed))
}

#[test]
fn a_shorter_longest_session_shortens_the_living_and_a_longer_one_gives_nothing() {
    let mut bench = Bench::new();
    bench.live();
    bench.pass(100_000);
    let actions = bench.on(plant_with(|conduit| conduit.longest_s = 600));
    assert_eq!(moved(&bench, &actions), Some((500_000, mediation::Bound::Longest)), "it counts from the begin");
    assert!(audited(&actions, "session.shortened"));
    let actions = bench.on(plant_with(|conduit| conduit.longest_s = 7200));
    assert_eq!(moved(&bench, &actions), None);
    let (listed, _) = bench_left(&mut bench);
    assert_eq!(listed, 500_000, "listings show what is left");
}

/// What `session list` says is left of the one session, and its state.
fn bench_left(bench: &mut Bench) -> (u64, String) {
    let ask = Input::Admin { client: 1, uid: 0, request: Box::new(Ask::Sessions { all: false }), plant: None };
    let actions = bench.on(ask);
    let row = actions.iter().find_map(|a| match a {
        Action::ToAdmin(1, Reply::Sessions { rows, .. }, _) => rows.iter().next().cloned(),
        _ => None,
    });
    let row = row.expect("a session is listed");
    (row.left_ms.unwrap_or_default(), row.state.to_string())
}

#[test]
fn a_window_that_now_ends_earlier_ends_the_session_then_and_says_so() {
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    let minute = u16::try_from(bench.now.wall_ms.div_euclid(60_000).rem_euclid(1440)).unwrap();
    let into_ms = u64::try_from(bench.now.wall_ms.rem_euclid(60_000)).unwrap();
    let window = model::Window { days: 0x7f, from_minute: (minute + 1439) % 1440, to_minute: minute + 5 };
    let actions = bench.on(plant_with(|conduit| conduit.windows = list(&[window])));
    assert_eq!(moved(&bench, &actions), Some((300_000 - into_ms, mediation::Bound::Window)));
    let before = bench.pass(300_000 - into_ms - 1);
    let ended = |actions: &[Action<u64>]| {
        actions.iter().find_map(|a| match a {
            Action::ToMediator(s, mediation::Order::End { reason, .. }) if *s == session => Some(reason.to_string()),
            _ => None,
        })
    };
    assert_eq!(ended(&before), None);
    assert_eq!(ended(&bench.pass(1)).as_deref(), Some("window_closed"));
}

#[test]
fn a_window_that_is_moved_by_the_clock_alone_is_no_order_to_the_mediator() {
    let mut bench = Bench::new();
    bench.live();
    let window = model::Window { days: 0x7f, from_minute: 0, to_minute: 1439 };
    let actions = bench.on(plant_with(|conduit| (conduit.windows, conduit.longest_s) = (list(&[window]), 86_400)));
    assert_eq!(moved(&bench, &actions), None, "an hour was granted, and the window is longer");
    bench.now.wall_ms += 150;
    let actions = bench.pass(1_000);
    assert_eq!(moved(&bench, &actions), None);
}

#[test]
fn a_shorter_idle_limit_reaches_the_living_and_a_longer_one_does_not() {
    let mut bench = Bench::new();
    bench.live();
    let idle = |actions: &[Action<u64>]| {
        actions.iter().find_map(|a| match a {
            Action::ToMediator(_, mediation::Order::Idle { idle_ms }) => Some(*idle_ms),
            _ => None,
        })
    };
    assert_eq!(idle(&bench.on(plant_with(|conduit| conduit.idle_s = 60))), Some(60_000));
    assert_eq!(idle(&bench.on(plant_with(|conduit| conduit.idle_s = 90))), None);
    assert_eq!(idle(&bench.on(plant_with(|conduit| conduit.idle_s = 0))), None);
}

#[test]
fn a_deadline_that_has_come_is_waited_for_without_spinning() {
    let mut bench = Bench::new();
    bench.live();
    bench.pass(3_600_000);
    assert!(bench.core.next_wake_ms() > Some(bench.now.boot_ms));
}

#[test]
fn an_operator_who_leaves_ends_the_session() {
    let mut bench = Bench::new();
    let (worker, session) = bench.live();
    let ended = |actions: &[Action<u64>]| {
        actions.iter().any(|a| matches!(a, Action::ToMediator(s, mediation::Order::End { .. }) if *s == session))
    };
    assert!(!ended(&bench.on(Input::Gone(Endpoint::Front(worker), None))), "it might be a cut-off");
    assert!(ended(&bench.pass(DYING_MS)));
}

#[test]
fn only_an_administrator_is_answered() {
    let mut bench = Bench::new();
    let ask = |uid| Input::Admin { client: 1, uid, request: Box::new(Ask::Sessions { all: false }), plant: None };
    let refused = bench.on(ask(1_000));
    assert!(refused.iter().any(|a| matches!(a, Action::ToAdmin(1, Reply::Refused { .. }, _))));
    assert!(audited(&refused, "admin.refused"));
    let answered = bench.on(ask(0));
    assert!(answered.iter().any(|a| matches!(a, Action::ToAdmin(1, Reply::Sessions { .. }, _))));
}

#[test]
fn a_full_disk_refuses_new_sessions_and_spares_the_living() {
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    bench.on(Input::Vault(vault::Event::Disk { free_mb: 1, refuse: true, days_left: None }, vec![]));
    assert!(!killed(&bench.pass(5_000), Endpoint::SessionKill(session)));
    let worker = bench.front(8, 2);
    bench.sign(worker, "vera", KEY);
    let actions = bench.want(worker, "plc-gw");
    assert!(denied(&actions).expect("refused").contains("no room"));
}

/// The terms that a session's mediator is given.
fn terms_of(actions: &[Action<u64>]) -> mediation::Terms {
    let terms = actions.iter().find_map(|a| match a {
        Action::ToMediator(_, mediation::Order::Start { terms }) => Some(terms.clone()),
        _ => None,
    });
    terms.expect("the mediator is started")
}

#[test]
fn a_session_runs_on_the_terms_of_the_conduit_that_granted_it() {
    let mut bench = Bench::new();
    let mut two = plant();
    let mut shut = two.conduits[0].clone();
    shut.id = ConduitId::parse("shut").unwrap();
    (shut.approvals, shut.idle_s, shut.streams) = (2, 7, StreamRecord::LengthAndHash);
    two.conduits = list(&[shut, two.conduits[0].clone()]);
    bench.on(Input::Stored(Box::new(two)));
    let worker = bench.front(7, 1);
    bench.sign(worker, "vera", KEY);
    let session = started_session(&bench.want(worker, "plc-gw")).expect("the second conduit permits it");
    let reply = launcher::Reply::SessionStarted { session, mediator: 2, back: 3 };
    let terms = terms_of(&bench.on(Input::Launcher(reply, vec![11, 12, 13, 14, 15, 16, 17, 18])));
    assert_eq!((terms.idle_ms, terms.bulk_hash_only), (0, false), "not those of the conduit that is shut");
}

#[test]
fn a_session_ends_with_its_own_conduit_although_another_would_permit_it() {
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    let mut other = plant();
    let mut conduit = other.conduits[0].clone();
    conduit.id = ConduitId::parse("other").unwrap();
    other.conduits = list(&[conduit]);
    let actions = bench.on(Input::Stored(Box::new(other)));
    assert!(actions.iter().any(|a| matches!(a, Action::ToMediator(s, mediation::Order::End { .. }) if *s == session)));
}

#[test]
fn the_box_gives_no_key_before_its_vault_is_open() {
    let mut bench = Bench::empty(Now { boot_ms: 1_000, wall_ms: 1_790_000_000_000 });
    let ask = || Input::Admin { client: 1, uid: 0, request: Box::new(Ask::Status), plant: None };
    let early = bench.on(ask());
    assert!(early.iter().any(|a| matches!(a, Action::ToAdmin(1, Reply::Refused { .. }, _))));
    bench.on(Input::Vault(vault::Event::Ready { box_key: [5; 32], plant: false, next_session: 1 }, vec![]));
    let later = bench.on(ask());
    assert!(later.iter().any(|a| matches!(a, Action::ToAdmin(1, Reply::Status { box_key, .. }, _) if *box_key == [5; 32])));
}

#[test]
fn who_follows_the_audit_log_is_written_down_once_and_who_reads_back_each_time() {
    let mut bench = Bench::new();
    let mut read = |ms: u64, uid: u32, from: u64, to: u64| {
        bench.pass(ms);
        audited(&bench.on(Input::Admin { client: 1, uid, request: Box::new(Ask::ExportAudit { from, to }), plant: None }), "audit.exported")
    };
    assert!(read(0, 0, 1, u64::MAX), "it begins");
    assert!(!read(1_000, 0, 9, u64::MAX) && !read(1_000, 0, 9, u64::MAX) && !read(1_000, 0, 12, u64::MAX), "and goes on");
    assert!(read(1_000, 0, 5, u64::MAX), "further back");
    assert!(read(1_000, 0, 5, 9), "a piece");
    assert!(read(6_000, 0, 12, u64::MAX), "after a while");
    assert!(read(0, 0, 1, u64::MAX) && read(0, 0, 1, u64::MAX), "from the beginning, each time");
}
