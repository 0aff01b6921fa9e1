//! From the machine to the operator: filtered where there is a terminal, recorded, passed on.

use super::channel::{Channel, Late};
use super::ending::close_out;
use super::recorder::Recorder;
use super::{Act, Broken, Room};
use crate::wire;
use border::DATA_BYTES_MAX;
use border::work::{CREDIT_AT_OPEN, Down, Up};
use codec::Bytes;
use recording::{Direction, What};
use std::collections::BTreeMap;
use stream::echo::Verdict;

/// Credit goes to the back in portions of at least so many bytes.
const CREDIT_PORTION: u32 = CREDIT_AT_OPEN / 16;

fn against(channel: u32, what: &'static str) -> Broken {
    Broken::Channel { channel, what }
}

/// Records what was echoed; what was not has its length and time recorded already.
pub(super) fn write_verdicts(
    recorder: &mut Recorder,
    now: u64,
    channel: u32,
    verdicts: Vec<Verdict>,
    acts: &mut Vec<Act>,
) {
    for verdict in verdicts {
        match verdict {
            Verdict::Echoed { at_us: _, bytes } => {
                for part in bytes.chunks(DATA_BYTES_MAX) {
                    let bytes = Bytes::new(part).expect("a part is at most 64 KiB");
                    recorder.item(now, What::Input { channel, bytes }, acts);
                }
            }
            Verdict::Hidden { at_us: _, len: _ } => {}
        }
    }
}

/// The channel, if the back was asked to open it and has not closed it.
fn answering(channels: &mut BTreeMap<u32, Channel>, channel: u32) -> Result<&mut Channel, Broken> {
    let state = channels.get_mut(&channel).filter(|state| state.released && !state.up_closed);
    state.ok_or(against(channel, "a message on a channel that is not open"))
}

fn running(channels: &mut BTreeMap<u32, Channel>, channel: u32) -> Result<&mut Channel, Broken> {
    let state = answering(channels, channel)?;
    if state.opened { Ok(state) } else { Err(against(channel, "a message before it opened")) }
}

fn exiting(channels: &mut BTreeMap<u32, Channel>, channel: u32) -> Result<&mut Channel, Broken> {
    let state = running(channels, channel)?;
    if std::mem::replace(&mut state.up_exit, true) {
        return Err(against(channel, "a second exit"));
    }
    Ok(state)
}

impl Room {
    /// A message of the machine's side came, with so many descriptors.
    pub fn back(&mut self, now: u64, message: &[u8], fds: usize) {
        if !self.live() {
            return;
        }
        if let Err(why) = self.back_message(now, message, fds) {
            self.broken(now, "back", &why);
        }
    }

    fn back_message(&mut self, now: u64, message: &[u8], fds: usize) -> Result<(), Broken> {
        if fds > 0 {
            return Err(Broken::Descriptors(fds));
        }
        if let Some((channel, stream, bytes)) = wire::up_data(message) {
            self.ups.pass("Data")?;
            return self.output(now, channel, stream, bytes);
        }
        let up: Up = codec::decode(message)?;
        self.ups.pass(up.name())?;
        match up {
            Up::Opened { channel } => {
                let state = answering(&mut self.channels, channel)?;
                if std::mem::replace(&mut state.opened, true) {
                    return Err(against(channel, "opened twice"));
                }
                self.pass_up(channel, message);
            }
            Up::OpenFailed { channel, text: _ } => {
                if answering(&mut self.channels, channel)?.opened {
                    return Err(against(channel, "failed to open after it opened"));
                }
                self.shut(now, channel, message);
            }
            Up::Data { .. } => unreachable!("well-formed data is read above, other is no message"),
            Up::Eof { channel } => {
                if std::mem::replace(&mut running(&mut self.channels, channel)?.up_eof, true) {
                    return Err(against(channel, "a second end of data"));
                }
                self.pass_up(channel, message);
            }
            Up::Exit { channel, status } => {
                let state = exiting(&mut self.channels, channel)?;
                state.code = Some(status);
                self.pass_up(channel, message);
            }
            Up::ExitSignal { channel, name, core: _, message: _ } => {
                let state = exiting(&mut self.channels, channel)?;
                state.signal = Some(name.as_str().to_owned());
                self.pass_up(channel, message);
            }
            Up::Close { channel } => {
                answering(&mut self.channels, channel)?;
                self.shut(now, channel, message);
            }
            Up::Credit { channel, bytes } => {
                let state = answering(&mut self.channels, channel)?;
                let never = against(channel, "credit for what it never got");
                state.at_back = state.at_back.checked_sub(bytes).ok_or(never)?;
                state.down_credit += bytes;
                self.acts.push(Act::FrontSame);
            }
            Up::Notice { .. } | Up::End { .. } => unreachable!("the table lets neither pass"),
        }
        Ok(())
    }

