//! Claims of an export: it stands by itself, and nothing in it can be changed, moved or left out.

mod common;

use common::{at, key, lines, small};
use ledger::{Exporter, Problem, SigningKey, export, verify_export};

#[test]
fn any_range_exports_and_verifies() {
    for from in 1..=5 {
        for to in from..=5 {
            let file = export(&small(), from, to, at(50), &key()).unwrap();
            let report = verify_export(&file, &key().verifying_key()).unwrap();
            assert_eq!((report.from, report.to, report.rows.rows), (from, to, to - from + 1));
        }
    }
}

#[test]
fn an_export_line_by_line_is_the_same_and_its_header_has_the_length_that_was_said() {
    for (from, to) in [(1, 5), (2, 4), (5, 5)] {
        let mut exporter = Exporter::new(&key().verifying_key(), from, to);
        let length = exporter.header_length(at(50));
        let mut rows = Vec::new();
        for line in small().split_inclusive(|b| *b == b'\n') {
            if exporter.full() {
                break;
            }
            if exporter.line(&line[..line.len() - 1]).unwrap() {
                rows.extend_from_slice(line);
            }
        }
        let header = exporter.header(at(50), &key()).unwrap();
        assert_eq!(header.len(), length);
        assert_eq!([header, rows].concat(), export(&small(), from, to, at(50), &key()).unwrap());
    }
}

#[test]
fn rows_that_are_not_there_are_not_exported() {
    for (from, to) in [(0, 2), (1, 6), (3, 2), (6, 6), (1, 0)] {
        let fault = export(&small(), from, to, at(50), &key()).unwrap_err();
        assert!(matches!(fault.what, Problem::Range(_)), "{from} to {to}: {fault}");
    }
}

#[test]
fn every_flipped_bit_of_an_export_is_refused() {
    let (file, key) = (export(&small(), 2, 5, at(50), &key()).unwrap(), key().verifying_key());
    for index in 0..file.len() {
        for bit in 0..8 {
            let mut bad = file.clone();
            bad[index] ^= 1 << bit;
            assert!(verify_export(&bad, &key).is_err(), "byte {index} bit {bit}");
        }
    }
}

#[test]
fn an_export_cut_at_any_length_is_refused() {
    let (file, key) = (export(&small(), 1, 5, at(50), &key()).unwrap(), key().verifying_key());
    for end in 0..file.len() {
        assert!(verify_export(&file[..end], &key).is_err(), "cut at {end}");
    }
}

#[test]
fn an_export_with_a_line_removed_swapped_doubled_or_added_is_refused() {
    let (file, key) = (export(&small(), 1, 5, at(50), &key()).unwrap(), key().verifying_key());
    let all = lines(&file);
    for a in 0..all.len() {
        let mut without = all.clone();
        without.remove(a);
        assert!(verify_export(&without.concat(), &key).is_err(), "without line {a}");
        let mut doubled = all.clone();
        doubled.insert(a, all[a].clone());
        assert!(verify_export(&doubled.concat(), &key).is_err(), "line {a} twice");
        for b in a + 1..all.len() {
            let mut swapped = all.clone();
            swapped.swap(a, b);
            assert!(verify_export(&swapped.concat(), &key).is_err(), "lines {a} and {b} swapped");
        }
    }
    // A longer chain under a header for fewer rows.
    let shorter = export(&small(), 1, 4, at(50), &self::key()).unwrap();
    let added = [shorter, all[5].clone()].concat();
    assert_eq!(verify_export(&added, &key).unwrap_err().what, Problem::Count { said: 4, found: 5 });
}

#[test]
fn an_export_of_another_box_is_refused() {
    let file = export(&small(), 1, 5, at(50), &key()).unwrap();
    let other = SigningKey::from_bytes(&[9; 32]).verifying_key();
    assert_eq!(verify_export(&file, &other).unwrap_err().what, Problem::OtherBox);
}
