//! What the guardian knows and says: integers only, of a fixed size.

use codec::{wire_enum, wire_struct};

wire_enum! {
    /// What cut the box off.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Trigger {
        /// The cut-off key on the box's keyboard, held.
        1 => Key,
        /// BREAK on the serial console.
        2 => Break,
        /// A wired contact opened, or its wire was cut.
        3 => Contact { line: u8 },
        /// The line of a wired contact vanished.
        4 => ContactGone { line: u8 },
        /// The console's key, where a terminal tells of no release: pressed twice.
        5 => Console,
        /// `dinlock cutoff` on the box; the user who ran it, as the kernel says.
        6 => Command { uid: u32 },
        /// An administrator, through the broker; the broker knows who.
        7 => Broker { ticket: u64 },
        /// A drill, through the broker.
        8 => Drill { ticket: u64 },
    }
}

wire_enum! {
    /// Why the box is held.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Hold {
        /// Its self-check has not passed yet.
        1 => Starting,
        /// Somebody cut it off, in this boot or before it.
        2 => CutOff,
        /// The watchdog reset it.
        3 => Reset,
        /// The watchdog reset it three times in half an hour.
        4 => Resets,
        /// It lost power, and the plant file says that it then waits for a person.
        5 => PowerLoss,
        /// A session outlived its end, and OT was taken down.
        6 => Overdue,
        /// What the latch's slots say can't be understood.
        7 => Slots,
        /// A port or a filter is not as it was set.
        8 => Zone,
    }
}

wire_enum! {
    /// Where the box stands.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Standing {
        /// OT is down.
        1 => Held { why: Hold },
        /// OT is up.
        2 => Armed,
    }
}

wire_struct! {
    /// When each step of a cut-off was read back as done, µs after the trigger; none while it is not.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct Steps {
        /// Both zones drop everything.
        pub filters_us: Option<u32>,
        /// Both trees were told to die.
        pub killed_us: Option<u32>,
        /// Nothing lives in either.
        pub dead_us: Option<u32>,
        /// Serial lines are flushed and closed.
        pub serial_us: Option<u32>,
        /// OT's ports are down.
        pub links_us: Option<u32>,
        /// The press is on disk: a boot knows of it.
        pub latched_us: Option<u32>,
    }
}

wire_struct! {
    /// One cut-off.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Report {
        /// Counts up over boots.
        pub number: u64,
        /// By what.
        pub trigger: Trigger,
        /// Unix ms.
        pub wall_ms: i64,
        /// Ms of CLOCK_BOOTTIME.
        pub boot_ms: u64,
        /// Sessions that lived.
        pub sessions: u16,
        /// How far it is.
        pub steps: Steps,
    }
}

wire_enum! {
    /// How a boot ended, or that it has not.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Mark {
        /// In order.
        1 => Clean,
        /// It runs, or lost power.
        2 => Running,
        /// The guardian stopped feeding the watchdog on purpose.
        3 => Starving,
        /// The guardian fell silent; its latch process says so.
        4 => Silent,
    }
}

wire_struct! {
    /// What one of the latch's two slots holds.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Slot {
        /// The higher one counts.
        pub sequence: u64,
        /// What a person has to lift before the box is armed; none where it may arm by itself.
        pub held: Option<Hold>,
        /// The last cut-off.
        pub report: Option<Report>,
        /// How the boot that wrote it stands.
        pub mark: Mark,
        /// Which boot wrote it: the kernel's random id.
        pub boot: [u8; 16],
        /// Resets by the watchdog since a boot last lasted half an hour.
        pub resets: u8,
        /// Whether a person has to arm after a power loss.
        pub power_loss_holds: bool,
    }
}

wire_enum! {
    /// A part that the guardian relies on.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Part {
        /// Decides.
        1 => Broker,
        /// Keeps.
        2 => Vault,
        /// Starts the workers.
        3 => Launcher,
        /// Writes the latch.
        4 => Latch,
        /// Lays the zones.
        5 => Zones,
        /// Somebody at the guardian's desk.
        6 => Desk,
    }
}

wire_enum! {
    /// How a wired contact stands.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Contact {
        /// As it is while nobody presses.
        1 => Closed,
        /// Pressed, or its wire is cut.
        2 => Open,
        /// Its line vanished, which counts as pressed.
        3 => Gone,
    }
}

wire_enum! {
    /// The watchdog.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Dog {
        /// A device of the board.
        1 => Device,
        /// A stand-in: the demo and tests.
        2 => StandIn,
        /// It is no longer fed.
        3 => Starving,
    }
}

