//! Keys that are cut short or locked: each is refused with a line that names the thing and the mend,
//! changes nothing, and is audited where it reached the box.

use std::path::PathBuf;
use std::process::{Command, Output};
use testsuite::{TheBox, err, line, out};

fn refused(output: &Output, words: &[&str]) {
    assert!(!output.status.success(), "{}", out(output));
    let said = err(output);
    assert_eq!(said.trim_end().lines().count(), 1, "one line: {said}");
    assert!(words.iter().all(|word| said.contains(word)), "{words:?} in {said}");
}

#[test]
fn a_machines_key_that_is_cut_short_or_locked_is_not_stored() {
    let the_box = TheBox::start();
    let whole = std::fs::read_to_string(the_box.state().join("plant/account_key")).unwrap();
    let file = |name: &str, text: &str| -> PathBuf {
        let path = the_box.state().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let set = |path: &PathBuf| the_box.dinlock(&["secret", "set", "plc-gw-maint", "--file", path.to_str().unwrap()]);
    let before = the_box.audited("secret.set").len();
    refused(&set(&file("cut.key", &whole[..whole.len() / 2])), &["cut.key", "cut short", "copy the whole file"]);
    let without_a_line: Vec<&str> = whole.lines().enumerate().filter(|(number, _)| *number != 2).map(|(_, line)| line).collect();
    refused(&set(&file("gap.key", &(without_a_line.join("\n") + "\n"))), &["gap.key", "copy the whole file"]);
    let locked = the_box.state().join("locked.key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "sesame", "-f"]).arg(&locked).status();
    assert!(made.unwrap().success());
    refused(&set(&locked), &["locked.key", "passphrase", "ssh-keygen -p"]);
    assert_eq!(the_box.audited("secret.set").len(), before, "nothing was set");
    assert_eq!(out(&the_box.vera("echo in")), "in\n", "the stored key still works");
    assert!(set(&the_box.state().join("plant/account_key")).status.success(), "the negative: a whole key is taken");
    assert_eq!(out(&the_box.vera("echo in")), "in\n");
}

#[test]
fn public_keys_and_recipients_that_are_cut_short_change_nothing() {
    let the_box = TheBox::start();
    let before = the_box.plant();
    let host_key = std::fs::read_to_string(the_box.state().join("plant/host_key.pub")).unwrap();
    let host_key = host_key.trim();
    let cut = &host_key[..host_key.len() - 20];
    refused(&the_box.dinlock(&["target", "trust", "plc-gw", cut]), &["target plc-gw.host_keys", "whole public key", "not cut short"]);
    let rows = the_box.audited("plant.refused");
    assert!(rows.len() == 1 && rows[0]["result"] == "refused" && rows[0]["detail"].as_str().unwrap().contains("plc-gw.host_keys"), "{rows:?}");

    let vera = line(&before, "keys = ");
    let key = vera.split('"').nth(1).unwrap();
    let short = before.replace(key, &key[..60]);
    refused(&the_box.apply(&short), &["changed.toml", "person.keys", "not a whole public key", "not cut short"]);
    let auditors = line(&before, "auditors = ");
    let recipient = auditors.split('"').nth(1).unwrap();
    for wrong in [&recipient[..recipient.len() - 1], &recipient.replace("age1", "age1q")] {
        refused(&the_box.apply(&before.replace(recipient, wrong)), &["recording.auditors", "no whole age recipient", "age1..."]);
    }
    assert_eq!(the_box.plant(), before);
    assert!(the_box.dinlock(&["target", "trust", "plc-gw", host_key]).status.success(), "the negative: a whole key is pinned");
    assert!(the_box.apply(&before).status.success());
    assert_eq!(out(&the_box.vera("echo in")), "in\n");
}
