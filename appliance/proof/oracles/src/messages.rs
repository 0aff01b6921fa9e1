//! Every type with a binary form: each message of each border, and what is stored in that form.

use crate::chance::grown;
use codec::{Bytes, List, Text, Wire, wire_enum, wire_struct};
use std::any::type_name;
use std::net::{IpAddr, SocketAddr};

/// What the codec promises of a type: no panic, one form of each value, no value inside another's
/// form, and an error of one line for everything else.
///
/// # Panics
/// If it does not hold.
pub fn message<T: Wire>(bytes: &[u8]) {
    let name = type_name::<T>();
    match codec::decode::<T>(bytes) {
        Err(why) => crate::shown::line(&why.to_string()),
        Ok(value) => {
            assert!(codec::encode(&value) == bytes, "{name}: a second form of one value");
            if let Some((_, front)) = bytes.split_last() {
                assert!(codec::decode::<T>(front).is_err(), "{name}: whole although it is cut");
            }
            assert!(codec::decode::<T>(&[bytes, &[0]].concat()).is_err(), "{name}: whole with more behind it");
        }
    }
}

macro_rules! messages {
    ($($(#[$meta:meta])* $oracle:ident: $($path:ident)::+ => [$($type:ident),+ $(,)?];)*) => {
        $($(#[$meta])*
        pub mod $oracle {
            use $($path)::+::{$($type),+};

            /// Holds every type of this group against [`message`](super::message).
            pub fn holds(bytes: &[u8]) {
                $(super::message::<$type>(bytes);)+
            }

            /// Valid forms of each.
            pub fn seeds() -> Vec<Vec<u8>> {
                let mut out = Vec::new();
                $(super::grown::<$type>(&mut out);)+
                out
            }

            pub(super) const PATH: &str = stringify!($($path)::+);
            pub(super) const TYPES: &[&str] = &[$(stringify!($type)),+];
        })*

        /// Each group's crate or module, and its types. `tests/presence.rs` holds the sources against it.
        pub const GROUPS: &[(&str, &[&str])] = &[$(($oracle::PATH, $oracle::TYPES)),*];
    };
}

messages! {
    /// `dinlock` and broker.
    border_admin: border::admin => [Whom, BlockRow, DrillRow, SessionRow, Space, Request, Reply];
    /// Broker and console.
    border_console: border::console => [SessionLine, WaitingLine, Keeper, Fault, View, Request, Why, Reply];
    /// Broker and connector.
    border_connector: border::connector => [Order, Event];
    /// Broker and front.
    border_front: border::front => [Choice, Step, Request, Answer];
    /// Broker and guardian.
    border_guardian: border::guardian => [Order, Event];
    /// The guardian's desk.
    border_desk: border::desk => [Request, Reply];
    /// Guardian and latch.
    border_latch: border::latch => [Order, Event];
    /// What the guardian knows and says.
    guard_facts: guard => [
        Trigger, Hold, Standing, Steps, Report, Mark, Slot, Part, Contact, Dog, RearmRefusal, Note, State,
    ];
    /// Broker and launcher.
    border_launcher: border::launcher => [Part, Request, Reply];
    /// Broker and listener.
    border_listener: border::listener => [Event, Order];
    /// Broker and back.
    border_machine: border::machine => [Step, Order, Event];
    /// Broker and mediator.
    border_mediation: border::mediation => [InputRecord, Bound, Terms, Order, Event];
    /// Mediator and vault.
    border_record: border::record => [Entry, Answer];
    /// A broker and its follower.
    border_restart: border::restart => [Stand, Card];
    /// A worker and the vault.
    border_secrets: border::secrets => [Request, Kind, Answer];
    /// Broker and vault.
    border_vault: border::vault => [Audit, Request, Pin, Event];
    /// The typed stream.
    border_work: border::work => [Pty, Mode, Variable, Down, Up];
    /// Guardian and zones.
    border_zones: border::zones => [Order, Step, Event];
    /// The plant, as it is applied and stored.
    model_objects: model => [
        Login, Kind, SecretKind, InputRecord, StreamRecord, BoxFacts, Person, Account, Target, Window, Destination,
        Conduit, RecordingRules, Limits, Language, ConsoleRules, Rearm, PowerLoss, DrillTime, Cutoff, Plant, Scope, Block,
        Blocks,
    ];
    /// What the ledger's rows say.
    ledger_event: ledger => [At, Category, Outcome, Event];
    /// What a recording holds.
    recording_item: recording => [Header, Direction, What, Item];
    /// What the vault seals.
    vault_secrets: vault::secrets => [Password, PersonSecret, TargetSecret, Contents];
    /// The codec's own parts, all in one value.
    codec_parts: crate::messages => [Part, Parts];
}

wire_enum! {
    /// An enum with gaps between its tags.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Part {
        /// Nothing.
        1 => Nothing,
        /// Fields.
        7 => Fields {
            /// Text.
            text: Text<8>,
            /// Bytes.
            bytes: Bytes<5>,
        },
        /// The last tag.
        255 => More {
            /// Lists in a list.
            parts: List<List<Text<4>, 3>, 4>,
        },
    }
}

wire_struct! {
    /// Everything that the codec has a form for.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Parts {
        /// Integers.
        pub small: u8,
        /// Integers.
        pub short: u16,
        /// Integers.
        pub word: u32,
        /// Integers.
        pub long: u64,
        /// Integers.
        pub signed: i64,
        /// Truth.
        pub truth: bool,
        /// An option in an option.
        pub maybe: Option<Option<u16>>,
        /// An array.
        pub array: [u8; 3],
        /// An address.
        pub ip: IpAddr,
        /// An address and port.
        pub socket: SocketAddr,
        /// Values without a length of their own.
        pub nothing: List<[u8; 0], 6>,
        /// An enum.
        pub part: Part,
    }
}
