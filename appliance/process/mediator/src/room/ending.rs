//! The end of a session: said once, recorded, flushed within a bound, and then gone.

use super::channel::Channel;
use super::recorder::Recorder;
use super::{Act, Room, Stage};
use border::mediation::Event;
use border::work::Up;
use codec::Text;
use recording::{Direction, What};
use stream::filter::{Counts, Kind};

/// How long the last messages may take, in microseconds.
pub const FLUSH_US: u64 = 500_000;

impl Room {
    /// Ends the session; `kind` is a code of `session::Reason`. Only the first call counts.
    pub(super) fn end(&mut self, now: u64, kind: &'static str, text: &str) {
        match self.stage {
            Stage::Waiting | Stage::Live => {}
            Stage::Ending { .. } | Stage::Over => return,
        }
        // The broker first: the operator may leave at the last word, and that is not the reason.
        self.event(&Event::Ended { kind: Text::cut(kind), text: Text::cut(text) });
        if self.stage == Stage::Waiting {
            return self.leave();
        }
        for (channel, mut state) in std::mem::take(&mut self.channels) {
            // A channel that the machine has closed is recorded to its end already.
            if !state.up_closed {
                close_out(&mut self.recorder, now, channel, &mut state, &mut self.acts);
            }
        }
        self.mark(now, "ended", &format!("{kind}: {text}"));
        self.recorder.end(now, &mut self.acts);
        self.say_up(&Up::End { text: Text::cut(text) });
        self.stage = Stage::Ending { until_us: now.saturating_add(FLUSH_US) };
    }

    /// The shell has sent everything to the operator, the machine and the vault.
    pub fn drained(&mut self, now: u64) {
        match self.stage {
            Stage::Ending { .. } if self.recorder.quiet() => self.leave(),
            Stage::Live if self.back_gone_us.is_some() && self.channels.values().all(|c| c.late.is_empty()) => {
                self.end(now, "machine_closed", "the machine closed the connection");
            }
            Stage::Waiting | Stage::Live | Stage::Ending { .. } | Stage::Over => {}
        }
    }

    pub(super) fn leave(&mut self) {
        self.stage = Stage::Over;
        self.acts.push(Act::Leave);
    }

    /// The operator's side closed its stream.
    pub fn front_closed(&mut self, now: u64) {
        self.end(now, "operator_left", "the operator left");
    }

    /// The machine's side closed its stream; what it sent last is still passed on.
    pub fn back_closed(&mut self, now: u64) {
        if self.live() && self.back_gone_us.is_none() {
            self.back_gone_us = Some(now);
        }
    }
}

/// Records what is still to be said of a channel that ends.
pub(super) fn close_out(recorder: &mut Recorder, now: u64, channel: u32, state: &mut Channel, acts: &mut Vec<Act>) {
    if let Some(screen) = &mut state.screen {
        let verdicts = screen.echo.end();
        super::up::write_verdicts(recorder, now, channel, verdicts, acts);
        let counts = screen.filter.counts();
        if counts.total() > 0 {
            let text = Text::cut(removals(channel, &counts));
            recorder.item(now, What::Mark { kind: Text::cut("filtered"), text }, acts);
        }
    }
    if let Some((down, up)) = state.hashes.as_deref_mut() {
        // Where the policy hides input, nothing of it was hashed.
        if down.counted() {
            recorder.item(now, down.item(channel, Direction::ToTarget), acts);
        }
        recorder.item(now, up.item(channel, Direction::FromTarget), acts);
    }
    let signal = state.signal.take().map(Text::cut);
    recorder.item(now, What::Closed { channel, code: state.code, signal }, acts);
}

fn removals(channel: u32, counts: &Counts) -> String {
    let mut text = format!("channel {channel}: {} removed from the output", counts.total());
    for kind in Kind::ALL {
        if counts.of(kind) > 0 {
            text.push_str(&format!(", {kind:?} {}", counts.of(kind)));
        }
    }
    text
}
