//! Claims of the ledger file: one form, a chain that shows every change, recovery after a power cut.

mod common;

use common::{at, event, key, lines, small};
use ledger::{CHECKPOINT, Event, Problem, SigningKey, Writer, parse, verify};

#[test]
fn a_whole_ledger_is_told_whole() {
    let report = verify(&small(), &key().verifying_key()).unwrap();
    assert_eq!((report.rows, report.seq, report.checkpoints, report.unsigned), (5, 5, 1, 1));
    assert_eq!((report.first, report.last), (Some(at(0)), Some(at(4))));
}

#[test]
fn a_row_reads_back_as_it_was_written_and_moves_no_terminal() {
    let file = small();
    assert!(file.iter().all(|&b| b >= 0x20 || b == b'\n'));
    let rows: Vec<_> = lines(&file).iter().map(|line| parse(&line[..line.len() - 1]).unwrap()).collect();
    assert_eq!(rows[0].event, event("row 0"));
    assert_eq!(*rows[4].event.detail, *"\u{1b}[2J \"quoted\" \\ naïve \u{202e}txt\u{9b}");
    assert_eq!(&*rows[3].event.kind, CHECKPOINT);
}

#[test]
fn no_row_turns_text_around() {
    // Unicode's Bidi_Control characters.
    let turning = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
    let row = Writer::new(key()).row(&event(turning), at(0));
    let text = String::from_utf8(row.clone()).unwrap();
    assert!(!text.contains(|c| turning.contains(c)), "{text}");
    assert_eq!(*parse(&row[..row.len() - 1]).unwrap().event.detail, *turning);
}

#[test]
fn the_format_is_the_documented_one() {
    let line = String::from_utf8(lines(&small())[0].clone()).unwrap();
    assert!(line.ends_with(
        " {\"seq\":1,\"at\":1700000000000,\"clock\":\"known\",\"source\":\"broker\",\"category\":\"session\",\
         \"kind\":\"session.started\",\"result\":\"ok\",\"requirement\":\"SR 1.1\",\"person\":\"vera\",\
         \"target\":\"plc-gw.root\",\"session\":null,\"peer\":\"10.99.1.2:40022\",\"detail\":\"row 0\"}\n"
    ));
}

#[test]
fn every_flipped_bit_is_found() {
    let (file, key) = (small(), key().verifying_key());
    for index in 0..file.len() {
        for bit in 0..8 {
            let mut bad = file.clone();
            bad[index] ^= 1 << bit;
            assert!(verify(&bad, &key).is_err(), "byte {index} bit {bit}");
        }
    }
}

#[test]
fn a_removed_doubled_or_swapped_row_is_found() {
    let (rows, key) = (lines(&small()), key().verifying_key());
    for a in 0..rows.len() {
        let mut without = rows.clone();
        without.remove(a);
        // Taking the last row away is the one thing a chain alone cannot show.
        assert_eq!(verify(&without.concat(), &key).is_err(), a + 1 < rows.len());
        let mut doubled = rows.clone();
        doubled.insert(a, rows[a].clone());
        assert!(verify(&doubled.concat(), &key).is_err());
        for b in a + 1..rows.len() {
            let mut swapped = rows.clone();
            swapped.swap(a, b);
            assert!(verify(&swapped.concat(), &key).is_err());
        }
    }
}

#[test]
fn a_chain_written_anew_without_the_box_key_is_refused() {
    let thief = SigningKey::from_bytes(&[8; 32]);
    let mut writer = Writer::new(thief);
    let mut file = writer.row(&event("forged"), at(0));
    file.extend(writer.checkpoint(at(1)));
    assert!(verify(&file, &key().verifying_key()).is_err());
    // The box's own first rows, then a checkpoint by another key.
    let mut own = Writer::new(key());
    let mut other = Writer::new(SigningKey::from_bytes(&[8; 32]));
    let row = own.row(&event("x"), at(0));
    other.row(&event("x"), at(0));
    assert!(verify(&[row, other.checkpoint(at(1))].concat(), &key().verifying_key()).is_err());
}

#[test]
fn an_event_cannot_pass_for_a_checkpoint_nor_spoil_the_chain() {
    let claimed = Event { kind: codec::Text::new(CHECKPOINT).unwrap(), ..event("") };
    let mut writer = Writer::new(key());
    let file = writer.row(&claimed, at(0));
    let report = verify(&file, &key().verifying_key()).unwrap();
    assert_eq!(report.checkpoints, 0);
    assert_eq!(&*parse(&file[..file.len() - 1]).unwrap().event.kind, "reserved.checkpoint");
}

#[test]
fn after_a_power_cut_at_any_byte_all_whole_rows_are_kept() {
    let file = small();
    for end in 0..=file.len() {
        let mut left = file[..end].to_vec();
        let resumed = Writer::resume(key(), &left).unwrap();
        let whole = left.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
        assert_eq!(resumed.kept_len, whole, "cut at {end}");
        assert_eq!(resumed.cut.is_some(), whole != end);
        assert_eq!(resumed.cut.map_or(0, |cut| cut.bytes), end - whole);
        left.truncate(resumed.kept_len);
        let mut writer = resumed.writer;
        left.extend(writer.row(&event("after"), at(9)));
        verify(&left, &key().verifying_key()).unwrap();
    }
}

#[test]
fn a_last_line_that_was_half_written_is_cut_even_with_its_line_end() {
    let mut file = small();
    let length = file.len();
    file[length - 40..length - 1].fill(0);
    let resumed = Writer::resume(key(), &file).unwrap();
    assert_eq!(resumed.cut.unwrap().line, 5);
    assert_eq!(resumed.writer.head().0, 4);
    assert_eq!(resumed.writer.unsigned(), 0);
}

#[test]
fn a_break_before_the_last_line_is_no_power_cut() {
    let mut file = small();
    file[100] ^= 1;
    let fault = Writer::resume(key(), &file).unwrap_err();
    assert_eq!(fault.line, 1);
}

#[test]
fn a_missing_row_is_named_by_its_number() {
    let mut rows = lines(&small());
    rows.remove(1);
    let fault = verify(&rows.concat(), &key().verifying_key()).unwrap_err();
    assert_eq!((fault.line, fault.what), (2, Problem::Number { due: 2, found: 3 }));
}
