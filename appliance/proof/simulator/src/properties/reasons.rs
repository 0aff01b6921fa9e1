//! Why a session ended: once, and truly.

use super::Property;
use crate::plants::permitted_until;
use crate::world::World;
use border::machine::Step;
use border::vault::Audit;
use broker::core::KILL_AFTER_MS;
use session::Reason;

impl World {
    /// An honest back said at which step it failed.
    pub fn saw_failed(&mut self, session: u64, step: Step) {
        let word = match step {
            Step::Reach => "reach",
            Step::KeyExchange => "key exchange",
            Step::HostKey => "host key",
            Step::Login => "login",
        };
        if let Some(seen) = self.watch.sessions.get_mut(&session) {
            seen.failed_step = Some(word);
        }
    }

    pub(super) fn saw_end(&mut self, audit: &Audit) {
        let Some(session) = audit.session else { return };
        let now = self.now_us;
        let Some(seen) = self.watch.sessions.get_mut(&session) else {
            return self.broken(Property::OneReason, format!("session {session} ended and never began"));
        };
        seen.ended += 1;
        seen.ended_us = now;
        // A broker that died may not have seen what it wrote itself.
        if seen.ended > 1 && !seen.broker_died {
            return self.broken(Property::OneReason, format!("session {session} ended twice"));
        }
        let (code, words) = audit.detail.split_once(':').unwrap_or((&audit.detail, ""));
        let Some(reason) = Reason::from_code(code) else {
            return self.broken(Property::OneReason, format!("session {session} ended for {code:?}, which is no reason"));
        };
        if !self.is_true(session, reason, words) {
            let what = format!("session {session} is said to have ended for {code}:{words}, which is not why");
            self.broken(Property::OneReason, what);
        }
    }

    /// Whether this can be why.
    fn is_true(&self, session: u64, reason: Reason, words: &str) -> bool {
        let Some(seen) = self.watch.sessions.get(&session) else { return false };
        let processes = self.sessions.get(&session);
        let lies = seen.front_lied || processes.is_some_and(|s| s.back_lied);
        if lies {
            return true;
        }
        let (now_ms, wall) = (self.boot_ms(), self.wall_ms());
        let deadline = seen.terms.as_ref().map_or(u64::MAX, |terms| terms.deadline_ms);
        let permitted = || {
            let to = (&*seen.target, &*seen.account);
            self.watch.in_force.as_ref().and_then(|p| permitted_until(p, &seen.person, to, &seen.conduit, wall)).is_some()
        };
        let crashes = self.chaos.crash > 0 || self.chaos.stops || self.chaos.parts;
        match reason {
            Reason::OperatorLeft => seen.front.is_none_or(|front| !self.fronts.contains_key(&front)),
            Reason::MachineClosed => processes.is_none_or(|s| s.back.is_none()),
            Reason::Deadline => now_ms >= deadline,
            Reason::Overdue => now_ms >= deadline.saturating_add(KILL_AFTER_MS) && self.chaos.stops,
            Reason::WindowClosed => seen.ever_unpermitted || !permitted() || now_ms >= deadline,
            Reason::PermissionWithdrawn => seen.ever_unpermitted || !permitted(),
            Reason::Idle => seen.idle || seen.terms.as_ref().is_some_and(|terms| terms.idle_ms > 0),
            Reason::EndedByAdmin => seen.admin_ended,
            Reason::RecorderLost => self.chaos.stalls || self.chaos.disk || self.chaos.parts,
            Reason::NotConnected => {
                let told = seen.failed_step.is_none_or(|step| words.trim_start().starts_with(step));
                !seen.live && (told || crashes)
            }
            Reason::PartDied => crashes,
            Reason::Tested => seen.test,
            Reason::GuardianLost => self.chaos.parts,
            // Nobody here cuts the box off, or blocks anybody.
            Reason::CutOff | Reason::Blocked | Reason::NobodyAdmitted => false,
            Reason::LostInRestart => seen.broker_died && !seen.live,
            Reason::PeerOutOfTurn | Reason::Refused => false,
        }
    }
}
