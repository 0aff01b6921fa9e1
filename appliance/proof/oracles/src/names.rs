//! Ids, session names, key lines and the SSH user name.

use front_ssh::menu::{Pick, Prompt, render};
use front_ssh::name::{UserName, Wish, parse};
use model::{AccountId, PersonId, SessionId, TargetId, is_public_key};

/// Ids and key lines: one text each, and what an id is, `[a-z0-9_-]{1,32}`.
///
/// # Panics
/// If it does not hold.
pub fn ids(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    let is_id = (1..=32).contains(&text.len()) && text.bytes().all(plain);
    match PersonId::parse(&text) {
        Ok(id) => assert!(is_id && id.as_str() == text, "{text:?} is taken for an id"),
        Err(bad) => {
            assert!(!is_id, "{text:?} is not taken for an id");
            crate::shown::line(&bad.to_string());
        }
    }
    match SessionId::parse(&text) {
        Ok(id) => assert!(id.to_string() == text, "two texts of session {id}"),
        Err(bad) => crate::shown::line(&bad.to_string()),
    }
    if is_public_key(&text) {
        crate::shown::line(&text.replace(|c: char| !c.is_control(), "x"));
        assert!(text.trim() == text && text.contains(" AAAA"), "{text:?} is taken for a key line");
    }
}

/// Ids, session names and key lines.
pub fn id_seeds() -> Vec<Vec<u8>> {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000 a b";
    ["vera", "plc-gw_2", &"a".repeat(33), "s-000042", "s-1234567", "s-0000042", "s-18446744073709551616", key, "", "é"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}

/// A user name that is taken apart can be put together again; its parts are ids.
///
/// # Panics
/// If it does not hold.
pub fn user(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some(UserName { person, wish }) = parse(&text) else {
        let front = text.split('+').next().unwrap_or_default();
        assert!(PersonId::parse(front).is_err(), "{text:?} is nobody, {front:?} is an id");
        return;
    };
    assert!(PersonId::parse(&person).is_ok(), "{person:?} is no id");
    match wish {
        Wish::Menu => assert!(*person == *text),
        Wish::Malformed => assert!(text.starts_with(&format!("{person}+"))),
        Wish::Target { target, account } => {
            assert!(TargetId::parse(&target).is_ok(), "{target:?} is no id");
            assert!(account.is_empty() || AccountId::parse(&account).is_ok(), "{account:?} is no id");
            let dot = if account.is_empty() { "" } else { "." };
            assert!(*text == format!("{person}+{target}{dot}{account}"), "{text:?} is read as something else");
        }
    }
}

/// User names.
pub fn user_seeds() -> Vec<Vec<u8>> {
    ["vera", "vera+plc-gw", "vera+plc-gw.maint", "vera+", "vera+a+b", "+x", "vera+a.b.c", "vera+.a", "vera+a."]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}

/// The menu: only a choice that is open now is chosen, and only digits are echoed.
///
/// # Panics
/// If it does not hold.
pub fn menu(bytes: &[u8]) {
    let Some((&first, typed)) = bytes.split_first() else { return };
    let choice = |number: u8| border::front::Choice {
        target: codec::Text::cut(format!("t{number}")),
        account: codec::Text::default(),
        why_not: codec::Text::cut(if number.is_multiple_of(3) { "the window is closed" } else { "" }),
        warning: codec::Text::default(),
    };
    let choices: Vec<_> = (0..first % 129).map(choice).collect();
    render(&choices).iter().for_each(|line| crate::shown::line(line));
    let mut prompt = Prompt::default();
    for piece in crate::chance::pieces(typed) {
        let (echo, pick) = prompt.typed(piece, &choices);
        let right = |c: char| (' '..='~').contains(&c) || matches!(c, '\r' | '\n' | '\u{8}');
        assert!(echo.chars().all(right), "the menu echoes {echo:?}");
        match pick {
            Some(Pick::Choice(index)) => {
                assert!(choices.get(index).is_some_and(|c| c.why_not.is_empty()), "choice {index} is not open");
                return;
            }
            Some(Pick::Leave) => return,
            None => {}
        }
    }
}

/// Typing at menus.
pub fn menu_seeds() -> Vec<Vec<u8>> {
    [&b"\x05 2\r"[..], b"\x801\x7f29\r", b"\x80128\r", b"\x00q", b"\x03999\r1\r", b"\x02\x1b[A\x03"].map(<[u8]>::to_vec).to_vec()
}
