//! Faults that are planted on purpose, so that each property is shown to see one.

/// A broken variant of one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// The broker's clock stands still, and mediators are stopped.
    StandingClock,
    /// A plant is reported as applied, and the old one goes on to count.
    DeafToPlants,
    /// The row of an end is written twice.
    TwoEnds,
    /// The broker's own kill is not done.
    NoKill,
    /// "In hand" is said of what only lies in the vault's socket.
    EarlyInHand,
    /// The broker hears of another source address for each connection.
    MaskedSources,
    /// The disk's syncs do nothing.
    NoSyncs,
    /// The vault reads rows of refusals, and writes none.
    LostRows,
    /// The broker keeps the ends that it should pass on.
    KeptHandovers,
    /// Closed control sockets are closed twice over, with a message between.
    LateWords,
    /// Control sockets of fronts stay open.
    NoClose,
    /// Mediators get each order to pause twice over, the first one before their terms.
    EarlyOrders,
    /// Dials are not cancelled.
    NoCancel,
    /// An answer to `dinlock` gets lost.
    LostAnswers,
    /// The vault says that a plant is stored, and stores none.
    PlantNotStored,
    /// A mediator hears of no pause.
    NoPause,
    /// The vault calls every typed secret right.
    EasyVault,
    /// The shell asks to be woken in the past.
    Spins,
    /// Fronts are not killed, and their control sockets stay open.
    Lingerers,
    /// A rule panics.
    Panics,
}