wire_enum! {
    /// Why the box was not armed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum RearmRefusal {
        /// It is armed already.
        1 => Armed,
        /// The contact is open, or its line is gone.
        2 => ContactOpen,
        /// The plant file wants a wired contact, released, and there is none.
        3 => NoContact,
        /// The cut-off is not over: something of it was not read back yet.
        4 => CutOffGoesOn,
        /// The self-check lacks something: the bits of [`LACKS`].
        5 => Lacks { what: u16 },
        /// The zones could not be laid again.
        6 => Zones,
        /// What was written could not be made durable.
        7 => NotDurable,
        /// It was cut off again meanwhile.
        8 => CutAgain,
    }
}

wire_enum! {
    /// Something to be written down. The broker audits it when it can; it is kept until then.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Note {
        /// Somebody cut the box off.
        1 => Cut { report: Report },
        /// All of it was read back as done, and is durable (a drill's is not written).
        2 => CutDone { report: Report },
        /// Another trigger while it is cut off.
        3 => CutAgain { trigger: Trigger },
        /// A person lifted a hold; the broker's ticket says who.
        4 => Rearmed { ticket: u64 },
        /// The box is armed.
        5 => Armed,
        /// The box is held.
        6 => Held { why: Hold },
        /// A session outlived its end: the guardian killed it (rung 3).
        7 => Killed { session: u64 },
        /// A session outlived even that: the watchdog is no longer fed (rung 4).
        8 => Starving { session: u64 },
        /// The boot before this one did not end in order.
        9 => Unclean { mark: Mark, resets: u8 },
        /// A wired contact changed.
        10 => ContactIs { line: u8, contact: Contact },
        /// A part is late: sessions end.
        11 => Late { part: Part },
        /// A part is back.
        12 => Back { part: Part },
        /// Processes live in the sessions' tree that nobody registered: they were killed.
        13 => Unregistered,
        /// One of the latch's slots can't be written or read.
        14 => SlotFault { slot: u8 },
        /// A drill is over, and the box is as it was.
        15 => Drilled { report: Report },
        /// A cut-off did not cut: the watchdog is no longer fed.
        16 => CutFailed { report: Report },
        /// The keyboard of the cut-off key is gone, or a lamp can't be set: bits of [`FAULTS`].
        17 => Fault { what: u16 },
        /// A part said what it may not: the guardian has closed its socket.
        18 => OutOfTurn { part: Part },
    }
}

wire_struct! {
    /// How the guardian stands, as console, `dinlock` and broker see it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct State {
        /// Armed or held.
        pub standing: Standing,
        /// Since when, ms of CLOCK_BOOTTIME.
        pub since_ms: u64,
        /// The last cut-off, lifted or not.
        pub report: Option<Report>,
        /// What the self-check lacks: the bits of [`LACKS`].
        pub lacks: u16,
        /// Which wired contacts there are, a bit each.
        pub contacts: u8,
        /// Which of them are open or gone, a bit each.
        pub open: u8,
        /// How long the cut-off key has been held, ms; 0 while it is not.
        pub key_ms: u16,
        /// OT drops everything.
        pub ot_drops: bool,
        /// The uplink drops everything.
        pub uplink_drops: bool,
        /// OT's ports that are up.
        pub links_up: u8,
        /// OT's ports.
        pub links: u8,
        /// Sessions in its table.
        pub sessions: u16,
        /// Parts whose lease has run out: the bits of [`LATE`].
        pub late: u8,
        /// The watchdog.
        pub dog: Dog,
        /// Resets by the watchdog since a boot last lasted half an hour.
        pub resets: u8,
        /// What is out of order: the bits of [`FAULTS`].
        pub faults: u16,
    }
}

/// What the self-check wants before the box is armed: bit, and in words what is missing and the mend.
pub const LACKS: [(u16, &str); 9] = [
    (1, "the latch has not been read: its process has to run and its disk to be readable"),
    (2, "the zones are not laid: its process says why in the box's log"),
    (4, "the broker is not ready: it waits for the vault and a plant file"),
    (8, "a wired contact is open: close it, or mend its wire"),
    (16, "a filter or a port can't be read back: see the box's log"),
    (32, "the cut-off key is held down"),
    (64, "the vault is late"),
    (128, "the launcher is late"),
    (256, "processes of sessions or fronts that were killed still live: if they stay, restart the box"),
];

/// Parts whose lease has run out.
pub const LATE: [(u8, Part); 5] =
    [(1, Part::Broker), (2, Part::Vault), (4, Part::Launcher), (8, Part::Latch), (16, Part::Zones)];

/// What is out of order, while the box may still be armed: bit, and in words.
pub const FAULTS: [(u16, &str); 7] = [
    (1, "no keyboard with the cut-off key"),
    (2, "the serial console's BREAK can't be read"),
    (4, "a lamp can't be set"),
    (8, "the latch's first slot can't be written or read"),
    (16, "the latch's second slot can't be written or read"),
    (32, "the watchdog does not take its food"),
    (64, "the broker was away for so long that some of what happened could not be kept for it"),
];
