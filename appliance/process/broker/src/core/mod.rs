//! The broker's rules as one state machine: events and time go in, actions come out.
//!
//! `F` is whatever stands for a descriptor: the shell's is a real one, the simulator's a number.

mod access;
mod admin;
mod adopt;
mod audit;
mod blocks;
mod console;
mod cutoff;
mod fronts;
mod guardian;
mod limits;
mod notes;
mod parts;
mod presence;
mod sessions;

use border::{
    Guard, admin as admin_border, connector, console as console_border, front, guardian as guardian_border, launcher, listener,
    machine, mediation, vault,
};
use model::{Blocks, Plant};
use session::{Life, Reason};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

pub use guardian::DYING_MS;
pub use presence::{PRESENCE_MS_MAX, PRESENCE_WAITING_MAX};

/// Fronts in which nobody has logged in yet, in all.
pub const FRONTS_UNKNOWN_MAX: usize = 20;
/// The same from one address.
pub const FRONTS_UNKNOWN_PER_SOURCE_MAX: usize = 4;
/// A front without a login ends after this.
pub const LOGIN_MS_MAX: u64 = 30_000;
/// A front that was told the end and stays is stopped after this.
pub const LEAVE_MS_MAX: u64 = 30_000;
/// Rung 2: a session that should have ended is killed this much later.
pub const KILL_AFTER_MS: u64 = 1_000;
/// How long the machine may take to let the box in.
pub const CONNECT_MS_MAX: u64 = 30_000;
/// How long one dial may take.
pub const DIAL_MS_MAX: u32 = 8_000;
/// Ended sessions that `session list --all` still knows.
pub const ENDED_KEPT: usize = 1_000;
/// Sessions at once.
pub const SESSIONS_MAX: usize = 256;

/// The time of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// CLOCK_BOOTTIME, ms.
    pub boot_ms: u64,
    /// Unix time, ms.
    pub wall_ms: i64,
}

/// A peer or a handle that the shell holds for the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// Control socket of a front.
    Front(u64),
    /// `cgroup.kill` of a front.
    FrontKill(u64),
    /// Control socket of a mediator.
    Mediator(u64),
    /// Control socket of a back.
    Back(u64),
    /// `cgroup.kill` of a session.
    SessionKill(u64),
    /// `cgroup.events` of a session, for the guardian.
    SessionEvents(u64),
    /// The end of a pipe that the guardian holds open.
    Lifeline,
}

/// A part of the box that the broker speaks with. Each is started again when it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fixed {
    /// Starts the workers.
    Launcher,
    /// Accepts in the uplink zone.
    Listener,
    /// Connects in the OT zone.
    Connector,
    /// Keeps what must stay.
    Vault,
    /// Ends what must end, by itself.
    Guardian,
}

impl Fixed {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Launcher, Self::Listener, Self::Connector, Self::Vault, Self::Guardian];

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Launcher => "launcher",
            Self::Listener => "listener",
            Self::Connector => "connector",
            Self::Vault => "vault",
            Self::Guardian => "guardian",
        }
    }
}

/// What happened.
#[derive(Debug)]
pub enum Input<F> {
    /// A part is there: the first one, or its follower.
    Joined(Fixed),
    /// A part is gone.
    Lost(Fixed),
    /// The launcher spoke.
    Launcher(launcher::Reply, Vec<F>),
    /// The listener spoke.
    Listener(listener::Event),
    /// The connector spoke.
    Connector(connector::Event),
    /// The vault spoke.
    Vault(vault::Event, Vec<F>),
    /// The guardian spoke.
    Guardian(guardian_border::Event, Vec<F>),
    /// The plant as the vault has it.
    Stored(Box<Plant>),
    /// The blocks as the vault has them.
    StoredBlocks(Box<Blocks>),
    /// A front spoke.
    Front(u64, front::Request),
    /// A mediator spoke.
    Mediator(u64, mediation::Event),
    /// A back spoke.
    Back(u64, machine::Event),
    /// A control socket closed, or its peer broke the border's rules (why).
    Gone(Endpoint, Option<String>),
    /// `dinlock` asks; `plant` comes with `Apply`.
    Admin {
        /// The connection.
        client: u64,
        /// Who asks, as the kernel says.
        uid: u32,
        /// What.
        request: Box<admin_border::Request>,
        /// The new plant.
        plant: Option<Box<Plant>>,
    },
    /// A console asks.
    Console {
        /// The connection.
        client: u64,
        /// What.
        request: console_border::Request,
    },
    /// A console is gone.
    ConsoleGone(u64),
    /// Time passed.
    Tick,
}

