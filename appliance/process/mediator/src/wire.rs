//! The two messages that carry a session's bytes, read without a copy.
//!
//! The same bytes through `codec` give the same values; `tests/order.rs` holds one against the other.

use border::DATA_BYTES_MAX;

/// Tag of `work::Down::Data`.
const DOWN_DATA: u8 = 2;
/// Tag of `work::Up::Data`.
const UP_DATA: u8 = 3;

/// `work::Down::Data`, if the message is one and well formed: channel and bytes.
pub fn down_data(message: &[u8]) -> Option<(u32, &[u8])> {
    let (&[DOWN_DATA, a, b, c, d], rest) = message.split_first_chunk::<5>()? else { return None };
    Some((u32::from_le_bytes([a, b, c, d]), counted(rest)?))
}

/// `work::Up::Data`, if the message is one and well formed: channel, stream and bytes.
pub fn up_data(message: &[u8]) -> Option<(u32, u8, &[u8])> {
    let (&[UP_DATA, a, b, c, d, stream], rest) = message.split_first_chunk::<6>()? else { return None };
    Some((u32::from_le_bytes([a, b, c, d]), stream, counted(rest)?))
}

/// Bytes behind their own count, nothing after them.
fn counted(bytes: &[u8]) -> Option<&[u8]> {
    let (count, rest) = bytes.split_first_chunk::<4>()?;
    let count = u32::from_le_bytes(*count) as usize;
    (count == rest.len() && count <= DATA_BYTES_MAX).then_some(rest)
}

/// The encoded form of `work::Down::Data`.
pub fn put_down_data(channel: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + bytes.len());
    out.push(DOWN_DATA);
    out.extend_from_slice(&channel.to_le_bytes());
    put(bytes, &mut out);
    out
}

/// The encoded form of `work::Up::Data`.
pub fn put_up_data(channel: u32, stream: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(10 + bytes.len());
    out.push(UP_DATA);
    out.extend_from_slice(&channel.to_le_bytes());
    out.push(stream);
    put(bytes, &mut out);
    out
}

fn put(bytes: &[u8], out: &mut Vec<u8>) {
    assert!(bytes.len() <= DATA_BYTES_MAX, "data is cut before it is sent");
    let count = u32::try_from(bytes.len()).expect("data is below 4 GiB");
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Tag of `record::Entry::Header`.
pub const ENTRY_HEADER: u8 = 1;
/// Tag of `record::Entry::Frame`.
pub const ENTRY_FRAME: u8 = 2;
/// Tag of `record::Entry::End`.
pub const ENTRY_END: u8 = 3;

/// The encoded form of a `record::Entry`: all three hold bytes alone.
pub fn put_entry(tag: u8, bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() <= border::record::FRAME_BYTES_MAX, "a frame is cut before it is sent");
    let mut out = Vec::with_capacity(5 + bytes.len());
    out.push(tag);
    let count = u32::try_from(bytes.len()).expect("a frame is below 4 GiB");
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(bytes);
    out
}
