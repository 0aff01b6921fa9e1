//! A box on which time and descriptors are numbers.

#![allow(dead_code, reason = "each test file uses its part of it")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks out what it is about")]

use border::admin::{Reply, Request as Ask};
use border::guardian::{Event, Order};
use border::front::{Answer, Request, Step};
use border::{KeyLine, Name, connector, launcher, listener, machine, mediation, vault};
use broker::core::{Action, Core, Endpoint, Fixed, Input, Now};
use codec::{List, Text};
use guard::{Dog, Hold, Note, Report, Standing, State, Steps, Trigger};
use model::{
    Account, AccountId, BoxFacts, Conduit, ConduitId, Destination, InputRecord, Kind, Limits, Login, Person, PersonId,
    Plant, RecordingRules, SecretId, SecretKind, StreamRecord, Target, TargetId,
};

pub const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIexample vera@laptop";

pub fn list<T: Clone, const N: usize>(values: &[T]) -> List<T, N> {
    List::new(values.to_vec()).unwrap()
}

pub fn person(id: &str, login: Login) -> Person {
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
        console: false,
    }
}

pub fn plant() -> Plant {
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
        presence: false,
    };
    Plant {
        box_facts: BoxFacts { name: Text::cut("demo"), banner: Text::cut("Recorded."), zone_time: Text::cut("UTC") },
        people: list(&[person("vera", Login::Key), person("otto", Login::KeyTotp)]),
        targets: list(&[target("plc-gw", 10), target("hidden", 20)]),
        conduits: list(&[conduit]),
        recording: RecordingRules { auditors: list(&[Text::cut("age1x")]), refuse_below_mb: 1, warn_below_mb: 2, live_key_s: 0 },
        limits: Limits { tries_before_lockout: 5, lockout_s: 60 },
        console: model::ConsoleRules { language: model::Language::English, lock_after_s: 120 },
        cutoff: model::Cutoff::default(),
    }
}

pub fn started_front(actions: &[Action<u64>]) -> Option<u64> {
    actions.iter().find_map(|a| match a {
        Action::ToLauncher(launcher::Request::StartFront { worker }) => Some(*worker),
        _ => None,
    })
}

/// A box on which time is a number.
pub struct Bench {
    pub core: Core<u64>,
    pub now: Now,
    /// As the guardian says that it stands.
    pub state: State,
    /// A double of the guardian answers and beats.
    pub guarded: bool,
}

/// A guardian whose box is armed.
pub fn armed() -> State {
    State {
        standing: Standing::Armed,
        since_ms: 500,
        report: None,
        lacks: 0,
        contacts: 0,
        open: 0,
        key_ms: 0,
        ot_drops: false,
        uplink_drops: false,
        links_up: 1,
        links: 1,
        sessions: 0,
        late: 0,
        dog: Dog::StandIn,
        resets: 0,
        faults: 0,
    }
}

/// A cut-off at this time.
pub fn report(number: u64, trigger: Trigger, now: Now) -> Report {
    let steps = Steps { filters_us: Some(90), killed_us: Some(300), ..Steps::default() };
    Report { number, trigger, wall_ms: now.wall_ms, boot_ms: now.boot_ms, sessions: 1, steps }
}

impl Bench {
    pub fn new() -> Self {
        let mut bench = Self::begun(Now { boot_ms: 1_000, wall_ms: 1_790_000_000_000 });
        bench.on(Input::Launcher(launcher::Reply::AdoptDone, Vec::new()));
        bench
    }

    /// Nothing is there yet.
    pub fn empty(now: Now) -> Self {
        Self { core: Core::default(), now, state: armed(), guarded: true }
    }

    /// All parts are there; the launcher was asked who lives, and has not answered.
    pub fn begun(now: Now) -> Self {
        let mut bench = Self::empty(now);
        Fixed::ALL.into_iter().for_each(|part| drop(bench.on(Input::Joined(part))));
        bench.on(Input::Guardian(Event::Hello { state: bench.state }, vec![90]));
        bench.on(Input::Stored(Box::new(plant())));
        let actions = bench.on(Input::Vault(ready(), Vec::new()));
        assert!(actions.iter().any(|a| matches!(a, Action::ToLauncher(launcher::Request::Adopt))));
        bench
    }

    pub fn on(&mut self, input: Input<u64>) -> Vec<Action<u64>> {
        let mut actions = self.core.on(input, self.now);
        let asked = actions.iter().filter_map(|a| match a {
            Action::ToGuardian(Order::Watch { session, .. }, ends) if ends.len() == 2 => Some(*session),
            _ => None,
        });
        for session in asked.filter(|_| self.guarded).collect::<Vec<_>>() {
            actions.extend(self.core.on(Input::Guardian(Event::Watching { session }, Vec::new()), self.now));
        }
        actions
    }