/// What the shell shall do.
#[derive(Debug)]
pub enum Action<F> {
    /// Send.
    ToLauncher(launcher::Request),
    /// Send, with a copy of each of these descriptors, which the shell holds.
    Hand(launcher::Request, Vec<Endpoint>),
    /// Send.
    ToListener(listener::Order, Option<F>),
    /// Send.
    ToConnector(connector::Order, Option<F>),
    /// Send.
    ToVault(vault::Request, Option<F>),
    /// Send.
    ToFront(u64, front::Answer, Option<F>),
    /// Send.
    ToMediator(u64, mediation::Order),
    /// Send.
    ToBack(u64, machine::Order),
    /// Send; the connection ends after it.
    ToAdmin(u64, admin_border::Reply, Vec<F>),
    /// Send this plant: to the vault under a ticket.
    StorePlant(u64, Box<Plant>),
    /// Send, with a copy of this descriptor, which the shell holds. A note's receipt goes only after the
    /// rows before it.
    ToGuardian(guardian_border::Order, Vec<Endpoint>),
    /// Send these blocks to the vault, under a ticket.
    StoreBlocks(u64, Box<Blocks>),
    /// Make a socket pair: one end to the vault, which checks this person there, the other to `dinlock`, whose
    /// connection stays.
    Check {
        /// For which `dinlock`.
        client: u64,
        /// The vault's number for it: none that a front has.
        worker: u64,
        /// Who is to be checked.
        person: border::Name,
        /// Whether by password.
        password: bool,
        /// Whether by one-time code.
        code: bool,
    },
    /// Send the plant to `dinlock`.
    ShowPlant(u64, Box<Plant>),
    /// Make a socket pair: one end to the mediator, the other to `dinlock`.
    Observe {
        /// Of which session.
        session: u64,
        /// For which `dinlock`.
        client: u64,
        /// Who watches.
        by: border::Line,
    },
    /// Send.
    ToConsole(u64, console_border::Reply),
    /// Make a socket pair: one end to the vault (`OpenPin`), the other to the console (`Asked`).
    AskPin {
        /// The verdict comes under it.
        ticket: u64,
        /// Whose PIN.
        person: border::Name,
        /// At which console.
        client: u64,
    },
    /// Hold this descriptor, and listen to it where it is a control socket.
    Hold(Endpoint, F),
    /// Close it.
    Close(Endpoint),
    /// Write to it: everything in that cgroup dies.
    Kill(Endpoint),
}

struct Front {
    connection: u64,
    peer: SocketAddr,
    guard: Guard<front::Phase>,
    person: Option<model::PersonId>,
    /// Whose key was seen to sign, while a one-time code is awaited.
    key_of: Option<model::PersonId>,
    session: Option<u64>,
    login_until_ms: u64,
    /// It was told the end, and is stopped if it stays.
    leave_by_ms: Option<u64>,
}

struct Session<F> {
    front: Option<u64>,
    /// A test by an admin rather than a person's work.
    test_for: Option<u64>,
    /// Somebody at the box has to admit it; nothing of it was started yet.
    awaits_presence: bool,
    person: border::Name,
    target: model::TargetId,
    account: model::AccountId,
    /// The conduit that grants it; none for a test, in which nobody works.
    conduit: Option<model::ConduitId>,
    peer: Option<SocketAddr>,
    life: Life,
    started_ms: i64,
    ended_ms: Option<i64>,
    words: String,
    begun_ms: u64,
    deadline_ms: u64,
    bound: mediation::Bound,
    idle_ms: u64,
    connect_until_ms: u64,
    kill_at_ms: Option<u64>,
    /// When it was told to end.
    ending_since_ms: u64,
    watched: guardian::Watched,
    /// Of one that was started and waits for the guardian: mediator and back control, handover, secrets,
    /// record, stream.
    parked: Option<[F; 6]>,
    dying: Option<Dying>,
    recording: bool,
    /// The connector has handed the machine's connection on.
    reached: bool,
    /// The connector is dialling for it.
    dialling: bool,
    /// Its mediator left because the back did, before anybody worked: the back says why.
    left_early: bool,
    /// Its mediator exited without a fault; its last words may still be unread.
    exited: bool,
    /// How its back exited; its last words may still be unread.
    back_status: Option<u32>,
    machine_ready: bool,
    machine: Guard<machine::Phase>,
    steps: Vec<String>,
    stream: Option<F>,
    /// Input messages within the last minute, and who watches, as its mediator says.
    pace: (u32, border::Line),
}