    fn output(&mut self, now: u64, channel: u32, stream: u8, bytes: &[u8]) -> Result<(), Broken> {
        let watched = !self.observers.is_empty();
        let state = running(&mut self.channels, channel)?;
        if state.up_eof {
            return Err(against(channel, "data after the end of data"));
        }
        if stream > 1 {
            return Err(against(channel, "data of an unknown stream"));
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let count = u32::try_from(bytes.len()).expect("data is at most 64 KiB");
        if count > CREDIT_AT_OPEN - state.back_out {
            return Err(against(channel, "data beyond its credit"));
        }
        state.back_out += count;
        if state.screen.is_some() {
            self.show(now, channel, stream, bytes);
            return Ok(());
        }
        // Without a filter, what the back may send is never more than what the front can take.
        state.front_out += count;
        if let Some(hashes) = &mut state.hashes {
            if hashes.1.update(bytes) {
                let what = hashes.1.item(channel, Direction::FromTarget);
                self.recorder.item(now, what, &mut self.acts);
            }
        } else {
            self.recorder.output(now, channel, stream, bytes, &mut self.acts);
        }
        self.acts.push(Act::FrontSame);
        if watched {
            self.acts.push(Act::ObserversSame);
        }
        Ok(())
    }

    fn show(&mut self, now: u64, channel: u32, stream: u8, bytes: &[u8]) {
        let state = self.channels.get_mut(&channel).expect("it was found a moment ago");
        let screen = state.screen.as_mut().expect("only terminals are shown");
        self.scratch.clear();
        screen.filter.filter(bytes, &mut self.scratch);
        screen.echo.output(now, &self.scratch);
        if screen.echo.next_due().is_some_and(|at| at <= now) {
            let verdicts = screen.echo.due(now);
            write_verdicts(&mut self.recorder, now, channel, verdicts, &mut self.acts);
        }
        screen.remember(&self.scratch);
        let removed = screen.filter.counts().total() > 0 && !std::mem::replace(&mut state.removals_told, true);
        self.recorder.output(now, channel, stream, &self.scratch, &mut self.acts);
        for part in self.scratch.chunks(DATA_BYTES_MAX) {
            if !self.observers.is_empty() {
                self.acts.push(Act::Observers(wire::put_up_data(channel, stream, part)));
            }
            let at_once = if state.late.is_empty() { part.len().min(state.room_at_front()) } else { 0 };
            let (first, rest) = part.split_at(at_once);
            if !first.is_empty() {
                state.front_out += u32::try_from(first.len()).expect("data is at most 64 KiB");
                self.acts.push(Act::Front(wire::put_up_data(channel, stream, first)));
            }
            // Who has closed the channel gives no credit any more.
            if !rest.is_empty() && !state.down_closed {
                state.late_bytes += rest.len();
                state.late.push_back(Late::Data { stream, bytes: rest.to_vec() });
            }
        }
        self.give_back(channel);
        if removed {
            self.audit("filtered", &format!("control sequences were removed from the output of channel {channel}"));
        }
    }

    /// The front can take more.
    pub(super) fn front_credit(&mut self, channel: u32, bytes: u32) -> Result<(), Broken> {
        let Some(state) = self.channels.get_mut(&channel) else {
            let known = self.gone.contains(&channel);
            return if known { Ok(()) } else { Err(against(channel, "credit before its opening")) };
        };
        state.front_out = state.front_out.checked_sub(bytes).ok_or(against(channel, "credit for what it never got"))?;
        while let Some(first) = state.late.pop_front() {
            match first {
                Late::Say(message) => self.acts.push(Act::Front(message)),
                Late::Data { stream, mut bytes } => {
                    let fits = bytes.len().min(state.room_at_front());
                    let rest = bytes.split_off(fits);
                    if !bytes.is_empty() {
                        state.front_out += u32::try_from(bytes.len()).expect("data is at most 64 KiB");
                        state.late_bytes -= bytes.len();
                        self.acts.push(Act::Front(wire::put_up_data(channel, stream, &bytes)));
                    }
                    if !rest.is_empty() {
                        state.late.push_front(Late::Data { stream, bytes: rest });
                        break;
                    }
                }
            }
        }
        if state.up_closed && state.late.is_empty() {
            self.forget(channel);
        } else {
            self.give_back(channel);
        }
        Ok(())
    }

    /// The front has closed the channel: output that still waits for its credit is dropped.
    pub(super) fn give_up_late(&mut self, channel: u32) {
        let Some(state) = self.channels.get_mut(&channel) else { return };
        state.late_bytes = 0;
        for late in state.late.drain(..) {
            match late {
                Late::Data { .. } => {}
                Late::Say(message) => self.acts.push(Act::Front(message)),
            }
        }
        if state.up_closed {
            self.forget(channel);
        }
    }

    fn give_back(&mut self, channel: u32) {
        let Some(state) = self.channels.get_mut(&channel).filter(|state| !state.up_closed) else { return };
        let bytes = state.due_to_back();
        if bytes >= CREDIT_PORTION {
            state.back_out -= bytes;
            self.acts.push(Act::Back(codec::encode(&Down::Credit { channel, bytes })));
        }
    }

    /// Passes a message on, behind output that still waits.
    fn pass_up(&mut self, channel: u32, message: &[u8]) {
        if !self.observers.is_empty() {
            self.acts.push(Act::ObserversSame);
        }
        match self.channels.get_mut(&channel) {
            Some(state) if !state.late.is_empty() => state.late.push_back(Late::Say(message.to_vec())),
            Some(_) | None => self.acts.push(Act::FrontSame),
        }
    }

    /// The back's last word on a channel.
    fn shut(&mut self, now: u64, channel: u32, message: &[u8]) {
        self.pass_up(channel, message);
        let state = self.channels.get_mut(&channel).expect("it was found a moment ago");
        close_out(&mut self.recorder, now, channel, state, &mut self.acts);
        state.held.clear();
        state.up_closed = true;
        // Its end is recorded: nothing of it may be recorded a second time.
        if state.late.is_empty() {
            self.forget(channel);
        }
    }
}
