//! Claim: every oracle holds on its seeds and on thousands of changed and random inputs, the same in
//! each run. Long, guided searches are `cargo xtask fuzz`'s.

use oracles::chance::inputs;
use oracles::{ALL, Oracle};
use std::panic::catch_unwind;

/// Inputs for one oracle; fewer where one input is dear.
fn rounds(name: &str) -> usize {
    match name {
        "plant_value" | "recording_frames" => 4_000,
        "ssh_machine" | "ssh_operator" => 2_000,
        _ => 10_000,
    }
}

/// Says which input it was.
struct Input<'a>(&'a str, &'a [u8]);

impl Drop for Input<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("oracle {} on {:?}", self.0, String::from_utf8_lossy(self.1));
            eprintln!("as bytes: {}", ledger::hex(self.1));
        }
    }
}

fn hold(oracle: &Oracle) {
    let seeds = (oracle.seeds)();
    assert!(!seeds.is_empty(), "{} has no seeds", oracle.name);
    let begun = std::time::Instant::now();
    for input in inputs(seeds, 0xd1f0_c4a3, rounds(oracle.name)) {
        let _said = Input(oracle.name, &input);
        oracle.check(&input);
    }
    println!("{:20} {:?}", oracle.name, begun.elapsed());
}

/// Two halves, so that two cores share them.
fn half(number: usize) {
    let mine = ALL.iter().enumerate().filter(|(index, _)| index % 2 == number).map(|(_, oracle)| oracle);
    let failed: Vec<_> = mine.filter(|oracle| catch_unwind(|| hold(oracle)).is_err()).map(|oracle| oracle.name).collect();
    assert!(failed.is_empty(), "these do not hold: {failed:?}");
}

#[test]
fn every_oracle_holds_on_changed_inputs_even() {
    half(0);
}

#[test]
fn every_oracle_holds_on_changed_inputs_odd() {
    half(1);
}
