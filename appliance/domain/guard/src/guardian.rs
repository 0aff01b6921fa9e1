//! The guardian as one state machine. The shell tells it each input, then does each next action until there
//! is none, and tells what it read back.

use crate::contacts::{Contacts, Key};
use crate::cut::Cut;
use crate::effect::{Effect, What};
use crate::facts::{Contact, Dog, Hold, LATE, Mark, Note, Part, RearmRefusal, Report, Slot, Standing, State, Trigger};
use crate::leases::Leases;
use crate::ladder::Table;
use crate::notes::Notes;
use crate::rearm::Return;

/// Who is silent for longer is late.
pub const LEASE_US: u64 = 2_000_000;
/// How often the watchdog is fed.
pub const FEED_US: u64 = 1_000_000;
/// A cut-off that was not read back as done by then did not cut.
pub const CUT_FAILED_US: u64 = 5_000_000;
/// After so many resets by the watchdog it is fed whatever happens: the box stays up, held.
pub const RESETS_MAX: u8 = 3;
/// A guardian that has run so long forgets them.
pub const RESETS_FORGOTTEN_US: u64 = 30 * 60 * 1_000_000;
/// How often it says that it lives.
pub(crate) const BEAT_US: u64 = 250_000;
/// How often what is enforced is read back.
pub(crate) const LOOK_US: u64 = 1_000_000;
/// Processes in the sessions' tree that nobody registers: so long a session may take to connect, and some.
const UNREGISTERED_US: u64 = 40_000_000;
/// Waits for disk or zones at most.
pub(crate) const WAIT_US: u64 = 10_000_000;
/// No clock gets there in 292,000 years: what is counted on from it never comes to the end of numbers.
const TIME_END_US: u64 = u64::MAX >> 1;
/// Answers to the broker that one input can bring about: its own, and those that it puts an end to.
const REPLIES: usize = 4;

/// The time of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// CLOCK_BOOTTIME, µs.
    pub us: u64,
    /// Unix time, ms: for people to read. Nothing is decided by it.
    pub wall_ms: i64,
}

/// What happened, or was read.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a box would allocate; one input lives at a time")]
pub enum Input {
    /// Time passed.
    Time,
    /// A part is there: the first one, or its follower.
    Joined(Part),
    /// It is gone.
    Left(Part),
    /// It said what it may not, and is sent away.
    OutOfTurn(Part),
    /// What the latch's slots say.
    Slots { a: Option<Slot>, b: Option<Slot>, empty: bool },
    /// Durable in one slot at least.
    Written { sequence: u64 },
    /// In neither.
    NotWritten { sequence: u64 },
    /// The zones were laid, or not.
    Laid(bool),
    /// Read back; none if it can't be read.
    Is { what: What, is: Option<bool> },
    /// OT's ports that are up.
    Links { up: u8 },
    /// Whether anything lives in the trees.
    Lives { fronts: Option<bool>, sessions: Option<bool> },
    /// Whether anything of one session lives.
    SessionLives { slot: u16, lives: bool },
    /// The broker lives; of vault and launcher it has heard so many ms ago.
    Beat { ready: bool, vault_ms: u32, launcher_ms: u32, power_loss_holds: bool },
    /// The broker wants a session in the table.
    Watch { session: u64, deadline_ms: u64 },
    /// Its end came nearer.
    Deadline { session: u64, deadline_ms: u64 },
    /// It is over.
    Over { session: u64 },
    /// Somebody or something cuts the box off.
    Cut(Trigger),
    /// A person lifts a hold.
    Rearm { ticket: u64, contact: bool },
    /// A drill.
    Drill { ticket: u64 },
    /// A note is in the vault's queue.
    Noted { number: u64 },
    /// A wired contact was read.
    Contact { line: u8, contact: Contact },
    /// The cut-off key went down or up.
    Key { down: bool },
    /// Something is out of order, or no longer: one bit of [`crate::FAULTS`].
    Fault { bit: u16, there: bool },
    /// The system stops in order.
    Stop,
}

