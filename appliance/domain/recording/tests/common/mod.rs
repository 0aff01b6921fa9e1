//! A small session for the claims.
#![allow(dead_code)]

use age::secrecy::ExposeSecret;
use codec::{Bytes, Text};
use recording::{Direction, Header, Item, Sealer, What};

pub const KEY: [u8; 32] = [5; 32];

/// An auditor: the identity's text, and its recipient.
pub fn auditor() -> (String, String) {
    let identity = age::x25519::Identity::generate();
    (identity.to_string().expose_secret().to_owned(), identity.to_public().to_string())
}

pub fn header() -> Header {
    Header {
        session: Text::new("s-42").unwrap(),
        person: Text::new("vera").unwrap(),
        target: Text::new("plc-gw.root").unwrap(),
        started_ms: 1_700_000_000_123,
        clock_known: true,
    }
}

pub fn output(at_us: u64, channel: u32, bytes: &[u8]) -> Item {
    Item { at_us, what: What::Output { channel, stream: 0, bytes: Bytes::new(bytes).unwrap() } }
}

pub fn every_kind() -> Vec<Item> {
    let whats = vec![
        What::Opened { channel: 1, pty: true, command: None },
        What::Resize { channel: 1, cols: 120, rows: 40 },
        What::Output { channel: 1, stream: 0, bytes: Bytes::new(*b"login: ").unwrap() },
        What::Input { channel: 1, bytes: Bytes::new(*b"vera\r").unwrap() },
        What::InputHidden { channel: 1, length: 9 },
        What::Mark { kind: Text::new("paused").unwrap(), text: Text::new("by otto").unwrap() },
        What::BulkHash { channel: 2, direction: Direction::FromTarget, length: 1 << 33, sha256: [9; 32] },
        What::Opened { channel: 2, pty: false, command: Some(Text::new("cat /etc/motd").unwrap()) },
        What::Closed { channel: 2, code: Some(0), signal: None },
        What::Closed { channel: 1, code: None, signal: Some(Text::new("HUP").unwrap()) },
    ];
    (0..).zip(whats).map(|(n, what)| Item { at_us: n * 1_000_001, what }).collect()
}

/// A closed recording, as the pieces that were appended: header, frames, end.
pub fn pieces(recipients: &[&str]) -> Vec<Vec<u8>> {
    let (mut sealer, header) = Sealer::new(&header(), &KEY, recipients).unwrap();
    let items = every_kind();
    let mut out = vec![header, sealer.seal(&items[..4]), sealer.seal(&items[4..])];
    out.push(sealer.seal_output(20_000_000, 1, 0, &[b'x'; 2000]));
    out.push(sealer.seal_output(21_000_000, 1, 1, b"done"));
    out.push(sealer.end());
    out
}

/// Bytes that do not compress.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(length);
    out
}
