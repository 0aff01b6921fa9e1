//! Guardian and zones: what the zones need in namespaces, addresses and filters is laid anew, or it is not.
//!
//! Laying never arms and never cuts: what zones makes new is held, what is right is left as it is.

use crate::{Row, row};
use codec::wire_enum;

wire_enum! {
    /// Guardian to zones.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Order {
        /// Lay all zones. Once after arming too: routes through a gateway need a link that is up.
        1 => Lay,
    }
}

wire_enum! {
    /// What could not be laid, in the order in which it is tried. Zones has said the words on its standard error.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Step {
        /// A namespace could not be made or entered. Zones ends on this.
        1 => Namespace,
        /// A kernel setting (sysctl), of the zone or of its port.
        2 => Setting,
        /// The base filters.
        3 => Filter,
        /// The port is nowhere, or cannot be moved.
        4 => Port,
        /// An address.
        5 => Address,
        /// A link is not as it should be (up in the uplink zone, down in a held OT zone), or there is another.
        6 => Link,
        /// A route through a gateway.
        7 => Route,
    }
}

wire_enum! {
    /// Zones to guardian. The first comes unasked, after its start.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Event {
        /// Every zone is as it should be, read back; whether it is held or armed is another question.
        1 => Laid,
        /// One is not; zones stays and may be asked again.
        2 => Failed { step: Step },
    }
}

/// The one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Serving.
    Open,
}

/// What the guardian may order.
pub const ORDERS: &[Row<Phase>] = &[row(Phase::Open, "Lay", Phase::Open)];
/// What zones may say.
pub const EVENTS: &[Row<Phase>] =
    &[row(Phase::Open, "Laid", Phase::Open), row(Phase::Open, "Failed", Phase::Open)];
