//! Claims of the consoles and of local presence: nobody does anything there without a PIN that the vault found
//! right; a session that wants somebody at the box begins by their word alone.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks out what it is about")]

mod common;

use border::admin::{Reply as AdminReply, Request as Ask};
use border::console::{Reply, Request, View, Why};
use border::front::Answer;
use border::{Line, Name, launcher, mediation, vault};
use broker::core::{Action, Core, Endpoint, Fixed, Input, PRESENCE_MS_MAX, PRESENCE_WAITING_MAX};
use codec::{Bytes, List};
use common::{Bench, KEY, audited, denied, plant, started_session};
use model::{Conduit, Person, Plant};

/// The box's own console.
const BOX: u64 = 1;

/// Otto may unlock, and the one conduit wants somebody at the box.
fn guarded() -> Plant {
    let plain = plant();
    let people = plain.people.iter().cloned().map(|person| Person { console: person.id.as_str() == "otto", ..person });
    let conduits = plain.conduits.iter().cloned().map(|conduit| Conduit { presence: true, ..conduit });
    Plant {
        people: List::new(people.collect::<Vec<_>>()).unwrap(),
        conduits: List::new(conduits.collect::<Vec<_>>()).unwrap(),
        ..plain.clone()
    }
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.on(Input::Stored(Box::new(guarded())));
    bench
}

fn ask(bench: &mut Bench, client: u64, request: Request) -> Vec<Action<u64>> {
    bench.on(Input::Console { client, request })
}

fn reply(actions: &[Action<u64>]) -> Option<Reply> {
    actions.iter().find_map(|a| match a {
        Action::ToConsole(_, reply) => Some(reply.clone()),
        _ => None,
    })
}

fn refused(actions: &[Action<u64>]) -> Why {
    match reply(actions) {
        Some(Reply::Refused { why }) => why,
        other => panic!("{other:?}"),
    }
}

fn view(bench: &mut Bench, client: u64) -> View {
    match reply(&ask(bench, client, Request::Look)) {
        Some(Reply::View { view }) => view,
        other => panic!("{other:?}"),
    }
}

fn ask_pin(bench: &mut Bench, client: u64) -> u64 {
    let actions = ask(bench, client, Request::Unlock { person: Name::cut("otto") });
    let ticket = actions.iter().find_map(|a| match a {
        Action::AskPin { ticket, person, client: of } if person.as_str() == "otto" && *of == client => Some(*ticket),
        _ => None,
    });
    ticket.expect("the vault is asked")
}

fn checked(bench: &mut Bench, ticket: u64, pin: vault::Pin) -> Vec<Action<u64>> {
    bench.on(Input::Vault(vault::Event::PinChecked { ticket, pin }, Vec::new()))
}

fn unlock(bench: &mut Bench) {
    let ticket = ask_pin(bench, BOX);
    assert_eq!(reply(&checked(bench, ticket, vault::Pin::Right)), Some(Reply::Done));
}

/// Vera asks for the machine: her front, and the session.
fn vera_waits(bench: &mut Bench, connection: u64) -> (u64, u64, Vec<Action<u64>>) {
    let worker = bench.front(connection, u16::try_from(40_000 + connection).unwrap());
    bench.sign(worker, "vera", KEY);
    let actions = bench.want(worker, "plc-gw");
    let waiting = view(bench, 99).waiting.iter().map(|row| row.session).max().expect("she waits");
    (worker, waiting, actions)
}

#[test]
fn a_session_that_wants_presence_waits_and_nothing_of_it_is_started() {
    let mut bench = bench();
    let (worker, session, actions) = vera_waits(&mut bench, 7);
    assert_eq!(started_session(&actions), None);
    assert!(audited(&actions, "session.awaits_presence"));
    let told = actions.iter().any(|a| matches!(a, Action::ToFront(w, Answer::Waiting { text }, None) if *w == worker && text.contains("at the box")));
    assert!(told, "she is told what is awaited: {actions:?}");
    let seen = view(&mut bench, BOX);
    assert_eq!(seen.waiting.iter().map(|row| (row.session, row.person.to_string())).collect::<Vec<_>>(), [(session, "vera".to_owned())]);
    assert!(seen.sessions.is_empty(), "it is no session yet");
    assert!(Bench::new().live().1 > 0, "a conduit without presence starts at once");
}

