//! Claims: the words of a mark read back as they were written; only the vault's rows about that
//! session count; the end is what the last row says.

use codec::Text;
use ledger::marks::{self, End, Marks};
use ledger::{At, Category, Event, Outcome, Row, SigningKey, Writer, parse};

fn rows(events: &[(&str, &str, &str, String)]) -> Vec<Row> {
    let mut writer = Writer::new(SigningKey::from_bytes(&[7; 32]));
    let at = At { unix_ms: 1, known: true };
    let lines = events.iter().map(|(source, session, kind, detail)| {
        let mut event = Event::new(source, Category::Recording, kind, Outcome::Ok, "SR 2.8");
        event.session = Some(Text::cut(*session));
        event.detail = Text::cut(detail.clone());
        writer.row(&event, at)
    });
    lines.map(|line| parse(&line[..line.len() - 1]).unwrap()).collect()
}

#[test]
fn marks_read_back_and_others_do_not_count() {
    let mark = |n: u8| marks::words(u64::from(n), &[n; 32]);
    let rows = rows(&[
        ("vault", "s-000001", marks::KEPT, mark(1)),
        ("broker", "s-000001", marks::KEPT, mark(2)),
        ("vault", "s-000002", marks::KEPT, mark(3)),
        ("vault", "s-000001", "recording.opened", mark(4)),
        ("vault", "s-000001", marks::CLOSED, format!("whole, {}", mark(5))),
    ]);
    let found = Marks::of(rows.iter(), "s-000001");
    assert_eq!(found, Marks { kept: vec![(1, [1; 32]), (5, [5; 32])], end: End::Whole });
    assert_eq!(Marks::of(rows[..1].iter(), "s-000001").end, End::Running);
}

#[test]
fn a_recording_that_was_closed_without_its_end_is_open() {
    let detail = format!("open, {}; found at start, 3 torn bytes cut", marks::words(9, &[9; 32]));
    let rows = rows(&[("vault", "s-000001", marks::CLOSED, detail)]);
    assert_eq!(Marks::of(rows.iter(), "s-000001"), Marks { kept: vec![(9, [9; 32])], end: End::Open });
}

#[test]
fn words_that_name_no_mark_are_none() {
    for detail in ["", "length x sha256 00", "length 5 sha256 00", "sha256 00 length 5"] {
        let rows = rows(&[("vault", "s-000001", marks::KEPT, detail.to_owned())]);
        assert_eq!(marks::of(&rows[0]), None, "{detail}");
    }
}
