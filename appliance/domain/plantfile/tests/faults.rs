//! Claims: every fault has its line, key and mend; a good file reads back as it was written.

use plantfile::{parse, render};

const GOOD: &str = r#"[box]
name = "demo"
[recording]
auditors = ["age1aaaaaaaa"]
[[person]]
id = "vera"
login = "key"
roles = ["vendor"]
[[target]]
id = "plc-gw"
address = "10.99.2.10"
[[target.account]]
id = "maint"
user = "maint"
secret = "plc-gw-maint"
[[conduit]]
id = "work"
people = ["vera"]
targets = ["plc-gw.maint"]
windows = ["mon-fri 08:00-18:00", "sat,sun 22:00-06:00"]
longest = "8h"
"#;

#[test]
fn a_good_file_reads_back_as_it_was_written() {
    let plant = parse("plant.toml", GOOD).unwrap();
    assert_eq!(parse("again.toml", &render(&plant)).unwrap(), plant);
    assert_eq!(plant.conduits[0].idle_s, 900, "the default stands");
}

/// Replaces text in the good file and wants exactly this fault.
fn check(from: &str, to: &str, wanted: &str) {
    assert!(GOOD.contains(from), "{from} stands in the good file");
    let faults = parse("plant.toml", &GOOD.replacen(from, to, 1)).expect_err(wanted);
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|s| s == wanted), "wanted: {wanted}\nsaid:   {said:#?}");
}

#[test]
fn each_fault_names_its_line_its_key_and_what_is_allowed() {
    check("longest = \"8h\"", "longest = \"8 hours\"", "plant.toml:21: conduit.longest: \"8 hours\" does not fit; write a number with s, m or h, as \"8h\"");
    check("longest = \"8h\"", "longest = \"48h\"", "plant.toml:21: conduit.longest: 172800 s is out of range; from 1 minute to 24 hours");
    check("longest = \"8h\"", "longst = \"8h\"", "plant.toml:21: conduit.longst: there is no such key; known here: approvals, approvers, id, idle, input, longest, people, reconnect_grace, recorder_grace, roles, streams, targets, windows");
    check("people = [\"vera\"]", "people = [\"Vera\"]", "plant.toml:18: conduit.people: \"Vera\" does not fit; \"Vera\" is no id; write 1 to 32 of a-z, 0-9, _ and -");
    check("people = [\"vera\"]", "people = [\"otto\"]", "plant.toml:18: conduit.people: there is no person otto; name the id of a [[person]]");
    check("address = \"10.99.2.10\"", "address = \"plc.example\"", "plant.toml:11: target.address: \"plc.example\" does not fit; write an IP address: there is no resolver in OT");
    check("address = \"10.99.2.10\"\n", "", "plant.toml:9: target.address: it is missing; every target has one");
    check("login = \"key\"", "login = \"fingers\"", "plant.toml:7: person.login: \"fingers\" does not fit; write \"key\" or \"key+totp\" or \"password+totp\"");
    check("mon-fri 08:00-18:00", "mon-fry 08:00-18:00", "plant.toml:20: conduit.windows: \"mon-fry 08:00-18:00\" does not fit; write days and hours, as \"mon-fri 08:00-18:00\"");
    check("plc-gw.maint", "plc-gw.root", "plant.toml:19: conduit.targets: plc-gw has no account root; name one of its accounts");
    check("auditors = [\"age1aaaaaaaa\"]", "auditors = []", "plant.toml:4: recording.auditors: no auditor is named; name at least one age recipient, as \"age1...\"");
    check("id = \"vera\"", "id = 7", "plant.toml:6: person.id: a integer stands here; write a text in quotes");
}

#[test]
fn what_is_no_toml_is_said_with_its_line() {
    let faults = parse("plant.toml", "[box]\nname = \n").unwrap_err();
    assert_eq!((faults.len(), faults[0].line), (1, 2));
}

#[test]
fn no_file_makes_the_reader_panic() {
    // A seeded walk: bytes of the good file are cut, doubled and swapped.
    let mut state = 7_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % below
    };
    let mut refused = 0;
    for _ in 0..3_000 {
        let mut bytes = GOOD.as_bytes().to_vec();
        for _ in 0..=next(4) {
            let (at, other) = (next(bytes.len()), next(bytes.len()));
            match next(3) {
                0 => drop(bytes.remove(at)),
                1 => bytes.insert(at, bytes[other]),
                _ => bytes.swap(at, other),
            }
        }
        refused += usize::from(parse("plant.toml", &String::from_utf8_lossy(&bytes)).is_err());
    }
    assert!(refused > 1_000, "the walk must reach faults, it reached {refused}");
}
