//! From the operator to the machine: recorded first, released when the vault holds the record.

use super::channel::{Channel, Held, HeldKind};
use super::{Act, Broken, Room};
use crate::wire;
use border::mediation::InputRecord;
use border::work::{CHANNELS_MAX, Down, Up};
use border::DATA_BYTES_MAX;
use codec::{Bytes, Text};
use recording::{Direction, What};
use std::collections::{BTreeMap, VecDeque};

/// Channels that the back has not closed yet, those that the front has closed included.
const KNOWN_MAX: usize = 4 * CHANNELS_MAX;
/// Messages that may wait on one channel; data is joined before that.
const HELD_MAX: usize = 1024;
/// Waiting data is joined from so many messages on.
const JOIN_FROM: usize = 64;
/// Bytes of `work::Down::Data` before its data.
const DATA_HEAD: usize = 9;
/// Of a command, this much fits into `What::Opened`.
const COMMAND_SHOWN: usize = 4096;

fn against(channel: u32, what: &'static str) -> Broken {
    Broken::Channel { channel, what }
}

/// The channel, if the front may still speak on it; none if the machine has just closed it.
fn speaking<'a>(
    channels: &'a mut BTreeMap<u32, Channel>,
    gone: &VecDeque<u32>,
    channel: u32,
) -> Result<Option<&'a mut Channel>, Broken> {
    match channels.get_mut(&channel) {
        Some(state) if state.up_closed => Ok(None),
        Some(state) if state.down_closed => Err(against(channel, "a message after its close")),
        Some(state) => Ok(Some(state)),
        None if gone.contains(&channel) => Ok(None),
        None => Err(against(channel, "a message before its opening")),
    }
}

impl Room {
    /// A message of the operator's side came, with so many descriptors.
    pub fn front(&mut self, now: u64, message: &[u8], fds: usize) {
        if !self.live() {
            return;
        }
        if let Err(why) = self.front_message(now, message, fds) {
            self.broken(now, "front", &why);
        }
    }

    fn front_message(&mut self, now: u64, message: &[u8], fds: usize) -> Result<(), Broken> {
        if fds > 0 {
            return Err(Broken::Descriptors(fds));
        }
        if let Some((channel, bytes)) = wire::down_data(message) {
            self.downs.pass("Data")?;
            return self.typed(now, channel, bytes);
        }
        let down: Down = codec::decode(message)?;
        self.downs.pass(down.name())?;
        match down {
            Down::Open { channel, pty, command, variables } => {
                let locale = |name: &str| name == "LANG" || name.starts_with("LC_");
                if !variables.iter().all(|variable| locale(&variable.name)) {
                    return Err(against(channel, "a variable that is not a locale's"));
                }
                let size = pty.map(|pty| (pty.cols, pty.rows));
                self.open(now, channel, size, command.as_deref(), message)
            }
            Down::Data { .. } => unreachable!("well-formed data is read above, other is no message"),
            Down::Credit { channel, bytes } => self.front_credit(channel, bytes),
            Down::Eof { channel } => {
                let Some(state) = speaking(&mut self.channels, &self.gone, channel)? else { return Ok(()) };
                if std::mem::replace(&mut state.down_eof, true) {
                    return Err(against(channel, "a second end of data"));
                }
                self.hold(now, channel, HeldKind::Input, message.to_vec())
            }
            Down::Resize { channel, cols, rows } => {
                let Some(state) = speaking(&mut self.channels, &self.gone, channel)? else { return Ok(()) };
                if state.screen.is_none() {
                    return Ok(());
                }
                state.need = self.recorder.item(now, What::Resize { channel, cols, rows }, &mut self.acts);
                self.hold(now, channel, HeldKind::Other, message.to_vec())
            }
            Down::Signal { channel, name } => {
                let suspended = self.suspended();
                let Some(state) = speaking(&mut self.channels, &self.gone, channel)? else { return Ok(()) };
                if suspended && state.screen.is_some() {
                    return Ok(());
                }
                let text = Text::cut(format!("channel {channel} {}", name.as_str()));
                let what = What::Mark { kind: Text::cut("signal"), text };
                state.need = self.recorder.item(now, what, &mut self.acts);
                self.hold(now, channel, HeldKind::Input, message.to_vec())
            }
            Down::Close { channel } => {
                self.give_up_late(channel);
                let Some(state) = speaking(&mut self.channels, &self.gone, channel)? else { return Ok(()) };
                state.down_closed = true;
                self.hold(now, channel, HeldKind::Other, message.to_vec())
            }
        }
    }

    fn open(
        &mut self,
        now: u64,
        channel: u32,
        size: Option<(u16, u16)>,
        command: Option<&str>,
        message: &[u8],
    ) -> Result<(), Broken> {
        if self.channels.contains_key(&channel) {
            return Err(against(channel, "opened twice"));
        }
        let open = self.channels.values().filter(|state| !state.down_closed && !state.up_closed).count();
        if open >= CHANNELS_MAX || self.channels.len() >= KNOWN_MAX {
            return Err(against(channel, "one channel too many"));
        }
        self.gone.retain(|&old| old != channel);
        let mut state = Channel::new(size.is_some(), self.hash_only);
        let shown = command.map(Text::cut);
        let what = What::Opened { channel, pty: size.is_some(), command: shown };
        state.need = self.recorder.item(now, what, &mut self.acts);
        if let Some(long) = command.filter(|command| command.len() > COMMAND_SHOWN) {
            let bytes = Bytes::new(long).expect("a command is at most 32 KiB");
            state.need = self.recorder.item(now, What::Input { channel, bytes }, &mut self.acts);
        }
        if let Some((cols, rows)) = size {
            state.need = self.recorder.item(now, What::Resize { channel, cols, rows }, &mut self.acts);
        }
        self.channels.insert(channel, state);
        self.hold(now, channel, HeldKind::Open, message.to_vec())
    }

