//! The plant: as a file, as typed objects that came over a border, and value by value.

use crate::chance::{Dice, grow};
use codec::List;
use model::Plant;
use plantfile::{parse, render};

/// The demo's plant, as its crate's tests have it.
const DEMO: &str = include_str!("../../../domain/plantfile/tests/plants/demo.toml");

/// A plant that is read is good, and comes back the same from its own text and its binary form; a text
/// that is none gets faults of one line each, inside the file.
fn text_holds(text: &str) {
    match parse("plant.toml", text) {
        Ok(plant) => {
            assert!(plant.check().is_ok(), "a plant is read that does not make sense");
            comes_back(&plant);
            assert!(codec::decode::<Plant>(&codec::encode(&plant)).as_ref() == Ok(&plant));
        }
        Err(faults) => {
            let lines = text.split('\n').count();
            assert!(!faults.is_empty() && faults.iter().all(|f| (1..=lines).contains(&f.line)), "{faults:?}");
            faults.iter().for_each(|fault| crate::shown::line(&fault.to_string()));
        }
    }
}

/// A good plant's text reads as the same plant.
fn comes_back(plant: &Plant) {
    let text = render(plant);
    match parse("again.toml", &text) {
        Ok(again) => assert!(again == *plant, "another plant comes back from\n{text}"),
        Err(faults) => panic!("a good plant can't be read back: {faults:?}\n{text}"),
    }
}

/// The plant file.
///
/// # Panics
/// If a property does not hold.
pub fn file(bytes: &[u8]) {
    text_holds(&String::from_utf8_lossy(bytes));
}

/// Plant files.
pub fn file_seeds() -> Vec<Vec<u8>> {
    let plant = parse("demo.toml", DEMO).expect("the demo's plant is good");
    let short = "[box]\nname = \"b\"\n[recording]\nauditors = [\"age1a\"]\n";
    vec![DEMO.as_bytes().to_vec(), render(&plant).into_bytes(), short.as_bytes().to_vec()]
}

/// A plant that came over a border: if it makes sense, `dinlock export` writes a file that is the same;
/// what differs between it and the demo's is said in one line each.
///
/// # Panics
/// If a property does not hold.
pub fn objects(bytes: &[u8]) {
    let Ok(plant) = codec::decode::<Plant>(bytes) else { return };
    match plant.check() {
        Ok(()) => comes_back(&plant),
        Err(faults) => faults.iter().for_each(|fault| crate::shown::line(&fault.to_string())),
    }
    let demo = parse("demo.toml", DEMO).expect("the demo's plant is good");
    Plant::changes(&demo, &plant).iter().for_each(|change| crate::shown::line(&change.to_string()));
    assert!(Plant::changes(&plant, &plant).is_empty(), "a plant differs from itself");
}

/// Plants in binary form.
pub fn object_seeds() -> Vec<Vec<u8>> {
    let plant = parse("demo.toml", DEMO).expect("the demo's plant is good");
    let small = Plant { people: List::default(), targets: List::default(), conduits: List::default(), ..plant.clone() };
    let mut dice = Dice(5);
    let grown = (0..6).filter_map(|_| grow::<Plant>(&[], &mut dice));
    [codec::encode(&plant), codec::encode(&small)].into_iter().chain(grown).collect()
}

/// Any text in the place of one value of a good file.
///
/// # Panics
/// If a property does not hold.
pub fn value(bytes: &[u8]) {
    let Some((&place, text)) = bytes.split_first() else { return };
    // JSON's quotes are TOML's, but for DEL.
    let text = serde_json::Value::from(String::from_utf8_lossy(text)).to_string().replace('\u{7f}', "\\u007f");
    let (old, new) = PLACES[usize::from(place) % PLACES.len()];
    assert!(DEMO.contains(old), "the demo's plant has no {old}");
    text_holds(&DEMO.replacen(old, &new.replace("VALUE", &text), 1));
}

/// What stands in the demo's file, and what takes its place.
const PLACES: &[(&str, &str)] = &[
    ("\"mon-fri 06:00-20:00\"", "VALUE"),
    ("longest = \"8h\"", "longest = VALUE"),
    ("idle = \"15m\"", "idle = VALUE"),
    ("targets = [\"plc-gw\"]", "targets = [VALUE]"),
    ("address = \"10.99.2.10\"", "address = VALUE"),
    ("zone_time = \"Europe/Berlin\"", "zone_time = VALUE"),
    ("name = \"Vera Vendor\"", "name = VALUE"),
    ("user = \"maint\"", "user = VALUE"),
    ("secret = \"plc-gw-maint\"", "secret = VALUE"),
    ("auditors = [\"age1", "auditors = [VALUE, \"age1"),
    ("keys = [\"ssh-ed25519", "keys = [VALUE, \"ssh-ed25519"),
    ("host_keys = [\"ssh-ed25519", "legacy_algorithms = [VALUE]\nhost_keys = [VALUE, \"ssh-ed25519"),
];

/// Values, right and wrong.
pub fn value_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "mon-fri 06:00-20:00", "sat,sun 08:00-12:00", "daily 22:00-06:00", "8h", "90s", "plc-gw.maint", "fe80::1", "10.99.2.10",
        "Europe/Berlin", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", "AGE-SECRET-KEY-1QQQ",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000 a b", "diffie-hellman-group1-sha1",
        "\"\\\u{7f}\u{202e}\u{61c}\n",
    ];
    let places = 0..PLACES.len() as u8;
    texts.iter().flat_map(|text| places.clone().map(|place| [&[place], text.as_bytes()].concat())).collect()
}