#[test]
fn who_unlocked_admits_and_the_session_begins_under_their_name() {
    let mut bench = bench();
    let (_, session, _) = vera_waits(&mut bench, 7);
    unlock(&mut bench);
    bench.pass(60_000);
    let actions = ask(&mut bench, BOX, Request::Admit { session });
    assert_eq!(reply(&actions), Some(Reply::Done));
    assert_eq!(started_session(&actions), Some(session));
    let by_otto = actions.iter().any(|a| matches!(a, Action::ToVault(vault::Request::Write { audit }, _)
        if &*audit.kind == "session.admitted" && audit.detail.contains("otto") && audit.session == Some(session)));
    assert!(by_otto, "{actions:?}");
    assert_eq!(refused(&ask(&mut bench, BOX, Request::Admit { session })), Why::NoSession, "once");
    let started = bench.on(Input::Launcher(launcher::Reply::SessionStarted { session, mediator: 2, back: 3 }, vec![11, 12, 13, 14, 15, 16, 17, 18]));
    let full = started.iter().any(|a| matches!(a, Action::ToMediator(s, mediation::Order::Start { terms })
        if *s == session && terms.deadline_ms == bench.now.boot_ms + 3_600_000));
    assert!(full, "its time counts from its admission: {started:?}");
}

#[test]
fn nobody_admits_or_refuses_without_a_pin() {
    let mut bench = bench();
    let (_, session, _) = vera_waits(&mut bench, 7);
    let orders = [
        Request::Admit { session },
        Request::Deny { session },
        Request::End { session, block: false },
        Request::Pause { session },
        Request::Resume { session },
        Request::Rearm,
    ];
    for request in orders {
        let actions = ask(&mut bench, BOX, request);
        assert_eq!(refused(&actions), Why::Locked);
        assert_eq!(started_session(&actions), None);
    }
    let ticket = ask_pin(&mut bench, BOX);
    assert_eq!(refused(&ask(&mut bench, BOX, Request::Admit { session })), Why::Locked, "asked is not answered");
    assert_eq!(refused(&checked(&mut bench, ticket, vault::Pin::Wrong)), Why::WrongPin);
    assert_eq!(refused(&ask(&mut bench, BOX, Request::Admit { session })), Why::Locked);
    unlock(&mut bench);
    assert_eq!(refused(&ask(&mut bench, 2, Request::Admit { session })), Why::Locked, "another console is another lock");
}

#[test]
fn what_the_vault_says_of_another_question_unlocks_nothing() {
    let mut bench = bench();
    let ticket = ask_pin(&mut bench, BOX);
    assert_eq!(reply(&checked(&mut bench, ticket + 1, vault::Pin::Right)), None);
    checked(&mut bench, ticket, vault::Pin::Wrong);
    assert_eq!(reply(&checked(&mut bench, ticket, vault::Pin::Right)), None, "it was answered");
    assert_eq!(view(&mut bench, BOX).unlocked, None);
}

#[test]
fn only_who_the_plant_names_unlocks_and_no_longer_than_it_does() {
    let mut bench = bench();
    for who in ["vera", "nobody", "No Id"] {
        let actions = ask(&mut bench, BOX, Request::Unlock { person: Name::cut(who) });
        assert_eq!(refused(&actions), Why::NoPin);
        assert!(!actions.iter().any(|a| matches!(a, Action::AskPin { .. })), "{who}");
    }
    let ticket = ask_pin(&mut bench, BOX);
    bench.on(Input::Stored(Box::new(plant())));
    assert_eq!(refused(&checked(&mut bench, ticket, vault::Pin::Right)), Why::NoPin, "it was taken while he typed");
    bench.on(Input::Stored(Box::new(guarded())));
    unlock(&mut bench);
    bench.on(Input::Stored(Box::new(plant())));
    assert_eq!(refused(&ask(&mut bench, BOX, Request::Rearm)), Why::Locked, "and while he was in");
}

#[test]
fn a_refusal_at_the_box_ends_the_wait_with_words_and_starts_nothing() {
    let mut bench = bench();
    let (_, session, _) = vera_waits(&mut bench, 7);
    unlock(&mut bench);
    let actions = ask(&mut bench, BOX, Request::Deny { session });
    assert_eq!(reply(&actions), Some(Reply::Done));
    assert!(denied(&actions).unwrap().contains("did not admit you"));
    assert!(audited(&actions, "session.not_admitted") && audited(&actions, "session.ended"));
    assert!(!actions.iter().any(|a| matches!(a, Action::ToLauncher(_))), "the launcher never heard of it: {actions:?}");
    assert_eq!(refused(&ask(&mut bench, BOX, Request::Admit { session })), Why::NoSession);
}

