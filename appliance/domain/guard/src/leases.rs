//! Who was heard when, and who is late.

use crate::facts::LATE;
use crate::guardian::LEASE_US;

/// When each part was heard last; none while it was never.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Leases {
    pub broker_us: Option<u64>,
    pub vault_us: Option<u64>,
    pub launcher_us: Option<u64>,
    /// Bits of `LATE` that have been told.
    pub told: u8,
    /// Bits of those that were in time once.
    pub known: u8,
}

impl Leases {
    pub fn late(&self, now_us: u64) -> u8 {
        let heard = [self.broker_us, self.vault_us, self.launcher_us];
        let late = |at: Option<u64>| at.is_none_or(|at| at.saturating_add(LEASE_US) < now_us);
        heard.into_iter().zip(LATE).filter(|(at, _)| late(*at)).fold(0, |bits, (_, (bit, _))| bits | bit)
    }

    pub fn wake(&self, now_us: u64) -> Option<u64> {
        let heard = [self.broker_us, self.vault_us, self.launcher_us];
        heard.into_iter().flatten().map(|at| at.saturating_add(LEASE_US).saturating_add(1)).filter(|at| *at > now_us).min()
    }
}