    fn typed(&mut self, now: u64, channel: u32, bytes: &[u8]) -> Result<(), Broken> {
        let suspended = self.suspended();
        let policy = self.input;
        let Some(state) = speaking(&mut self.channels, &self.gone, channel)? else { return Ok(()) };
        if state.down_eof {
            return Err(against(channel, "data after the end of data"));
        }
        if bytes.is_empty() {
            return Ok(());
        }
        self.pace.typed(now);
        let count = u32::try_from(bytes.len()).expect("data is at most 64 KiB");
        state.down_credit = state.down_credit.checked_sub(count).ok_or(against(channel, "data beyond its credit"))?;
        let terminal = state.screen.is_some();
        if terminal && suspended {
            state.down_credit += count;
            self.last_input_us = now;
            self.discarded += u64::from(count);
            self.acts.push(Act::Front(codec::encode(&Up::Credit { channel, bytes: count })));
            return Ok(());
        }
        let what = match (policy, &mut state.hashes) {
            // Not even its hash: a short secret is found from that.
            (InputRecord::None, _) => What::InputHidden { channel, length: count },
            // The hash up to here, for each message: nothing goes on before its own record is in hand.
            (InputRecord::All | InputRecord::Echoed, Some(hashes)) => {
                hashes.0.update(bytes);
                hashes.0.item(channel, Direction::ToTarget)
            }
            // Text that the machine echoes follows as `Input` once the echo is there.
            (InputRecord::Echoed, None) if terminal => What::InputHidden { channel, length: count },
            // Nothing echoes a byte stream: what went in is what an auditor needs.
            (InputRecord::All | InputRecord::Echoed, None) => {
                What::Input { channel, bytes: Bytes::new(bytes).expect("data is at most 64 KiB") }
            }
        };
        state.need = self.recorder.item(now, what, &mut self.acts);
        self.last_input_us = now;
        self.hold_data(now, channel, bytes)
    }

    fn hold_data(&mut self, now: u64, channel: u32, bytes: &[u8]) -> Result<(), Broken> {
        let state = self.channels.get_mut(&channel).expect("it was found a moment ago");
        if state.held.len() >= JOIN_FROM
            && let Some(last) = state.held.back_mut()
            && last.kind == HeldKind::Data
            && last.message.len() - DATA_HEAD + bytes.len() <= DATA_BYTES_MAX
        {
            last.message.extend_from_slice(bytes);
            let count = u32::try_from(last.message.len() - DATA_HEAD).expect("data is at most 64 KiB");
            last.message[DATA_HEAD - 4..DATA_HEAD].copy_from_slice(&count.to_le_bytes());
            last.entry = state.need;
            return Ok(());
        }
        self.hold(now, channel, HeldKind::Data, wire::put_down_data(channel, bytes))
    }

    fn hold(&mut self, now: u64, channel: u32, kind: HeldKind, message: Vec<u8>) -> Result<(), Broken> {
        let state = self.channels.get_mut(&channel).expect("it was found a moment ago");
        if state.held.len() >= HELD_MAX {
            return Err(against(channel, "too many messages wait"));
        }
        state.held.push_back(Held { entry: state.need, kind, message });
        self.release(now, channel);
        Ok(())
    }

    pub(super) fn release_all(&mut self, now: u64) {
        if !self.live() {
            return;
        }
        let waiting = self.channels.iter().filter(|(_, state)| !state.held.is_empty());
        for channel in waiting.map(|(&channel, _)| channel).collect::<Vec<_>>() {
            self.release(now, channel);
        }
    }

    /// Sends on what the vault holds the record of.
    fn release(&mut self, now: u64, channel: u32) {
        let (suspended, held) = (self.suspended(), self.recorder.held());
        let echoed = self.input == InputRecord::Echoed;
        let Some(state) = self.channels.get_mut(&channel) else { return };
        while let Some(first) = state.held.front() {
            let input = first.kind != HeldKind::Other;
            if first.entry > held || (suspended && input) {
                return;
            }
            let first = state.held.pop_front().expect("it was seen a line above");
            match first.kind {
                HeldKind::Data => {
                    let bytes = &first.message[DATA_HEAD..];
                    state.at_back += u32::try_from(bytes.len()).expect("data is at most 64 KiB");
                    if let Some(screen) = state.screen.as_mut().filter(|_| echoed) {
                        screen.echo.typed(now, bytes);
                    }
                }
                HeldKind::Open => state.released = true,
                HeldKind::Input | HeldKind::Other => {}
            }
            self.acts.push(Act::Back(first.message));
        }
    }

    /// Input to terminals that was not released yet is discarded like what follows.
    pub(super) fn discard_held(&mut self) {
        for (&channel, state) in self.channels.iter_mut().filter(|(_, state)| state.screen.is_some()) {
            let mut count = 0;
            state.held.retain(|held| {
                let data = held.kind == HeldKind::Data;
                count += if data { held.message.len() - DATA_HEAD } else { 0 };
                !data
            });
            if count > 0 {
                let bytes = u32::try_from(count).expect("credit bounds what waits");
                state.down_credit += bytes;
                self.discarded += u64::from(bytes);
                self.acts.push(Act::Front(codec::encode(&Up::Credit { channel, bytes })));
            }
        }
    }
}
