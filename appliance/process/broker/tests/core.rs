//! Claims of the broker's rules, driven without I/O: descriptors are numbers.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks out what it is about")]

use border::admin::{Reply, Request as Ask};
use border::front::{Answer, Request, Step};
use border::{KeyLine, Name, connector, launcher, listener, machine, mediation, vault};
use broker::core::{Action, Core, Endpoint, Input, KILL_AFTER_MS, LOGIN_MS_MAX, Now};
use codec::{List, Text};
use model::{
    Account, AccountId, BoxFacts, Conduit, ConduitId, Destination, InputRecord, Kind, Limits, Login, Person, PersonId,
    Plant, RecordingRules, SecretId, SecretKind, StreamRecord, Target, TargetId,
};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIexample vera@laptop";

fn list<T: Clone, const N: usize>(values: &[T]) -> List<T, N> {
    List::new(values.to_vec()).unwrap()
}

fn person(id: &str, login: Login) -> Person {
    Person {
        id: PersonId::parse(id).unwrap(),
        name: Text::default(),
        employer: Text::default(),
        telephone: Text::default(),
        roles: List::default(),
        login,
        keys: list(&[Text::cut(KEY)]),
        admin: false,
        local_uid: None,
    }
}

fn plant() -> Plant {
    let account = Account {
        id: AccountId::parse("maint").unwrap(),
        user: Text::cut("maint"),
        secret: SecretId::parse("plc-gw-maint").unwrap(),
        secret_kind: SecretKind::Key,
    };
    let target = |id: &str, last: u8| Target {
        id: TargetId::parse(id).unwrap(),
        kind: Kind::Ssh,
        address: [10, 99, 2, last].into(),
        port: 22,
        host_keys: List::default(),
        legacy_algorithms: List::default(),
        accounts: list(std::slice::from_ref(&account)),
    };
    let conduit = Conduit {
        id: ConduitId::parse("work").unwrap(),
        people: list(&[PersonId::parse("vera").unwrap(), PersonId::parse("otto").unwrap()]),
        roles: List::default(),
        targets: list(&[Destination { target: TargetId::parse("plc-gw").unwrap(), account: None }]),
        windows: List::default(),
        longest_s: 3600,
        idle_s: 0,
        approvals: 0,
        approvers: List::default(),
        input: InputRecord::Echoed,
        streams: StreamRecord::Content,
        recorder_grace_s: 10,
        reconnect_grace_s: 0,
    };
    Plant {
        box_facts: BoxFacts { name: Text::cut("demo"), banner: Text::cut("Recorded."), zone_time: Text::cut("UTC") },
        people: list(&[person("vera", Login::Key), person("otto", Login::KeyTotp)]),
        targets: list(&[target("plc-gw", 10), target("hidden", 20)]),
        conduits: list(&[conduit]),
        recording: RecordingRules { auditors: list(&[Text::cut("age1x")]), refuse_below_mb: 1, warn_below_mb: 2, live_key_s: 0 },
        limits: Limits { tries_before_lockout: 5, lockout_s: 60 },
    }
}

/// A box on which time is a number.
struct Bench {
    core: Core<u64>,
    now: Now,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self { core: Core::default(), now: Now { boot_ms: 1_000, wall_ms: 1_790_000_000_000 } };
        bench.on(Input::Stored(Box::new(plant())));
        bench
    }

    fn on(&mut self, input: Input<u64>) -> Vec<Action<u64>> {
        self.core.on(input, self.now)
    }

    fn pass(&mut self, ms: u64) -> Vec<Action<u64>> {
        self.now.boot_ms += ms;
        self.now.wall_ms += i64::try_from(ms).unwrap();
        self.on(Input::Tick)
    }

    /// A connection gets its front.
    fn front(&mut self, connection: u64, port: u16) -> u64 {
        let peer = ([10, 99, 1, 2], port).into();
        let actions = self.on(Input::Listener(listener::Event::Accepted { connection, peer }));
        let worker = actions.iter().find_map(|a| match a {
            Action::ToLauncher(launcher::Request::StartFront { worker }) => Some(*worker),
            _ => None,
        });
        let worker = worker.expect("a front is started");
        self.on(Input::Launcher(launcher::Reply::FrontStarted { worker, pid: 1 }, vec![1, 2, 3, 4]));
        worker
    }

    fn sign(&mut self, worker: u64, who: &str, key: &str) -> Step {
        let request = Request::KeySigned { person: Name::cut(who), key: KeyLine::cut(key) };
        step_of(&self.on(Input::Front(worker, request)))
    }

    fn want(&mut self, worker: u64, target: &str) -> Vec<Action<u64>> {
        let request = Request::Want { target: Name::cut(target), account: Name::default() };
        self.on(Input::Front(worker, request))
    }

    /// Vera works on the machine.
    fn live(&mut self) -> (u64, u64) {
        let worker = self.front(7, 40_000);
        assert_eq!(self.sign(worker, "vera", KEY), Step::Accepted);
        let session = started_session(&self.want(worker, "plc-gw")).expect("a session is started");
        let reply = launcher::Reply::SessionStarted { session, mediator: 2, back: 3 };
        self.on(Input::Launcher(reply, vec![11, 12, 13, 14, 15, 16, 17]));
        self.on(Input::Connector(connector::Event::HandedOn { session }));
        let key = KeyLine::cut(KEY);
        self.on(Input::Back(session, machine::Event::HostKeySeen { key, fingerprint: Text::cut("SHA256:x"), pinned: true }));
        self.on(Input::Back(session, machine::Event::Ready));
        let actions = self.on(Input::Mediator(session, mediation::Event::Recording));
        let granted = actions.iter().any(|a| matches!(a, Action::ToFront(w, Answer::Granted { .. }, Some(16)) if *w == worker));
        assert!(granted, "the front gets the stream: {actions:?}");
        (worker, session)
    }
}