#[test]
fn a_wait_lapses_after_five_minutes_and_not_before() {
    let mut bench = bench();
    let (_, session, _) = vera_waits(&mut bench, 7);
    assert!(denied(&bench.pass(PRESENCE_MS_MAX - 1)).is_none());
    let actions = bench.pass(1);
    assert!(denied(&actions).unwrap().contains("5 minutes"));
    assert!(audited(&actions, "session.not_admitted"));
    assert!(view(&mut bench, BOX).waiting.is_empty());
    unlock(&mut bench);
    assert_eq!(refused(&ask(&mut bench, BOX, Request::Admit { session })), Why::NoSession, "too late");
}

#[test]
fn an_operator_who_leaves_waits_no_longer() {
    let mut bench = bench();
    let (worker, session, _) = vera_waits(&mut bench, 7);
    bench.on(Input::Gone(Endpoint::Front(worker), None));
    assert!(view(&mut bench, BOX).waiting.is_empty());
    unlock(&mut bench);
    let actions = ask(&mut bench, BOX, Request::Admit { session });
    assert_eq!((refused(&actions), started_session(&actions)), (Why::NoSession, None));
    let actions = bench.pass(2_000);
    assert!(audited(&actions, "session.ended"));
    assert!(!actions.iter().any(|a| matches!(a, Action::ToLauncher(_))), "{actions:?}");
}

#[test]
fn what_changed_while_somebody_waited_counts_when_they_are_admitted() {
    let mut bench = bench();
    let (_, session, _) = vera_waits(&mut bench, 7);
    unlock(&mut bench);
    let without = Plant { conduits: List::default(), ..guarded() };
    bench.on(Input::Stored(Box::new(without)));
    let actions = ask(&mut bench, BOX, Request::Admit { session });
    assert!(matches!(refused(&actions), Why::Other { .. }));
    assert_eq!(started_session(&actions), None);
    assert!(denied(&actions).is_some(), "she is told");
    let mut bench = self::bench();
    let (_, session, _) = vera_waits(&mut bench, 7);
    unlock(&mut bench);
    bench.on(Input::Lost(Fixed::Connector));
    assert_eq!(refused(&ask(&mut bench, BOX, Request::Admit { session })), Why::Away { part: Name::cut("connector") });
    bench.on(Input::Joined(Fixed::Connector));
    assert_eq!(reply(&ask(&mut bench, BOX, Request::Admit { session })), Some(Reply::Done), "it waited on");
}

#[test]
fn so_many_wait_and_no_more() {
    let mut bench = bench();
    for connection in 0..u64::try_from(PRESENCE_WAITING_MAX).unwrap() {
        vera_waits(&mut bench, connection);
    }
    let worker = bench.front(100, 1);
    bench.sign(worker, "vera", KEY);
    let actions = bench.want(worker, "plc-gw");
    assert!(denied(&actions).unwrap().contains("too many"));
    assert!(audited(&actions, "session.refused"));
    assert_eq!(view(&mut bench, BOX).waiting.len(), PRESENCE_WAITING_MAX, "all of them are on the screen");
}

#[test]
fn it_locks_by_its_key_by_time_and_when_it_is_gone() {
    let locked = |bench: &mut Bench| view(bench, BOX).unlocked.is_none();
    let mut bench = bench();
    unlock(&mut bench);
    assert!(audited(&ask(&mut bench, BOX, Request::Lock), "console.locked") && locked(&mut bench));
    unlock(&mut bench);
    bench.pass(119_999);
    assert!(!locked(&mut bench), "looking is not doing, and it is not late yet");
    assert!(audited(&bench.pass(1), "console.locked") && locked(&mut bench));
    unlock(&mut bench);
    assert!(bench.core.next_wake_ms().is_some_and(|at| at <= bench.now.boot_ms + 120_000), "the broker wakes for it");
    assert!(audited(&bench.on(Input::ConsoleGone(BOX)), "console.locked") && locked(&mut bench));
}

