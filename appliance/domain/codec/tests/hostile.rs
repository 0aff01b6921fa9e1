//! Claims of the codec: round trip, one form only, limits before memory, no panic on any bytes.

#![allow(missing_docs, reason = "types of a test")]

use codec::{Bytes, Input, List, Malformed, Text, Wire, decode, encode, wire_enum, wire_struct};

wire_struct! {
    #[derive(Debug, Clone, PartialEq)]
    pub struct Row { pub id: u32, pub name: Text<8>, pub maybe: Option<u64> }
}

wire_enum! {
    #[derive(Debug, Clone, PartialEq)]
    pub enum Note { 1 => Ping, 2 => Data { channel: u32, bytes: Bytes<16> }, 9 => Rows { rows: List<Row, 4> } }
}

fn notes() -> Vec<Note> {
    let row = Row { id: 7, name: Text::new("plc").unwrap(), maybe: Some(1 << 40) };
    vec![
        Note::Ping,
        Note::Data { channel: 3, bytes: Bytes::new(vec![0, 255]).unwrap() },
        Note::Rows { rows: List::new(vec![row.clone(), Row { maybe: None, ..row }]).unwrap() },
    ]
}

#[test]
fn every_message_comes_back_as_it_was() {
    for note in notes() {
        assert_eq!(decode::<Note>(&encode(&note)).unwrap(), note);
    }
}

#[test]
fn every_truncation_is_refused() {
    for note in notes() {
        let whole = encode(&note);
        for end in 0..whole.len() {
            assert!(decode::<Note>(&whole[..end]).is_err(), "{note:?} cut at {end}");
        }
    }
}

#[test]
fn bytes_after_the_message_are_refused() {
    let mut bytes = encode(&Note::Ping);
    bytes.push(0);
    assert_eq!(decode::<Note>(&bytes), Err(Malformed::Trailing(1)));
}

#[test]
fn a_count_above_its_limit_is_refused_before_it_is_believed() {
    let mut bytes = vec![2, 0, 0, 0, 0];
    bytes.extend_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(decode::<Note>(&bytes), Err(Malformed::Limit(16, u32::MAX as usize)));
}

#[test]
fn truth_has_one_form() {
    assert_eq!(bool::take(&mut Input::new(&[2])), Err(Malformed::Tag("bool", 2)));
}

#[test]
fn whatever_is_accepted_encodes_to_the_same_bytes() {
    // A seeded walk over short byte strings; a value that is accepted has exactly one form.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut accepted = 0;
    for _ in 0..200_000 {
        let mut bytes = Vec::new();
        for _ in 0..(state % 24) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            bytes.push(if state >> 63 == 0 { (state >> 40) as u8 % 10 } else { 0 });
        }
        state = state.wrapping_add(0x1234_5678_9abc_def1);
        if let Ok(note) = decode::<Note>(&bytes) {
            accepted += 1;
            assert_eq!(encode(&note), bytes);
        }
    }
    assert!(accepted > 100, "the walk must reach accepted messages, it reached {accepted}");
}

#[test]
fn shown_text_is_cut_at_a_character() {
    assert_eq!(Text::<4>::cut("abcé").as_str(), "abc");
}
