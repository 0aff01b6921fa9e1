//! A small ledger for the claims.
#![allow(dead_code)]

use codec::Text;
use ledger::{At, Category, Event, Outcome, SigningKey, Writer};

pub fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub fn at(ms: u64) -> At {
    At { unix_ms: 1_700_000_000_000 + ms, known: true }
}

pub fn event(detail: &str) -> Event {
    Event {
        person: Some(Text::new("vera").unwrap()),
        target: Some(Text::new("plc-gw.root").unwrap()),
        session: None,
        peer: Some(Text::new("10.99.1.2:40022").unwrap()),
        detail: Text::new(detail).unwrap(),
        ..Event::new("broker", Category::Session, "session.started", Outcome::Ok, "SR 1.1")
    }
}

/// Five rows with a checkpoint as the fourth.
pub fn small() -> Vec<u8> {
    let mut writer = Writer::new(key());
    let mut file = Vec::new();
    for n in 0..3 {
        file.extend(writer.row(&event(&format!("row {n}")), at(n)));
    }
    file.extend(writer.checkpoint(at(3)));
    file.extend(writer.row(&event("\u{1b}[2J \"quoted\" \\ naïve \u{202e}txt\u{9b}"), at(4)));
    file
}

pub fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect()
}
