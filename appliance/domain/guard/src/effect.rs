//! Something that is enforced in the kernel: what is wanted of it, and how it was last read back.

/// How soon what was not read back as wanted is done again.
const AGAIN_US: u64 = 5_000;

/// What is enforced, in the order of a cut-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// OT drops everything.
    OtDrops,
    /// Every uplink-side zone drops everything.
    UplinkDrops,
    /// Nothing lives in the trees of fronts and sessions.
    TreesDead,
    /// All of OT's ports are down (their being up, where it is not wanted, is read back too).
    LinksDown,
}

/// One of them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Effect {
    /// None where both are fine.
    pub want: Option<bool>,
    /// None while it is not known.
    pub is: Option<bool>,
    tried_us: Option<u64>,
    tried_round: u64,
}

impl Effect {
    /// Wants it, and has it done even if it seems to be so already.
    pub fn force(&mut self, want: bool) {
        *self = Self { want: Some(want), is: None, tried_us: None, tried_round: self.tried_round };
    }

    /// Wants it.
    pub fn want(&mut self, want: Option<bool>) {
        if self.want != want {
            (self.want, self.tried_us) = (want, None);
        }
    }

    /// Whether it is as wanted.
    pub fn holds(&self) -> bool {
        self.want.is_none() || self.want == self.is
    }

    /// What has to be done now, if anything; counts as tried. Again once a round only: a kernel that takes
    /// its time may not keep the guardian from all else.
    pub fn due(&mut self, now_us: u64, round: u64) -> Option<bool> {
        let want = self.want.filter(|_| !self.holds())?;
        if self.tried_us.is_some_and(|at| now_us < at.saturating_add(AGAIN_US) || self.tried_round == round) {
            return None;
        }
        (self.tried_us, self.tried_round) = (Some(now_us), round);
        Some(want)
    }

    /// When it is due.
    pub fn wake(&self) -> Option<u64> {
        (!self.holds()).then(|| self.tried_us.map_or(0, |at| at.saturating_add(AGAIN_US)))
    }
}