    pub fn says(&mut self, event: Event) -> Vec<Action<u64>> {
        self.on(Input::Guardian(event, Vec::new()))
    }

    pub fn ask(&mut self, client: u64, request: Ask) -> Vec<Action<u64>> {
        self.on(Input::Admin { client, uid: 0, request: Box::new(request), plant: None })
    }

    pub fn pass(&mut self, ms: u64) -> Vec<Action<u64>> {
        self.now.boot_ms += ms;
        self.now.wall_ms += i64::try_from(ms).unwrap();
        let mut actions = Vec::new();
        if self.guarded {
            actions = self.on(Input::Guardian(Event::Beat { state: self.state }, Vec::new()));
        }
        actions.extend(self.on(Input::Tick));
        actions
    }

    /// The box is cut off, as the guardian says it at once.
    pub fn cut(&mut self, number: u64, trigger: Trigger) -> Vec<Action<u64>> {
        let report = report(number, trigger, self.now);
        self.state = State { standing: Standing::Held { why: Hold::CutOff }, since_ms: report.boot_ms, report: Some(report), ..self.state };
        self.says(Event::Told { number, wall_ms: self.now.wall_ms, note: Note::Cut { report } })
    }

    /// A connection gets its front.
    pub fn front(&mut self, connection: u64, port: u16) -> u64 {
        let peer = ([10, 99, 1, 2], port).into();
        let actions = self.on(Input::Listener(listener::Event::Accepted { connection, peer }));
        let worker = started_front(&actions).expect("a front is started");
        self.on(Input::Launcher(launcher::Reply::FrontStarted { worker, pid: 1 }, vec![1, 2, 3, 4]));
        worker
    }

    pub fn sign(&mut self, worker: u64, who: &str, key: &str) -> Step {
        let request = Request::KeySigned { person: Name::cut(who), key: KeyLine::cut(key) };
        step_of(&self.on(Input::Front(worker, request)))
    }

    pub fn want(&mut self, worker: u64, target: &str) -> Vec<Action<u64>> {
        let request = Request::Want { target: Name::cut(target), account: Name::default() };
        self.on(Input::Front(worker, request))
    }

    /// Vera works on the machine.
    pub fn live(&mut self) -> (u64, u64) {
        let worker = self.front(7, 40_000);
        assert_eq!(self.sign(worker, "vera", KEY), Step::Accepted);
        let session = started_session(&self.want(worker, "plc-gw")).expect("a session is started");
        let reply = launcher::Reply::SessionStarted { session, mediator: 2, back: 3 };
        self.on(Input::Launcher(reply, vec![11, 12, 13, 14, 15, 16, 17, 18]));
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

pub fn step_of(actions: &[Action<u64>]) -> Step {
    let step = actions.iter().find_map(|a| match a {
        Action::ToFront(_, Answer::Login { step }, _) => Some(*step),
        _ => None,
    });
    step.expect("the front hears a step")
}

pub fn started_session(actions: &[Action<u64>]) -> Option<u64> {
    actions.iter().find_map(|a| match a {
        Action::ToLauncher(launcher::Request::StartSession { session }) => Some(*session),
        _ => None,
    })
}

pub fn denied(actions: &[Action<u64>]) -> Option<String> {
    actions.iter().find_map(|a| match a {
        Action::ToFront(_, Answer::Denied { text }, _) => Some(text.to_string()),
        _ => None,
    })
}

pub fn audited(actions: &[Action<u64>], kind: &str) -> bool {
    actions.iter().any(|a| matches!(a, Action::ToVault(vault::Request::Write { audit }, _) if &*audit.kind == kind))
}

pub fn killed(actions: &[Action<u64>], endpoint: Endpoint) -> bool {
    actions.iter().any(|a| matches!(a, Action::Kill(e) if *e == endpoint))
}

pub fn refused(actions: &[Action<u64>]) -> Option<String> {
    actions.iter().find_map(|a| match a {
        Action::ToAdmin(_, Reply::Refused { text }, _) => Some(text.to_string()),
        _ => None,
    })
}

/// The detail of the row of this kind.
pub fn row(actions: &[Action<u64>], kind: &str) -> Option<String> {
    actions.iter().find_map(|a| match a {
        Action::ToVault(vault::Request::Write { audit }, _) if &*audit.kind == kind => Some(audit.detail.to_string()),
        _ => None,
    })
}

/// The vault is open.
pub fn ready() -> vault::Event {
    vault::Event::Ready { box_key: [1; 32], plant: true, next_session: 1 }
}