#[test]
fn a_session_is_ended_paused_and_given_back_at_the_box() {
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    let plain = plant();
    let people = plain.people.iter().cloned().map(|p| Person { console: p.id.as_str() == "otto", ..p });
    bench.on(Input::Stored(Box::new(Plant { people: List::new(people.collect::<Vec<_>>()).unwrap(), ..plain.clone() })));
    unlock(&mut bench);
    assert_eq!(reply(&ask(&mut bench, BOX, Request::Pause { session })), Some(Reply::Done));
    assert_eq!(view(&mut bench, BOX).sessions.first().map(|row| row.state.to_string()), Some("paused".to_owned()));
    assert_eq!(refused(&ask(&mut bench, BOX, Request::Pause { session })), Why::NotNow);
    assert_eq!(reply(&ask(&mut bench, BOX, Request::Resume { session })), Some(Reply::Done));
    let actions = ask(&mut bench, BOX, Request::End { session, block: false });
    let ended = actions.iter().any(|a| matches!(a, Action::ToMediator(s, mediation::Order::End { text, .. }) if *s == session && text.contains("otto")));
    assert!(ended, "{actions:?}");
    assert_eq!(refused(&ask(&mut bench, BOX, Request::End { session: 999, block: false })), Why::NoSession);
}

#[test]
fn a_vault_that_goes_while_it_checks_leaves_no_question_open() {
    let mut bench = bench();
    let ticket = ask_pin(&mut bench, BOX);
    assert_eq!(refused(&ask(&mut bench, BOX, Request::Unlock { person: Name::cut("otto") })), Why::NotNow, "one at a time");
    assert!(matches!(refused(&bench.on(Input::Lost(Fixed::Vault))), Why::Away { .. }));
    assert_eq!(reply(&checked(&mut bench, ticket, vault::Pin::Right)), None);
    assert_eq!(view(&mut bench, BOX).unlocked, None);
    assert!(matches!(refused(&ask(&mut bench, BOX, Request::Unlock { person: Name::cut("otto") })), Why::Away { .. }));
}

#[test]
fn the_screen_sees_who_works_how_fast_and_what_went_wrong() {
    let mut bench = Bench::new();
    let (_, session) = bench.live();
    bench.on(Input::Mediator(session, mediation::Event::Pace { input_per_minute: 34, watched_by: Line::cut("anna") }));
    bench.on(Input::Lost(Fixed::Connector));
    let seen = view(&mut bench, BOX);
    let row = seen.sessions.first().expect("vera works");
    assert_eq!((row.session, row.input_per_minute, row.watched_by.as_str()), (session, 34, "anna"));
    assert!(row.left_ms > 3_590_000 && row.left_ms <= 3_600_000);
    assert!(seen.faults.first().is_some_and(|fault| fault.text.contains("connector")), "{:?}", seen.faults);
    assert_eq!(seen.box_key, [1; 32]);
    (0..9).for_each(|_| drop(bench.on(Input::Lost(Fixed::Listener))));
    assert_eq!(view(&mut bench, BOX).faults.len(), 4, "the last few");
}

#[test]
fn a_pin_is_set_by_an_administrator_for_one_who_may_unlock() {
    let set = |person: &str, pin: &[u8], uid: u32| {
        let mut bench = bench();
        let request = Box::new(Ask::SetPin { person: Name::cut(person), pin: Bytes::new(pin.to_vec()).unwrap() });
        let actions = bench.on(Input::Admin { client: 5, uid, request, plant: None });
        let sent = actions.iter().any(|a| matches!(a, Action::ToVault(vault::Request::SetPin { .. }, None)));
        let no = actions.iter().any(|a| matches!(a, Action::ToAdmin(5, AdminReply::Refused { .. }, _)));
        let leaked = actions.iter().any(|a| matches!(a, Action::ToVault(vault::Request::Write { audit }, _) if audit.detail.contains("482913")));
        assert!(sent != no && !leaked, "{actions:?}");
        sent
    };
    assert!(set("otto", b"482913", 0));
    assert!(!set("vera", b"482913", 0), "she may not unlock");
    assert!(!set("nobody", b"482913", 0));
    assert!(!set("otto", b"48291", 0) && !set("otto", b"48291x", 0) && !set("otto", b"4829134829134", 0));
    assert!(!set("otto", b"482913", 1000), "no administrator");
}

#[test]
fn the_pin_goes_past_the_broker() {
    let action: Action<u64> = Core::pin_asked(7, Name::cut("otto"), 21);
    assert!(matches!(action, Action::ToVault(vault::Request::OpenPin { ticket: 7, .. }, Some(21))), "only an end of a pair");
}
