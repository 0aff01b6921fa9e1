//! The times of a living session: what a new plant file or a clock takes, and never what it gives.

use super::{Action, Core, Now, access};
use border::mediation::{Bound, Order};
use policy::Grant;

/// A wall clock that is being set right moves the end of a window by less than this; ms.
const WORTH_MOVING_MS: u64 = 200;

/// When a session that began at `begun_ms` has to end, ms of CLOCK_BOOTTIME, and why then.
pub(super) fn deadline(grant: &Grant, begun_ms: u64, now: Now) -> (u64, Bound) {
    let longest = begun_ms.saturating_add(grant.longest_ms());
    let window = grant.window_left_ms(now.wall_ms).map(|left| now.boot_ms.saturating_add(left));
    match window {
        Some(closes) if closes < longest => (closes, Bound::Window),
        Some(_) | None => (longest, Bound::Longest),
    }
}

/// The shorter of two idle limits, of which 0 is none.
fn shorter_idle(old_ms: u64, new_ms: u64) -> u64 {
    if old_ms == 0 || (new_ms > 0 && new_ms < old_ms) { new_ms } else { old_ms }
}

impl<F> Core<F> {
    /// Its conduit permits the session as of now: what that leaves of it.
    pub(super) fn shorten(&mut self, session: u64, grant: &Grant) {
        let conduit = self.plant.as_ref().and_then(|p| p.conduits.iter().find(|c| c.id == *grant.conduit()));
        let idle_now = conduit.map_or(0, access::idle_ms);
        let now = self.now;
        let Some(row) = self.sessions.get_mut(&session) else { return };
        let (deadline_ms, bound) = deadline(grant, row.begun_ms, now);
        if deadline_ms.saturating_add(WORTH_MOVING_MS) <= row.deadline_ms {
            (row.deadline_ms, row.bound) = (deadline_ms, bound);
            let why = match bound {
                Bound::Longest => "longest duration",
                Bound::Window => "its time window closes",
            };
            let detail = format!("{} s are left: {why}", deadline_ms.saturating_sub(now.boot_ms) / 1000);
            self.act(Action::ToMediator(session, Order::Deadline { deadline_ms, bound }));
            self.end_moved(session);
            self.note_session(session, "session.shortened", "ok", "SR 2.6", detail);
            self.keep(session);
        }
        let Some(row) = self.sessions.get_mut(&session) else { return };
        let idle_ms = shorter_idle(row.idle_ms, idle_now);
        if idle_ms != row.idle_ms {
            row.idle_ms = idle_ms;
            self.act(Action::ToMediator(session, Order::Idle { idle_ms }));
            self.note_session(session, "session.shortened", "ok", "SR 2.5", format!("idle limit {} s", idle_ms / 1000));
            self.keep(session);
        }
    }
}