impl<F> Session<F> {
    /// One that was just asked for: nobody waits for it yet, and it ends when it did not connect.
    fn new(person: border::Name, target: &model::TargetId, account: &model::AccountId, now: Now) -> Self {
        Self {
            front: None,
            test_for: None,
            awaits_presence: false,
            person,
            target: target.clone(),
            account: account.clone(),
            conduit: None,
            peer: None,
            life: Life::default(),
            started_ms: now.wall_ms,
            ended_ms: None,
            words: String::new(),
            begun_ms: now.boot_ms,
            deadline_ms: now.boot_ms + CONNECT_MS_MAX,
            bound: mediation::Bound::Longest,
            idle_ms: 0,
            connect_until_ms: now.boot_ms + CONNECT_MS_MAX,
            kill_at_ms: None,
            ending_since_ms: 0,
            watched: guardian::Watched::No,
            parked: None,
            dying: None,
            recording: false,
            reached: false,
            dialling: false,
            left_early: false,
            exited: false,
            back_status: None,
            machine_ready: false,
            machine: Guard::new(machine::EVENTS, machine::Phase::Connecting),
            steps: Vec::new(),
            stream: None,
            pace: (0, border::Line::default()),
        }
    }
}

/// A process of the session died unannounced: that may have been a cut-off, of which the guardian speaks in
/// a moment.
struct Dying {
    /// Until then that is waited for.
    until_ms: u64,
    reason: Reason,
    words: String,
    /// Its mediator has exited: nothing more comes of it.
    exited: bool,
}

/// The broker.
pub struct Core<F> {
    /// The parts that are there.
    here: BTreeSet<Fixed>,
    adoption: adopt::Adoption<F>,
    /// What the shell holds for it.
    held: BTreeSet<Endpoint>,
    plant: Option<Box<Plant>>,
    /// The box's public key: none until the vault has said that it is ready.
    box_key: Option<[u8; 32]>,
    fronts: BTreeMap<u64, Front>,
    waiting: VecDeque<(u64, SocketAddr)>,
    starting: BTreeMap<u64, (u64, SocketAddr)>,
    sessions: BTreeMap<u64, Session<F>>,
    ended: VecDeque<admin_border::SessionRow>,
    tickets: BTreeMap<u64, Ticket>,
    guardian: guardian::Guardian,
    cutoff: cutoff::Cutoff,
    blocks: Blocks,
    /// Who read the audit log last from which row, and when: by user, of whom all are administrators.
    readings: BTreeMap<u32, (u64, u64)>,
    consoles: BTreeMap<u64, console::Console>,
    /// What went wrong lately, the newest first.
    faults: VecDeque<console_border::Fault>,
    next_worker: u64,
    next_session: u64,
    next_ticket: u64,
    free_mb: u64,
    days_left: Option<u32>,
    disk_refuses: bool,
    actions: Vec<Action<F>>,
    now: Now,
}

/// Whom a vault's answer is for.
struct Ticket {
    client: u64,
    done: String,
    plant: Option<Box<Plant>>,
    /// A block that is lifted once it is stored, and by whom.
    released: Option<(u64, border::Line)>,
    /// What it means if the vault fails; empty if its own words say it.
    failed: String,
}

impl<F> Default for Core<F> {
    fn default() -> Self {
        Self {
            here: BTreeSet::new(),
            adoption: adopt::Adoption::NotAsked,
            held: BTreeSet::new(),
            plant: None,
            box_key: None,
            fronts: BTreeMap::new(),
            waiting: VecDeque::new(),
            starting: BTreeMap::new(),
            sessions: BTreeMap::new(),
            ended: VecDeque::new(),
            tickets: BTreeMap::new(),
            guardian: guardian::Guardian::default(),
            cutoff: cutoff::Cutoff::default(),
            blocks: Blocks::default(),
            readings: BTreeMap::new(),
            consoles: BTreeMap::new(),
            faults: VecDeque::new(),
            next_worker: 1,
            next_session: 1,
            next_ticket: 1,
            free_mb: 0,
            days_left: None,
            disk_refuses: false,
            actions: Vec::new(),
            now: Now { boot_ms: 0, wall_ms: 0 },
        }
    }
}

impl<F> Core<F> {
    /// One event in, its actions out, in the order in which they are to be done.
    pub fn on(&mut self, input: Input<F>, now: Now) -> Vec<Action<F>> {
        self.now = now;
        self.guardian.begins(now.boot_ms);
        match &input {
            Input::Launcher(..) => self.guardian.heard(Fixed::Launcher, now.boot_ms),
            Input::Vault(..) => self.guardian.heard(Fixed::Vault, now.boot_ms),
            Input::Guardian(..) => self.guardian.heard(Fixed::Guardian, now.boot_ms),
            Input::Joined(_) | Input::Lost(_) | Input::Listener(_) | Input::Connector(_) | Input::Stored(_) => {}
            Input::StoredBlocks(_) | Input::Front(..) | Input::Mediator(..) | Input::Back(..) | Input::Gone(..) => {}
            Input::Admin { .. } | Input::Console { .. } | Input::ConsoleGone(_) | Input::Tick => {}
        }
        match input {
            Input::Joined(part) => self.joined(part),
            Input::Lost(part) => self.lost(part),
            Input::Launcher(reply, fds) => self.on_launcher(reply, fds),
            Input::Listener(event) => self.on_listener(event),
            Input::Connector(event) => self.on_connector(event),
            Input::Vault(event, fds) => self.on_vault(event, fds),
            Input::Guardian(event, fds) => self.on_guardian(event, fds),
            Input::Stored(plant) => self.plant = Some(plant),
            Input::StoredBlocks(blocks) => self.blocks_stored(*blocks),
            Input::Front(worker, request) => self.on_front(worker, request),
            Input::Mediator(session, event) => self.on_mediator(session, event),
            Input::Back(session, event) => self.on_back(session, event),
            Input::Gone(endpoint, why) => self.on_gone(endpoint, why),
            Input::Admin { client, uid, request, plant } => self.on_admin(client, uid, *request, plant),
            Input::Console { client, request } => self.on_console(client, request),
            Input::ConsoleGone(client) => self.console_gone(client),
            // Only now: a broker that was kept from working first reads what lies there, and then judges who is late.
            Input::Tick => self.guardian_on_time(),
        }
        self.on_time();
        std::mem::take(&mut self.actions)
    }

