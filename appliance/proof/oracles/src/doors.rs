//! The mediator's short cuts: they read and write what the codec reads and writes.

use border::record::Entry;
use border::work::{Down, Up};
use codec::Bytes;
use mediator::wire;

/// What the short cuts take for a message, and the codec does, is the same, both ways.
///
/// # Panics
/// If it is not.
pub fn holds(bytes: &[u8]) {
    let down = match codec::decode(bytes) {
        Ok(Down::Data { channel, bytes }) => Some((channel, bytes)),
        _ => None,
    };
    let short = wire::down_data(bytes);
    assert!(short == down.as_ref().map(|(channel, data)| (*channel, &data[..])), "the short cut reads another Down::Data");
    let up = match codec::decode(bytes) {
        Ok(Up::Data { channel, stream, bytes }) => Some((channel, stream, bytes)),
        _ => None,
    };
    let short = wire::up_data(bytes);
    assert!(short == up.as_ref().map(|(channel, stream, data)| (*channel, *stream, &data[..])), "the short cut reads another Up::Data");
    written(bytes);
}

fn written(data: &[u8]) {
    let Ok(bytes) = Bytes::new(data) else { return };
    let down = Down::Data { channel: 7, bytes: bytes.clone() };
    assert!(wire::put_down_data(7, data) == codec::encode(&down), "the short cut writes another Down::Data");
    let up = Up::Data { channel: 7, stream: 1, bytes };
    assert!(wire::put_up_data(7, 1, data) == codec::encode(&up), "the short cut writes another Up::Data");
    let Ok(bytes) = Bytes::new(data) else { return };
    let entries = [
        (wire::ENTRY_HEADER, Entry::Header { bytes: bytes.clone() }),
        (wire::ENTRY_FRAME, Entry::Frame { bytes: bytes.clone() }),
        (wire::ENTRY_END, Entry::End { bytes }),
    ];
    for (tag, entry) in entries {
        assert!(wire::put_entry(tag, data) == codec::encode(&entry), "the short cut writes another {}", entry.name());
    }
}

/// Data of both directions, and messages that are none.
pub fn seeds() -> Vec<Vec<u8>> {
    let data = |text: &[u8]| Bytes::new(text).unwrap_or_default();
    let mut out = vec![
        codec::encode(&Down::Data { channel: 1, bytes: data(b"ls\r") }),
        codec::encode(&Up::Data { channel: 1, stream: 1, bytes: data(b"total 0\r\n") }),
        codec::encode(&Down::Data { channel: u32::MAX, bytes: data(b"") }),
    ];
    let long = vec![b'x'; border::DATA_BYTES_MAX + 1];
    out.push([&[2, 1, 0, 0, 0][..], &(long.len() as u32).to_le_bytes(), &long].concat());
    out
}
