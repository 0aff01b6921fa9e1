//! Why a session ended: one code each, for audit, listings and the person's own screen.

macro_rules! reasons {
    ($($(#[$meta:meta])* $variant:ident = $code:literal, $words:literal;)*) => {
        /// Why a session ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Reason { $($(#[$meta])* $variant),* }

        impl Reason {
            /// Every reason, for tables and tests.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code that audit rows and listings carry; it never changes its meaning.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// The same for a person.
            pub fn words(self) -> &'static str {
                match self { $(Self::$variant => $words),* }
            }

            /// The reason with this code.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.code() == code)
            }
        }
    };
}

reasons! {
    /// The operator closed the connection or logged out.
    OperatorLeft = "operator_left", "the operator left";
    /// The machine closed the connection.
    MachineClosed = "machine_closed", "the machine closed the connection";
    /// Longest duration.
    Deadline = "deadline", "its longest duration is over";
    /// The time window closed.
    WindowClosed = "window_closed", "its time window closed";
    /// The conduit no longer permits it, or an approval was withdrawn.
    PermissionWithdrawn = "permission_withdrawn", "the permission was withdrawn";
    /// The person typed nothing for too long.
    Idle = "idle", "nothing was typed for too long";
    /// An admin ended it.
    EndedByAdmin = "ended_by_admin", "an administrator ended it";
    /// The recorder was lost, full or too slow.
    RecorderLost = "recorder_lost", "its recording could not be kept";
    /// It was refused before it was approved.
    Refused = "refused", "it was refused";
    /// Nobody at the box admitted it in time.
    NobodyAdmitted = "nobody_admitted", "nobody at the box admitted it in time";
    /// The machine was not reached, or did not let the box in.
    NotConnected = "not_connected", "the machine could not be reached";
    /// A process of the session said what its border does not allow.
    PeerOutOfTurn = "peer_out_of_turn", "a part of the session broke the rules between the parts";
    /// A process of the session died.
    PartDied = "part_died", "a part of the session stopped";
    /// It did not end by itself and was killed (rung 2).
    Overdue = "overdue", "it did not end by itself and was killed";
    /// It was a try by an administrator, and is done.
    Tested = "tested", "the try is done";
    /// The guardian died, or was silent for too long: nobody could have ended it in time.
    GuardianLost = "guardian_lost", "the box's guardian stopped";
    /// Somebody cut the box off.
    CutOff = "cut_off", "the box was cut off";
    /// An administrator blocked its person, employer or target, or everybody.
    Blocked = "blocked", "an administrator blocked it";
    /// The broker's restart found it gone.
    LostInRestart = "lost_in_restart", "it was gone when the broker came back";
}
