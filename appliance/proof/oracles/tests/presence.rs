//! Claims: every type with a binary form has an oracle; every variant of a border's enum has a seed;
//! every oracle has a fuzz target, and every target an oracle.

use oracles::{ALL, messages};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Types that no list names, and why.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("recording::header", "Body", "it does not leave its crate; recording_file and recording_wrapped read it"),
];

fn appliance() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lies two folders below").to_path_buf()
}

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository").flatten() {
        let path = entry.path();
        if path.is_dir() && !matches!(path.file_name().and_then(|n| n.to_str()), Some("tests" | "target" | "proof")) {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// Each `wire_enum!` and `wire_struct!` of the box: `crate::file`, and the type's name.
fn declared() -> BTreeSet<(String, String)> {
    let mut files = Vec::new();
    sources(&appliance(), &mut files);
    let mut found = BTreeSet::new();
    for file in files.iter().filter(|file| !file.ends_with("codec/src/macros.rs")) {
        let text = fs::read_to_string(file).expect("a source is text");
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
        let folder = file.ancestors().find(|path| path.join("Cargo.toml").exists()).expect("a source lies in a crate");
        let place = format!("{}::{}", name(folder), name(&file.with_extension("")));
        let mut inside = false;
        for line in text.lines() {
            inside |= line.starts_with("wire_enum! {") || line.starts_with("wire_struct! {");
            let declared = ["pub enum ", "pub struct "].iter().find_map(|kind| line.trim_start().strip_prefix(kind));
            if let Some(rest) = declared.filter(|_| inside) {
                inside = false;
                found.insert((place.clone(), rest.split(' ').next().unwrap_or_default().to_owned()));
            }
        }
    }
    found
}

#[test]
fn every_type_with_a_binary_form_has_an_oracle() {
    let listed = |place: &str, name: &str| {
        messages::GROUPS.iter().any(|(path, types)| {
            let path = path.replace(' ', "");
            (place == path || place.starts_with(&format!("{path}::"))) && types.contains(&name)
        })
    };
    let declared = declared();
    assert!(declared.len() > 60, "the scan finds {} types: it no longer reads the sources", declared.len());
    let missing: Vec<_> = declared
        .iter()
        .filter(|(place, name)| !listed(place, name) && !ELSEWHERE.iter().any(|(p, n, _)| p == place && n == name))
        .collect();
    assert!(missing.is_empty(), "name these in appliance/proof/oracles/src/messages.rs: {missing:?}");
    for (place, name, why) in ELSEWHERE {
        assert!(declared.contains(&((*place).to_owned(), (*name).to_owned())), "{place} {name} is gone: {why}");
    }
}

#[test]
fn the_list_knows_when_a_type_is_missing() {
    let declared = declared();
    assert!(declared.contains(&("border::front".to_owned(), "Answer".to_owned())));
    assert!(!messages::GROUPS.iter().any(|(_, types)| types.contains(&"Body")), "an exception is one that no list names");
}

/// Variants of an enum of the border, by their tags.
fn tags(module: &str, name: &str) -> BTreeSet<u8> {
    let text = fs::read_to_string(appliance().join(format!("channel/border/src/{module}.rs"))).expect("a border");
    let Some((_, rest)) = text.split_once(&format!("pub enum {name} {{")) else { return BTreeSet::new() };
    let body = rest.split("\n    }\n").next().unwrap_or_default();
    body.lines().filter_map(|line| line.trim_start().split_once(" => ")?.0.parse().ok()).collect()
}

#[test]
fn every_variant_of_a_border_has_a_seed() {
    let mut seen = 0;
    for (path, types) in messages::GROUPS {
        let path = path.replace(' ', "");
        let Some(module) = path.strip_prefix("border::") else { continue };
        let oracle = oracles::named(&format!("border_{module}"));
        let seeds = (oracle.seeds)();
        for name in *types {
            let wanted = tags(module, name);
            seen += wanted.len();
            let there: BTreeSet<u8> = seeds.iter().filter_map(|seed| seed.first().copied()).collect();
            assert!(wanted.is_subset(&there), "{path}::{name}: of tags {wanted:?} there are {there:?}");
        }
    }
    assert!(seen > 100, "the scan finds {seen} variants: it no longer reads the sources");
}

#[test]
fn every_oracle_has_a_fuzz_target_and_every_target_an_oracle() {
    let folder = appliance().join("proof/fuzz/src/bin");
    let names: BTreeSet<String> = ALL.iter().map(|oracle| oracle.name.to_owned()).collect();
    assert_eq!(names.len(), ALL.len(), "two oracles have one name");
    let mut targets = BTreeSet::new();
    for entry in fs::read_dir(&folder).expect("the fuzz targets").flatten() {
        let name = entry.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(entry.path()).expect("a target is text");
        assert!(text.contains(&format!("oracles::run(\"{name}\", bytes)")), "target {name} calls another oracle");
        targets.insert(name);
    }
    assert_eq!(names, targets, "left: oracles; right: {}", folder.display());
}
