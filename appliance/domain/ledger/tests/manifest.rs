//! Claims of a manifest: every byte is vouched for, and so is every file of the directory.

mod common;

use common::{at, key, lines};
use ledger::manifest::{File, Manifest, sign, verify};
use ledger::{Problem, SigningKey};

fn file(name: &str, size: u64) -> File {
    File { name: name.to_owned(), size, sha256: [size as u8; 32] }
}

fn manifest() -> Manifest {
    let files = vec![file("audit.log", 5), file("s-1/recording.dinrec", 70_000), file("s-1/report.json", 0)];
    Manifest { at: at(0), ledger_seq: 42, ledger_head: [3; 32], files }
}

#[test]
fn a_manifest_comes_back_as_it_was_signed_in_one_order() {
    let signed = sign(&manifest(), &key()).unwrap();
    assert_eq!(verify(&signed, &key().verifying_key()).unwrap(), manifest());
    let mut turned = manifest();
    turned.files.reverse();
    assert_eq!(sign(&turned, &key()).unwrap(), signed);
    let none = Manifest { files: Vec::new(), ..manifest() };
    assert_eq!(verify(&sign(&none, &key()).unwrap(), &key().verifying_key()).unwrap(), none);
}

#[test]
fn every_change_of_a_manifest_is_refused() {
    let (signed, box_key) = (sign(&manifest(), &key()).unwrap(), key().verifying_key());
    for index in 0..signed.len() {
        assert!(verify(&signed[..index], &box_key).is_err(), "cut at {index}");
        for bit in 0..8 {
            let mut bad = signed.clone();
            bad[index] ^= 1 << bit;
            assert!(verify(&bad, &box_key).is_err(), "byte {index} bit {bit}");
        }
    }
    let all = lines(&signed);
    for a in 0..all.len() {
        let mut without = all.clone();
        without.remove(a);
        assert!(verify(&without.concat(), &box_key).is_err());
        for b in a + 1..all.len() {
            let mut swapped = all.clone();
            swapped.swap(a, b);
            assert!(verify(&swapped.concat(), &box_key).is_err());
        }
    }
    let other = SigningKey::from_bytes(&[9; 32]).verifying_key();
    assert_eq!(verify(&signed, &other).unwrap_err().what, Problem::OtherBox);
}

#[test]
fn names_that_leave_the_directory_are_not_signed() {
    for name in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "a b", "a\nb", ".", "é"] {
        let bad = Manifest { files: vec![file(name, 1)], ..manifest() };
        assert!(matches!(sign(&bad, &key()), Err(Problem::Name(_))), "{name:?}");
    }
    let twice = Manifest { files: vec![file("a", 1), file("a", 2)], ..manifest() };
    assert!(matches!(sign(&twice, &key()), Err(Problem::Name(_))));
}

#[test]
fn a_missing_added_or_changed_file_is_named() {
    let whole = manifest();
    whole.check(&whole.files).unwrap();
    assert_eq!(whole.check(&whole.files[1..]), Err(Problem::Missing("audit.log".to_owned())));
    let mut more = whole.files.clone();
    more.push(file("x", 1));
    assert_eq!(whole.check(&more), Err(Problem::Extra("x".to_owned())));
    let mut changed = whole.files.clone();
    changed[0].sha256[31] ^= 1;
    assert_eq!(whole.check(&changed), Err(Problem::Changed("audit.log".to_owned())));
}
