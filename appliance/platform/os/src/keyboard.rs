//! Keys as the kernel's event interface tells them (linux/input.h), without a keymap.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// F12 on every keyboard, whatever is printed on it.
pub const F12: u16 = 88;
/// Bytes of one `struct input_event` on a 64-bit system.
const EVENT: usize = 24;
/// Events of one reading.
const EVENTS: usize = 32;
const KEY_STATES: usize = 96; // KEY_CNT is 0x300

/// What happened to one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It went down.
    Down,
    /// It went up.
    Up,
}

/// Reads what is there, and forgets all but one key. What happened to it last; none if nothing.
/// Where the kernel dropped events, the key is asked for.
///
/// # Errors
/// `WouldBlock` if nothing is there, `UnexpectedEof` at the end of a stand-in, the kernel's (ENODEV) if the
/// keyboard was pulled out.
pub fn read(fd: BorrowedFd<'_>, key: u16) -> io::Result<Option<Seen>> {
    let mut buffer = [0_u8; EVENT * EVENTS];
    let got = crate::fds::read(fd, &mut buffer)?;
    if got == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut last = None;
    for event in buffer.get(..got).unwrap_or_default().chunks_exact(EVENT) {
        match meaning(event, key) {
            Meaning::Nothing => {}
            Meaning::Key(seen) => last = Some(seen),
            Meaning::Dropped => last = Some(if is_down(fd, key)? { Seen::Down } else { Seen::Up }),
        }
    }
    buffer.fill(0);
    Ok(last)
}

enum Meaning {
    Nothing,
    Key(Seen),
    Dropped,
}

fn meaning(event: &[u8], wanted: u16) -> Meaning {
    const SYN: u16 = 0;
    const SYN_DROPPED: u16 = 3;
    const KEY: u16 = 1;
    let number = |at: usize| event.get(at..at + 2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_ne_bytes);
    let value = event.get(20..24).and_then(|b| b.try_into().ok()).map_or(0, i32::from_ne_bytes);
    match (number(16), number(18), value) {
        (SYN, SYN_DROPPED, _) => Meaning::Dropped,
        (KEY, code, 0) if code == wanted => Meaning::Key(Seen::Up),
        (KEY, code, 1) if code == wanted => Meaning::Key(Seen::Down),
        _ => Meaning::Nothing,
    }
}

/// Whether a key is down now (EVIOCGKEY).
///
/// # Errors
/// The kernel's; a stand-in can't be asked.
pub fn is_down(fd: BorrowedFd<'_>, key: u16) -> io::Result<bool> {
    const GET_KEYS: u32 = 0x8000_4518 | (KEY_STATES as u32) << 16; // EVIOCGKEY(96)
    let mut states = [0_u8; KEY_STATES];
    // SAFETY: the call fills at most the length that its number names.
    crate::check(unsafe { libc::ioctl(fd.as_raw_fd(), GET_KEYS.into(), states.as_mut_ptr()) })?;
    let byte = states.get(usize::from(key) / 8).copied().unwrap_or(0);
    Ok(byte >> (key % 8) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;

    fn event(kind: u16, code: u16, value: i32) -> Vec<u8> {
        let mut bytes = vec![0; 16];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(code.to_ne_bytes());
        bytes.extend(value.to_ne_bytes());
        bytes
    }

    #[test]
    fn only_the_one_key_is_seen_and_what_it_did_last() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(&[event(1, 30, 1), event(1, F12, 1), event(0, 0, 0), event(1, F12, 2)].concat()).unwrap();
        assert_eq!(read(reader.as_fd(), F12).unwrap(), Some(Seen::Down), "a repeat changes nothing");
        writer.write_all(&event(1, 30, 0)).unwrap();
        assert_eq!(read(reader.as_fd(), F12).unwrap(), None, "another key is nothing");
        writer.write_all(&[event(1, F12, 0), event(4, F12, 1)].concat()).unwrap();
        assert_eq!(read(reader.as_fd(), F12).unwrap(), Some(Seen::Up));
        writer.write_all(&event(0, 3, 0)).unwrap();
        assert!(read(reader.as_fd(), F12).is_err(), "events were dropped, and a pipe can't be asked");
        drop(writer);
        assert_eq!(read(reader.as_fd(), F12).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