    /// When the core wants a `Tick` at the latest, ms of CLOCK_BOOTTIME.
    pub fn next_wake_ms(&self) -> Option<u64> {
        self.work_wake_ms().into_iter().chain(self.pulse_ms()).min()
    }

    /// The same, but for the pulse between broker and guardian: none while nobody is in and nothing is due.
    pub fn work_wake_ms(&self) -> Option<u64> {
        let logins = self.fronts.values().filter(|f| f.person.is_none()).map(|f| f.login_until_ms);
        let leaving = self.fronts.values().filter_map(|f| f.leave_by_ms);
        let dying = self.sessions.values().filter_map(|s| s.dying.as_ref()).map(|dying| dying.until_ms);
        let sessions = self.sessions.values().map(|s| match s.kill_at_ms {
            Some(kill) => kill,
            // Its mediator ends it at the deadline; what is due here is rung 2.
            None if s.life.is_open() => s.deadline_ms + KILL_AFTER_MS,
            None => s.connect_until_ms,
        });
        let second = (!self.sessions.is_empty()).then_some(self.now.boot_ms + 1_000);
        let blocks = (!self.blocks.list.is_empty()).then_some(self.now.boot_ms + 1_000);
        let people = logins.chain(leaving).chain(self.consoles_wake_ms());
        people.chain(sessions).chain(dying).chain(second).chain(blocks).chain(self.cutoff_wake_ms()).min()
    }

    /// For an endpoint that is closed, or never came, nothing is done.
    fn act(&mut self, action: Action<F>) {
        let there = match &action {
            Action::Hold(endpoint, _) => {
                self.held.insert(*endpoint);
                true
            }
            Action::Close(endpoint) => self.held.remove(endpoint),
            Action::Kill(endpoint) => self.held.contains(endpoint),
            Action::ToFront(worker, ..) => self.held.contains(&Endpoint::Front(*worker)),
            Action::ToMediator(session, _) => self.held.contains(&Endpoint::Mediator(*session)),
            Action::ToBack(session, _) => self.held.contains(&Endpoint::Back(*session)),
            Action::ToLauncher(_) | Action::Hand(..) | Action::ToListener(..) | Action::ToConnector(..) => true,
            Action::ToGuardian(_, ends) => self.here.contains(&Fixed::Guardian) && ends.iter().all(|end| self.held.contains(end)),
            Action::ToVault(..) | Action::StorePlant(..) | Action::ShowPlant(..) | Action::StoreBlocks(..) => true,
            Action::Check { .. } => true,
            // Whoever asked is answered, even if nobody is left to look at.
            Action::ToAdmin(..) | Action::Observe { .. } => true,
            Action::ToConsole(client, _) | Action::AskPin { client, .. } => self.consoles.contains_key(client),
        };
        if there {
            self.actions.push(action);
        }
    }

    fn on_gone(&mut self, endpoint: Endpoint, why: Option<String>) {
        if let Some(why) = &why {
            self.audit_out_of_turn(endpoint, why);
        }
        match endpoint {
            Endpoint::Front(worker) | Endpoint::FrontKill(worker) => self.front_gone(worker),
            Endpoint::Mediator(session) | Endpoint::Back(session) | Endpoint::SessionKill(session) => {
                let reason = if why.is_some() { Reason::PeerOutOfTurn } else { Reason::PartDied };
                self.part_gone(session, endpoint, reason);
            }
            // They are not listened to.
            Endpoint::Lifeline | Endpoint::SessionEvents(_) => {}
        }
    }

    fn on_time(&mut self) {
        self.blocks_on_time();
        self.fronts_on_time();
        self.sessions_on_time();
        self.consoles_on_time();
        self.cutoff_on_time();
    }
}