/// What the shell does next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// Enforce, or let go; then read it back, and say so by `Is`, `Links` or `Lives`.
    Set { what: What, on: bool },
    /// Read it back.
    Look { what: What },
    /// Kill what is in this slot.
    Kill { slot: u16 },
    /// Say whether anything of it lives.
    LookAt { slot: u16 },
    /// Close its descriptors.
    Forget { slot: u16 },
    /// To the latch.
    Write { slot: Slot },
    /// To the latch: it lives.
    BeatLatch,
    /// To the zones.
    Lay,
    /// The watchdog.
    Feed,
    /// The lamps.
    Lamps { connected: bool, cut: bool, fault: bool },
    /// To the broker, with the lifeline.
    Hello { state: State },
    /// To the broker.
    Beat { state: State },
    /// To the broker: the session's descriptors go to this slot.
    Watching { session: u64, slot: u16 },
    /// To the broker.
    NotWatching { session: u64 },
    /// To the broker.
    Tell { number: u64, wall_ms: i64, note: Note },
    /// To the broker.
    Rearmed { ticket: u64 },
    /// To the broker.
    NotRearmed { ticket: u64, why: RearmRefusal },
    /// Everything is down and written: end.
    Exit,
}

/// What is known when the guardian starts.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// The kernel's random id of this boot.
    pub boot: [u8; 16],
    /// The watchdog's driver says that it reset the board.
    pub told_reset: bool,
    /// Wired contacts.
    pub contacts: usize,
    /// The watchdog.
    pub dog: Dog,
    /// OT's ports.
    pub links: u8,
}

/// The slots by their numbers, and their bits of `FAULTS`.
pub(crate) const SLOT_FAULTS: [(u8, u16); 2] = [(0, 8), (1, 16)];

/// One beat or look that comes again and again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Again {
    at_us: u64,
    round: u64,
}

impl Again {
    /// Once a round only, however slow the round is.
    pub fn due(&mut self, now_us: u64, round: u64, every_us: u64) -> bool {
        let due = self.at_us <= now_us && self.round != round;
        if due {
            *self = Self { at_us: now_us.saturating_add(every_us), round };
        }
        due
    }
}

/// The guardian.
#[derive(Debug)]
pub struct Guardian {
    pub(crate) start: Start,
    pub(crate) now: Now,
    pub(crate) standing: Standing,
    pub(crate) since_us: u64,
    /// When this guardian began.
    begun_us: u64,
    /// What the broker was told last of where the box stands.
    pub(crate) told: Option<Standing>,
    pub(crate) report: Option<Report>,
    pub(crate) cut: Option<Cut>,
    pub(crate) back: Return,
    pub(crate) ot: Effect,
    pub(crate) uplink: Effect,
    pub(crate) trees: Effect,
    pub(crate) links: Effect,
    links_up: u8,
    pub(crate) sessions_live: Option<bool>,
    pub(crate) contacts: Contacts,
    pub(crate) key: Key,
    pub(crate) table: Table,
    pub(crate) forget: Option<u16>,
    pub(crate) notes: Notes,
    pub(crate) leases: Leases,
    pub(crate) ready: bool,
    pub(crate) laid: Option<bool>,
    pub(crate) lay: bool,
    pub(crate) lay_again_us: Option<u64>,
    pub(crate) zones_here: bool,
    pub(crate) latch_here: bool,
    /// It has said what its slots say: before that, nothing is written over them.
    pub(crate) latch_read: bool,
    pub(crate) broker_here: bool,
    /// It takes what it is told.
    pub(crate) broker_reads: bool,
    pub(crate) hello: bool,
    /// What the latch shall hold; none until its slots were read.
    pub(crate) slot: Option<Slot>,
    pub(crate) sent: u64,
    pub(crate) written: u64,
    /// What a boot would find: the last content that was said to be durable.
    pub(crate) on_disk: Option<Slot>,
    pub(crate) retry_us: Option<u64>,
    pub(crate) replies: [Option<Action>; REPLIES],
    pub(crate) starving: bool,
    pub(crate) stopping_us: Option<u64>,
    unregistered_us: Option<u64>,
    pub(crate) faults: u16,
    pub(crate) lamps: Option<(bool, bool, bool)>,
    pub(crate) beat: Again,
    pub(crate) latch_beat: Again,
    pub(crate) feed: Again,
    pub(crate) look: [Again; 4],
    /// Counts how often the shell was told that there is nothing to do.
    pub(crate) round: u64,
    pub(crate) exited: bool,
}