fn step_of(actions: &[Action<u64>]) -> Step {
    let step = actions.iter().find_map(|a| match a {
        Action::ToFront(_, Answer::Login { step }, _) => Some(*step),
        _ => None,
    });
    step.expect("the front hears a step")
}

fn started_session(actions: &[Action<u64>]) -> Option<u64> {
    actions.iter().find_map(|a| match a {
        Action::ToLauncher(launcher::Request::StartSession { session }) => Some(*session),
        _ => None,
    })
}

fn denied(actions: &[Action<u64>]) -> Option<String> {
    actions.iter().find_map(|a| match a {
        Action::ToFront(_, Answer::Denied { text }, _) => Some(text.to_string()),
        _ => None,
    })
}

fn audited(actions: &[Action<u64>], kind: &str) -> bool {
    actions.iter().any(|a| matches!(a, Action::ToVault(vault::Request::Write { audit }, _) if &*audit.kind == kind))
}

fn killed(actions: &[Action<u64>], endpoint: Endpoint) -> bool {
    actions.iter().any(|a| matches!(a, Action::Kill(e) if *e == endpoint))
}

#[test]
fn a_session_goes_live_only_with_its_record_in_hand_and_the_machine_logged_in() {
    Bench::new().live();
    let mut bench = Bench::new();
    let worker = bench.front(7, 40_000);
    bench.sign(worker, "vera", KEY);
    let session = started_session(&bench.want(worker, "plc-gw")).unwrap();
    bench.on(Input::Launcher(launcher::Reply::SessionStarted { session, mediator: 2, back: 3 }, vec![11, 12, 13, 14, 15, 16, 17]));
    let actions = bench.on(Input::Mediator(session, mediation::Event::Recording));
    assert!(!actions.iter().any(|a| matches!(a, Action::ToFront(_, Answer::Granted { .. }, _))), "the machine is missing");
}

#[test]
fn the_network_descriptor_never_comes_here_its_handover_ends_go_straight_on() {
    let mut bench = Bench::new();
    let peer = ([10, 99, 1, 2], 1).into();
    bench.on(Input::Listener(listener::Event::Accepted { connection: 7, peer }));
    let actions = bench.on(Input::Launcher(launcher::Reply::FrontStarted { worker: 1, pid: 1 }, vec![1, 2, 3, 4]));
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

#[test]
fn an_operator_who_leaves_ends_the_session() {
    let mut bench = Bench::new();
    let (worker, session) = bench.live();
    let actions = bench.on(Input::Gone(Endpoint::Front(worker), None));
    assert!(actions.iter().any(|a| matches!(a, Action::ToMediator(s, mediation::Order::End { .. }) if *s == session)));
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
    bench.on(Input::Vault(vault::Event::Disk { free_mb: 1, refuse: true }, vec![]));
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
    let terms = terms_of(&bench.on(Input::Launcher(reply, vec![11, 12, 13, 14, 15, 16, 17])));
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
    let mut bench = Bench::new();
    let ask = || Input::Admin { client: 1, uid: 0, request: Box::new(Ask::Status), plant: None };
    let early = bench.on(ask());
    assert!(early.iter().any(|a| matches!(a, Action::ToAdmin(1, Reply::Refused { .. }, _))));
    bench.on(Input::Vault(vault::Event::Ready { box_key: [5; 32], plant: false, next_session: 1 }, vec![]));
    let later = bench.on(ask());
    assert!(later.iter().any(|a| matches!(a, Action::ToAdmin(1, Reply::Status { box_key, .. }, _) if *box_key == [5; 32])));
}
