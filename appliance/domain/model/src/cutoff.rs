//! The cut-off: who lifts it, what a power loss means, when it is exercised.

use codec::{wire_enum, wire_struct};

wire_enum! {
    /// Who lifts a hold.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Rearm {
        /// An administrator with their second factor, by `dinlock cutoff rearm`. The default.
        1 => Person,
        /// A person at the box: their PIN, and the wired contact, released.
        2 => PinAndContact,
        /// Either of them.
        3 => Either,
    }
}

wire_enum! {
    /// What the box does after a power loss that found it armed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum PowerLoss {
        /// It arms itself. The default.
        1 => Arm,
        /// It waits for a person.
        2 => Hold,
    }
}

wire_struct! {
    /// When a drill may begin, each week; for an hour from then on.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct DrillTime {
        /// 0 is Monday, 6 Sunday.
        pub day: u8,
        /// The minute of the day: 0..=1439.
        pub minute: u16,
    }
}

wire_struct! {
    /// The rules of the cut-off.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Cutoff {
        /// Who lifts a hold.
        pub rearm: Rearm,
        /// What a power loss means.
        pub power_loss: PowerLoss,
        /// The weekly drill; none is none by itself.
        pub drill: Option<DrillTime>,
    }
}

impl Rearm {
    /// Whether a person lifts it by `dinlock`.
    pub fn by_person(self) -> bool {
        matches!(self, Self::Person | Self::Either)
    }

    /// Whether a PIN lifts it at the box, with the contact.
    pub fn by_pin(self) -> bool {
        matches!(self, Self::PinAndContact | Self::Either)
    }
}

/// What stands where a plant file says nothing.
impl Default for Cutoff {
    fn default() -> Self {
        Self { rearm: Rearm::Person, power_loss: PowerLoss::Arm, drill: None }
    }
}