impl Guardian {
    /// One at its start: held, knowing nothing.
    #[must_use]
    pub fn new(start: Start, now: Now) -> Self {
        let now = Now { us: now.us.min(TIME_END_US), ..now };
        let held = Standing::Held { why: Hold::Starting };
        let mut guardian = Self {
            start,
            now,
            standing: held,
            since_us: now.us,
            begun_us: now.us,
            told: None,
            report: None,
            cut: None,
            back: Return::No,
            ot: Effect::default(),
            uplink: Effect::default(),
            trees: Effect::default(),
            links: Effect::default(),
            links_up: 0,
            sessions_live: None,
            contacts: Contacts::new(start.contacts),
            key: Key::default(),
            table: Table::new(),
            forget: None,
            notes: Notes::new(),
            leases: Leases::default(),
            ready: false,
            laid: None,
            lay: false,
            lay_again_us: None,
            zones_here: false,
            latch_here: false,
            latch_read: false,
            broker_here: false,
            broker_reads: true,
            hello: false,
            slot: None,
            sent: 0,
            written: 0,
            on_disk: None,
            retry_us: None,
            replies: [None; REPLIES],
            starving: false,
            stopping_us: None,
            unregistered_us: None,
            faults: 0,
            lamps: None,
            beat: Again::default(),
            latch_beat: Again::default(),
            feed: Again::default(),
            look: [Again::default(); 4],
            round: 1,
            exited: false,
        };
        guardian.notes.begin(now.us);
        // What a guardian before this one left is not known: everything is shut until it is.
        for effect in [&mut guardian.ot, &mut guardian.uplink, &mut guardian.trees, &mut guardian.links] {
            effect.force(true);
        }
        guardian
    }

    /// One input. Afterwards [`step`](Self::step) says what to do, until there is nothing.
    pub fn on(&mut self, input: Input, now: Now) {
        self.now = Now { us: now.us.clamp(self.now.us, TIME_END_US), wall_ms: now.wall_ms };
        // What was pressed until now counts before it is let go.
        self.triggers_settle();
        match input {
            Input::Time => {}
            Input::Joined(part) => self.joined(part),
            Input::Left(part) => self.left(part),
            Input::OutOfTurn(part) => self.note(Note::OutOfTurn { part }),
            Input::Slots { a, b, empty } => self.slots(a, b, empty),
            Input::Written { sequence } => self.written(sequence),
            Input::NotWritten { sequence } => self.not_written(sequence),
            Input::Laid(laid) => self.laid(laid),
            Input::Is { what, is } => self.effect(what).is = is,
            Input::Links { up } => self.links_are(up),
            Input::Lives { fronts, sessions } => self.lives(fronts, sessions),
            Input::SessionLives { slot, lives } => self.session_lives(slot, lives),
            Input::Beat { ready, vault_ms, launcher_ms, power_loss_holds } => {
                self.beat(ready, vault_ms, launcher_ms, power_loss_holds);
            }
            Input::Watch { session, deadline_ms } => self.watch(session, deadline_ms),
            Input::Deadline { session, deadline_ms } => self.table.end(session, deadline_ms.saturating_mul(1000)),
            Input::Over { session } => self.table.over(session, self.now.us),
            Input::Cut(trigger) => self.cut_off(trigger),
            Input::Rearm { ticket, contact } => self.rearm(ticket, contact),
            Input::Drill { ticket } => self.drill(ticket),
            Input::Noted { number } => self.notes.noted(number),
            Input::Contact { line, contact } => self.contacts.read(line, contact, self.now.us),
            Input::Key { down } => self.key.is(down, self.now.us),
            Input::Fault { bit, there } => self.fault(bit, there),
            Input::Stop => self.stop(),
        }
        self.settle();
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.notes.add(self.now.wall_ms, note);
    }

