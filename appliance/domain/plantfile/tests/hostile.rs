//! Claims: no text makes the reader panic; none makes it slow; its faults lie inside the file.

use plantfile::{FILE_BYTES_MAX, parse, render};
use std::time::{Duration, Instant};

const DEMO: &str = include_str!("plants/demo.toml");

/// What a careless or hostile hand puts in the place of a value.
const PIECES: &[&str] = &[
    "\"", "'", "\"\"\"", "[", "]", "[[", "{", "}", "=", ".", ",", "\n", "\r\n", "\0", "é", "\u{feff}", "#", "-", "99999", ":",
    "18446744073709551616", "0x7f", "nan", "true", "1979-05-27", "[[person]]\n", "[box]\n", "a.b.c = 1\n", "24:00", "\\u{0}", "\\x",
];

#[test]
fn no_text_makes_the_reader_panic() {
    let mut state = 7_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut toml, mut refused) = (0, 0);
    for _ in 0..6_000 {
        let mut bytes = DEMO.as_bytes().to_vec();
        for _ in 0..=next(4) {
            let (at, other) = (next(bytes.len()), next(bytes.len()));
            match next(6) {
                0 => drop(bytes.remove(at)),
                1 => bytes.insert(at, bytes[other]),
                2 => bytes.swap(at, other),
                3 => bytes[at] = b'0' + u8::try_from(next(10)).unwrap(),
                4 => drop(bytes.drain(at.min(other)..(at.min(other) + next(40)).min(at.max(other)))),
                _ => drop(bytes.splice(at..at, PIECES[next(PIECES.len())].bytes())),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        match parse("plant.toml", &text) {
            Ok(plant) => assert_eq!(parse("again.toml", &render(&plant)).unwrap(), plant),
            Err(faults) => {
                refused += 1;
                toml += usize::from(faults.iter().any(|f| !f.key.is_empty()));
                let lines = text.split('\n').count();
                assert!(!faults.is_empty() && faults.iter().all(|f| (1..=lines).contains(&f.line)), "{faults:?}");
                assert!(faults.iter().all(|f| !f.to_string().contains(['\n', '\0'])), "{faults:?}");
            }
        }
    }
    assert!(refused > 2_000 && toml > 500, "the walk must reach faults behind TOML: {refused} refused, {toml} of them read");
}

#[test]
fn a_file_as_long_as_allowed_is_answered_soon() {
    let keys: String = (0..150_000).map(|n| format!("k{n} = 1\n")).collect();
    let people: String = (0..1_024).map(|n| format!("[[person]]\nid = \"p{n}\"\n")).collect();
    let conduits: String = (0..256).map(|n| format!("[[conduit]]\nid = \"c{n}\"\npeople = [{}]\n", "\"p1023\", ".repeat(256))).collect();
    for text in [keys, people + &conduits, "[".repeat(1_000_000), format!("a = {}", "[".repeat(1_000_000)), "a.".repeat(900_000)] {
        assert!(text.len() <= FILE_BYTES_MAX);
        let start = Instant::now();
        assert!(parse("plant.toml", &text).is_err());
        assert!(start.elapsed() < Duration::from_secs(20), "{} bytes took {:?}", text.len(), start.elapsed());
    }
    assert_eq!(parse("plant.toml", &" ".repeat(FILE_BYTES_MAX + 1)).unwrap_err()[0].allowed, "at most 2 MiB");
}
