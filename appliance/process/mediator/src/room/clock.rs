//! What time alone brings: warnings, deadline, idle limit, a stalled recorder, echo that never came.

use super::recorder::STALL_US;
use super::{Room, Stage};
use border::mediation::Bound;
use session::Reason;

const MINUTE_US: u64 = 60_000_000;
/// Minutes before the deadline at which the person is told.
pub(super) const WARNINGS: [u64; 4] = [30, 10, 5, 1];
/// How long the machine's last output may take to reach the operator once the machine has gone.
const LAST_OUTPUT_US: u64 = 5_000_000;

/// A deadline that moved by less is not told.
const WORTH_SAYING_US: u64 = 1_000_000;

/// The first warning that still lies ahead.
pub(super) fn first_warning(left_us: u64) -> usize {
    WARNINGS.iter().position(|minutes| minutes * MINUTE_US < left_us).unwrap_or(WARNINGS.len())
}

fn minutes(count: u64) -> String {
    if count == 1 { "1 minute".to_owned() } else { format!("{count} minutes") }
}

/// Whole minutes, or seconds where less than two are left.
fn left_words(left_us: u64) -> String {
    if left_us >= 2 * MINUTE_US { minutes(left_us / MINUTE_US) } else { format!("{} seconds", left_us / 1_000_000) }
}

fn why(bound: Bound) -> &'static str {
    match bound {
        Bound::Longest => "longest duration",
        Bound::Window => "its time window closes",
    }
}

impl Room {
    /// Time has passed.
    pub fn tick(&mut self, now: u64) {
        if self.timeless && self.live() {
            return;
        }
        match self.stage {
            Stage::Live => self.live_tick(now),
            Stage::Ending { until_us } if until_us <= now => self.leave(),
            Stage::Waiting | Stage::Ending { .. } | Stage::Over => {}
        }
    }

    fn live_tick(&mut self, now: u64) {
        if self.deadline_us <= now {
            let reason = match self.bound {
                Bound::Longest => Reason::Deadline,
                Bound::Window => Reason::WindowClosed,
            };
            return self.end(now, reason.code(), reason.words());
        }
        if self.idle_due().is_some_and(|at| at <= now) {
            return self.end(now, "idle", "nothing was typed for too long");
        }
        if self.back_gone_us.is_some_and(|at| at + LAST_OUTPUT_US <= now) {
            return self.end(now, "machine_closed", "the machine closed the connection");
        }
        self.warn(now);
        if self.recorder.stalled(now) {
            self.freeze(now);
        }
        if self.grace_due().is_some_and(|at| at <= now) {
            return self.end(now, "recorder_lost", "its recording could not be kept: the recorder does not answer");
        }
        self.echoes_due(now);
        self.pace_due(now);
    }

    fn idle_due(&self) -> Option<u64> {
        (self.idle_us > 0).then(|| self.last_input_us.saturating_add(self.idle_us))
    }

    fn grace_due(&self) -> Option<u64> {
        Some(self.recorder.oldest_us()?.saturating_add(STALL_US).saturating_add(self.grace_us))
    }

    /// When the next warning is due.
    fn warning_due(&self) -> Option<u64> {
        WARNINGS.get(self.warning).map(|minutes| self.deadline_us.saturating_sub(minutes * MINUTE_US))
    }

    fn warn(&mut self, now: u64) {
        let mut due = None;
        while self.warning_due().is_some_and(|at| at <= now) {
            due = Some(WARNINGS[self.warning]);
            self.warning += 1;
        }
        if let Some(left) = due {
            let text = format!("This session ends in {} ({})", minutes(left), why(self.bound));
            self.mark(now, "warned", &text);
            self.notice(&text);
        }
    }

    pub(super) fn move_deadline(&mut self, now: u64, deadline_ms: u64, bound: Bound) {
        let deadline_us = deadline_ms.saturating_mul(1000);
        // A wall clock that is being set right moves the end of a window a little, again and again.
        let earlier = deadline_us.saturating_add(WORTH_SAYING_US) <= self.deadline_us;
        (self.deadline_us, self.bound) = (deadline_us, bound);
        let left = deadline_us.saturating_sub(now);
        self.warning = first_warning(left);
        if earlier && left > 0 {
            let text = format!("This session now ends in {} ({})", left_words(left), why(bound));
            self.mark(now, "warned", &text);
            self.notice(&text);
        }
        self.tick(now);
    }

    fn echoes_due(&mut self, now: u64) {
        for (&channel, state) in &mut self.channels {
            let Some(screen) = &mut state.screen else { continue };
            if screen.echo.next_due().is_some_and(|at| at <= now) {
                let verdicts = screen.echo.due(now);
                super::up::write_verdicts(&mut self.recorder, now, channel, verdicts, &mut self.acts);
            }
        }
    }

    /// When [`tick`](Self::tick) has something to do at the latest, in microseconds of boot time.
    pub fn next_wake(&self) -> Option<u64> {
        match self.stage {
            Stage::Waiting | Stage::Over => None,
            Stage::Ending { until_us } => Some(until_us),
            Stage::Live if self.timeless => None,
            Stage::Live => {
                let stall = self.recorder.oldest_us().filter(|_| !self.frozen).map(|at| at + STALL_US);
                let echo = self.channels.values().filter_map(|state| state.screen.as_ref()?.echo.next_due()).min();
                let gone = self.back_gone_us.map(|at| at + LAST_OUTPUT_US);
                let times = [self.idle_due(), self.grace_due(), self.warning_due(), stall, echo, gone, self.pace.due()];
                times.into_iter().flatten().chain([self.deadline_us]).min()
            }
        }
    }
}
