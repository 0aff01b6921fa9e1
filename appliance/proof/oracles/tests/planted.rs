//! Claim: oracles can fail. Each decoder here has one fault, and the same search that the smoke test
//! makes finds it.

use codec::{Bytes, Input, Malformed, Wire};
use oracles::chance::{grown, inputs};
use oracles::{messages, terminal, within};
use std::panic::catch_unwind;

/// Whether `holds` panics on one of the inputs that the smoke test would make of these seeds.
fn found(seeds: Vec<Vec<u8>>, holds: fn(&[u8])) -> bool {
    inputs(seeds, 1, 5_000).any(|input| catch_unwind(|| holds(&input)).is_err())
}

fn seeds<T: Wire>() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    grown::<T>(&mut out);
    out
}

/// A faulty decoder of one number.
macro_rules! faulty {
    ($name:ident, $input:ident => $take:expr) => {
        struct $name(u32);
        impl Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                self.0.put(out);
            }
            fn take($input: &mut Input<'_>) -> Result<Self, Malformed> {
                $take
            }
        }
    };
}

faulty!(Right, input => u32::take(input).map(Self));
faulty!(TwoForms, input => u32::take(input).map(|n| Self(n.min(1_000))));
faulty!(Panics, input => u32::take(input).map(|n| Self([0; 20][n as usize % 21])));
faulty!(Greedy, input => u32::take(input).map(|n| Self(Vec::<u8>::with_capacity(n as usize % 100_000_000).len() as u32 + n)));
faulty!(TakesLess, input => Ok(Self(u32::take(input).unwrap_or(0))));

#[test]
fn a_right_decoder_is_left_alone() {
    assert!(!found(seeds::<Right>(), messages::message::<Right>));
}

#[test]
fn two_forms_of_one_value_are_found() {
    assert!(found(seeds::<TwoForms>(), messages::message::<TwoForms>));
}

#[test]
fn a_panic_is_found() {
    assert!(found(seeds::<Right>(), messages::message::<Panics>));
}

#[test]
fn a_message_that_is_whole_when_cut_is_found() {
    assert!(found(seeds::<TakesLess>(), messages::message::<TakesLess>));
}

#[test]
fn memory_that_a_count_alone_reserves_is_found() {
    let holds = |bytes: &[u8]| within(64 * 1024, || drop(std::hint::black_box(codec::decode::<Greedy>(bytes))));
    assert!(found(seeds::<Greedy>(), holds));
    let fair = |bytes: &[u8]| within(64 * 1024, || drop(std::hint::black_box(codec::decode::<Bytes<60_000>>(bytes))));
    assert!(!found(seeds::<Bytes<60_000>>(), fair));
}

#[test]
fn output_that_drives_a_terminal_is_found() {
    let hostile: [&[u8]; 14] = [
        b"\x1b]52;c;aGk=\x07", b"\x1b[6n", b"\x1b[c", b"\x1b[?1042h", b"\x1b[5i", b"\x1b[21t", b"\x1bP$qm\x1b\\", b"\x1bZ",
        b"\xc2\x9b31m", b"\x9b31m", b"\x05", b"\x1b[31", b"\x1b]0;title", b"\x1b%@",
    ];
    for output in hostile {
        assert!(catch_unwind(|| terminal::harmless(output)).is_err(), "{:?}", String::from_utf8_lossy(output));
    }
    terminal::harmless("naïve \u{1b}[1;31mred\u{1b}[0m \u{1b}]2;title\u{7} \u{1b}(B\r\n".as_bytes());
}

#[test]
fn a_filter_that_lets_all_pass_is_found() {
    assert!(found(terminal::seeds(), terminal::harmless));
}

#[test]
fn a_short_cut_that_forgets_the_end_is_found() {
    let careless = |bytes: &[u8]| {
        let short = bytes.first() == Some(&2) && bytes.len() >= 9;
        let whole = matches!(codec::decode(bytes), Ok(border::work::Down::Data { .. }));
        assert!(short == whole);
    };
    assert!(found(oracles::doors::seeds(), careless));
}