    pub(crate) fn effect(&mut self, what: What) -> &mut Effect {
        match what {
            What::OtDrops => &mut self.ot,
            What::UplinkDrops => &mut self.uplink,
            What::TreesDead => &mut self.trees,
            What::LinksDown => &mut self.links,
        }
    }

    pub(crate) fn armed(&self) -> bool {
        self.standing == Standing::Armed
    }

    /// What time alone brings, and what the inputs of this moment add up to.
    fn settle(&mut self) {
        let now = self.now.us;
        self.triggers_settle();
        self.leases_settle();
        self.cut_settle();
        self.lay_settle();
        self.ladder_settle();
        self.return_settle();
        self.uplink_settle();
        self.slot_settle();
        let quiet_us = now.saturating_sub(self.begun_us);
        if self.resets() > 0 && quiet_us >= RESETS_FORGOTTEN_US && !self.starving {
            self.change_slot(|slot| slot.resets = 0);
        }
    }

    fn triggers_settle(&mut self) {
        if self.key.pressed(self.now.us) {
            self.cut_off(Trigger::Key);
        }
        while let Some((line, contact)) = self.contacts.changed(self.now.us) {
            self.contact_changed(line, contact);
        }
    }

    fn contact_changed(&mut self, line: u8, contact: Contact) {
        match contact {
            Contact::Closed => {}
            Contact::Open => self.cut_off(Trigger::Contact { line }),
            Contact::Gone => self.cut_off(Trigger::ContactGone { line }),
        }
        self.note(Note::ContactIs { line, contact });
    }

    fn leases_settle(&mut self) {
        let late = self.leases.late(self.now.us);
        for (bit, part) in LATE {
            let (is, told) = (late & bit != 0, self.leases.told & bit != 0);
            // Who was never there has not gone, and does not come back.
            let known = self.leases.known & bit != 0;
            if is && !told {
                self.table.end_all(self.now.us);
            }
            match (is, told) {
                (true, false) if known => self.note(Note::Late { part }),
                (false, true) if known => self.note(Note::Back { part }),
                (true | false, _) => {}
            }
        }
        self.leases.told = late;
        self.leases.known |= !late;
    }

    fn ladder_settle(&mut self) {
        if self.table.overdue(self.now.us) && !matches!(self.standing, Standing::Held { why: Hold::Overdue | Hold::CutOff }) {
            self.hold(Hold::Overdue);
        }
        while let Some(session) = self.table.starving(self.now.us) {
            self.note(Note::Starving { session });
            self.starve();
        }
        let stray = self.sessions_live == Some(true) && self.table.count() == 0 && !self.trees.want.unwrap_or(false);
        if !stray {
            self.unregistered_us = None;
        } else if self.unregistered_us.get_or_insert(self.now.us).saturating_add(UNREGISTERED_US) <= self.now.us {
            self.unregistered_us = None;
            self.note(Note::Unregistered);
            self.trees.force(true);
        }
        // Killed for that alone: those who come in next may live.
        if self.trees.want == Some(true) && self.trees.holds() && self.cut.is_none() && self.stopping_us.is_none() {
            self.trees.want(None);
        }
    }

    /// The uplink is open when the box can answer there, and is shut only while a cut-off cuts.
    fn uplink_settle(&mut self) {
        let cutting = self.cut.is_some_and(|cut| cut.cuts());
        let able = self.slot.is_some() && self.laid == Some(true) && self.ready && self.leases.broker_us.is_some();
        if cutting || self.stopping_us.is_some() {
            self.uplink.want(Some(true));
        } else if able {
            self.uplink.want(Some(false));
        }
    }

    /// OT goes down, and a person has to lift it.
    pub(crate) fn hold(&mut self, why: Hold) {
        self.give_up_return(RearmRefusal::CutOffGoesOn);
        self.standing = Standing::Held { why };
        self.since_us = self.now.us;
        self.note(Note::Held { why });
        self.ot.force(true);
        self.links.force(true);
        self.table.end_all(self.now.us);
        self.change_slot(|slot| slot.held = Some(why));
    }

