//! What the guardian feels: wired contacts, the cut-off key, BREAK on a serial console.

use guard::{CONTACTS_MAX, Contact, Input, Trigger};
use os::keyboard::{self, F12, Seen};
use os::modem;
use os::poll::Poll;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};

/// Keyboards at once.
pub const KEYBOARDS_MAX: usize = 4;
/// The first token of keyboards, and of contacts.
pub const KEYBOARDS: u64 = 8;
pub const CONTACTS: u64 = 16;
/// How often lines are read that can't say when they change, in µs. A contact there is felt within twice that
/// and 5 ms.
pub const SAMPLE_US: u64 = 10_000;
/// Bits of `guard::FAULTS`.
const NO_KEYBOARD: u16 = 1;
const NO_BREAK: u16 = 2;

/// A wired contact.
pub enum Wire {
    /// A stand-in: a socket or pipe that says each change: `1` closed, anything else open. Its end is the
    /// line's end.
    StandIn(OwnedFd),
    /// A line of a GPIO chip.
    Gpio(gpio::Contact),
    /// A control line of a serial port.
    Modem(OwnedFd, modem::Line),
    /// It vanished: it counts as pressed until the box starts again.
    Gone,
}

/// A line that can't be read is gone.
fn stands(closed: Option<bool>) -> Contact {
    match closed {
        Some(true) => Contact::Closed,
        Some(false) => Contact::Open,
        None => Contact::Gone,
    }
}

/// All of it.
pub struct Senses {
    wires: Vec<Wire>,
    keyboards: Vec<Option<OwnedFd>>,
    /// A serial console, and the BREAKs that it had seen.
    serial: Option<(OwnedFd, Option<u32>)>,
    next_us: u64,
}

impl Senses {
    /// Watches what can say when it changes.
    ///
    /// # Errors
    /// The kernel's, or too many of them.
    pub fn new(wires: Vec<Wire>, keyboards: Vec<OwnedFd>, serial: Option<OwnedFd>, poll: &Poll) -> io::Result<Self> {
        if wires.len() > CONTACTS_MAX || keyboards.len() > KEYBOARDS_MAX {
            return Err(io::Error::other(format!("{CONTACTS_MAX} contacts and {KEYBOARDS_MAX} keyboards are the most")));
        }
        for (wire, token) in wires.iter().zip(CONTACTS..) {
            let fd = match wire {
                Wire::StandIn(fd) => fd.as_fd(),
                Wire::Gpio(contact) => contact.as_fd(),
                Wire::Modem(..) | Wire::Gone => continue,
            };
            os::seqpacket::set_nonblocking(fd, true)?;
            poll.add(fd, token, true, false)?;
        }
        for (keyboard, token) in keyboards.iter().zip(KEYBOARDS..) {
            os::seqpacket::set_nonblocking(keyboard.as_fd(), true)?;
            poll.add(keyboard, token, true, false)?;
        }
        let keyboards = keyboards.into_iter().map(Some).collect();
        Ok(Self { wires, keyboards, serial: serial.map(|port| (port, None)), next_us: 0 })
    }

    /// Wired contacts.
    pub fn contacts(&self) -> usize {
        self.wires.len()
    }

    /// What to say at the start of what is missing.
    pub fn missing(&self) -> Option<Input> {
        self.keyboards.is_empty().then_some(Input::Fault { bit: NO_KEYBOARD, there: true })
    }

    /// A contact changed.
    pub fn wire(&mut self, token: u64, poll: &Poll) -> Option<Input> {
        let line = u8::try_from(token.checked_sub(CONTACTS)?).ok()?;
        let wire = self.wires.get_mut(usize::from(line))?;
        let fd = match wire {
            Wire::StandIn(fd) => fd,
            Wire::Gpio(contact) => {
                contact.forget_changes();
                return Some(Input::Contact { line, contact: stands(contact.is_closed()) });
            }
            Wire::Modem(..) | Wire::Gone => return None,
        };
        // The last that it said counts.
        let mut said = [0_u8; 64];
        let contact = match os::fds::read(fd.as_fd(), &mut said) {
            Ok(0) => Contact::Gone,
            Ok(length) => match said.get(..length).and_then(<[u8]>::last) {
                Some(b'1') => Contact::Closed,
                Some(_) | None => Contact::Open,
            },
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return None,
            Err(_) => Contact::Gone,
        };
        if contact == Contact::Gone {
            poll.remove(&*fd).ok();
            *wire = Wire::Gone;
        }
        Some(Input::Contact { line, contact })
    }

    /// The key on one of the keyboards. One that was pulled out lets go of it.
    pub fn key(&mut self, token: u64, poll: &Poll) -> Option<[Option<Input>; 2]> {
        let place = usize::try_from(token.checked_sub(KEYBOARDS)?).ok()?;
        let keyboard = self.keyboards.get_mut(place)?;
        match keyboard::read(keyboard.as_ref()?.as_fd(), F12) {
            Ok(seen) => Some([seen.map(|seen| Input::Key { down: seen == Seen::Down }), None]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => None,
            Err(_) => {
                if let Some(gone) = keyboard.take() {
                    poll.remove(&gone).ok();
                }
                let none = self.keyboards.iter().all(Option::is_none);
                Some([Some(Input::Key { down: false }), none.then_some(Input::Fault { bit: NO_KEYBOARD, there: true })])
            }
        }
    }

    /// The time at which lines have to be read that can't say when they change; none if there are none.
    pub fn wake_us(&self) -> Option<u64> {
        let sampled = |wire: &Wire| matches!(wire, Wire::Modem(..) | Wire::Gpio(_));
        let some = self.serial.is_some() || self.wires.iter().any(sampled);
        some.then_some(self.next_us)
    }

    /// Reads them, if it is time.
    pub fn sample(&mut self, now_us: u64, mut feel: impl FnMut(Input)) {
        if self.wake_us().is_none_or(|at| now_us < at) {
            return;
        }
        self.next_us = now_us.saturating_add(SAMPLE_US);
        for (wire, line) in self.wires.iter().zip(0_u8..) {
            let closed = match wire {
                Wire::Modem(port, which) => modem::is_closed(port.as_fd(), *which).ok(),
                // An edge may have been lost, and a chip that vanished has none.
                Wire::Gpio(contact) => contact.is_closed(),
                Wire::StandIn(_) | Wire::Gone => continue,
            };
            feel(Input::Contact { line, contact: stands(closed) });
        }
        if let Some((port, seen)) = &mut self.serial {
            match (modem::breaks(port.as_fd()), *seen) {
                (Ok(count), Some(before)) if count != before => {
                    *seen = Some(count);
                    feel(Input::Cut(Trigger::Break));
                }
                (Ok(count), _) => *seen = Some(count),
                (Err(_), _) => feel(Input::Fault { bit: NO_BREAK, there: true }),
            }
        }
    }
}