    /// The watchdog gets nothing more: it resets the board, which is then held.
    pub(crate) fn starve(&mut self) {
        if self.resets() < RESETS_MAX && !self.starving {
            self.starving = true;
            self.give_up_return(RearmRefusal::CutOffGoesOn);
            self.change_slot(|slot| slot.mark = Mark::Starving);
        }
    }

    pub(crate) fn resets(&self) -> u8 {
        self.slot.map_or(0, |slot| slot.resets)
    }

    /// Another content for the latch.
    pub(crate) fn change_slot(&mut self, change: impl FnOnce(&mut Slot)) {
        let Some(slot) = self.slot.as_mut() else { return };
        let before = *slot;
        change(slot);
        if before != *slot {
            slot.sequence = slot.sequence.saturating_add(1);
        }
    }

    fn slot_settle(&mut self) {
        if self.retry_us.is_some_and(|at| at <= self.now.us) {
            self.retry_us = None;
            self.sent = 0;
        }
        if self.durable() {
            self.on_disk = self.slot;
        }
    }

    fn not_written(&mut self, sequence: u64) {
        if sequence == self.sent {
            self.retry_us = Some(self.now.us.saturating_add(500_000));
        }
        for (slot, bit) in SLOT_FAULTS {
            if self.faults & bit == 0 {
                self.note(Note::SlotFault { slot });
            }
            self.faults |= bit;
        }
    }

    fn written(&mut self, sequence: u64) {
        let before = self.written;
        self.written = self.written.max(sequence.min(self.sent));
        if self.written > before {
            // The latch writes both; of one alone it says nothing, but at its start.
            self.faults = SLOT_FAULTS.iter().fold(self.faults, |faults, (_, bit)| faults & !bit);
        }
    }

    /// Whether what the latch shall hold now is durable.
    pub(crate) fn durable(&self) -> bool {
        self.slot.is_some_and(|slot| self.written >= slot.sequence)
    }

    fn links_are(&mut self, up: u8) {
        self.links_up = up;
        // Some up and some down is neither.
        self.links.is = if up == 0 {
            Some(true)
        } else if up == self.start.links {
            Some(false)
        } else {
            None
        };
    }

    pub(crate) fn links_up(&self) -> u8 {
        self.links_up
    }

    fn lives(&mut self, fronts: Option<bool>, sessions: Option<bool>) {
        self.sessions_live = sessions;
        self.trees.is = match (fronts, sessions) {
            (Some(fronts), Some(sessions)) => Some(!fronts && !sessions),
            (None, _) | (_, None) => None,
        };
        if let Some(cut) = &mut self.cut {
            cut.killed(self.now.us);
        }
    }

    fn session_lives(&mut self, slot: u16, lives: bool) {
        if let Some((session, killed)) = self.table.lives(slot, lives, self.now.us) {
            self.forget = Some(slot);
            if killed && self.cut.is_none() {
                self.note(Note::Killed { session });
            }
        }
    }

    fn fault(&mut self, bit: u16, there: bool) {
        let before = self.faults;
        if there {
            self.faults |= bit;
        } else {
            self.faults &= !bit;
        }
        if self.faults != before {
            self.note(Note::Fault { what: self.faults });
        }
    }

    /// Whether the broker takes what it is told; while it does not, nothing more is said to it.
    pub fn broker_reads(&mut self, reads: bool) {
        self.broker_reads = reads;
    }

    pub(crate) fn broker_is(&mut self, here: bool) {
        (self.broker_here, self.broker_reads, self.hello) = (here, true, here);
        self.replies = [None; REPLIES];
        if here {
            self.notes.again();
        } else {
            self.table.orphans();
        }
    }

    /// To the broker, if there is one to hear it.
    pub(crate) fn reply(&mut self, action: Action) {
        let free = self.replies.iter_mut().find(|place| place.is_none());
        if let (Some(free), true) = (free, self.broker_here) {
            *free = Some(action);
        }
    }
}
