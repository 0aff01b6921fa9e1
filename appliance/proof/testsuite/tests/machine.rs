//! The machine's side: pinned keys, a machine that is not there, a try step by step.

use testsuite::{TheBox, err, out};

/// Changes the box's plant file and applies it.
fn change(the_box: &TheBox, edit: impl Fn(&str) -> String) {
    let file = the_box.state().join("changed.toml");
    std::fs::write(&file, edit(&out(&the_box.dinlock(&["export"])))).unwrap();
    let applied = the_box.dinlock(&["apply", file.to_str().unwrap()]);
    assert!(applied.status.success(), "{}", err(&applied));
}

/// A line of the plant file that begins with this word.
fn line(plant: &str, begin: &str) -> String {
    plant.lines().find(|line| line.starts_with(begin)).unwrap_or_else(|| panic!("no {begin}")).to_owned()
}

#[test]
fn an_unknown_host_key_is_refused_with_its_fingerprint_until_an_admin_trusts_it() {
    let the_box = TheBox::start();
    change(&the_box, |plant| plant.replace(&line(plant, "host_keys"), ""));
    let refused = the_box.vera("id");
    assert_eq!(refused.status.code(), Some(255));
    assert!(err(&refused).contains("SHA256:"), "{}", err(&refused));
    assert_eq!(the_box.audited("target.host_key_refused").len(), 1);
    let test = the_box.dinlock(&["target", "test", "plc-gw"]);
    assert!(!test.status.success());
    assert!(out(&test).contains("host key: failed") && out(&test).contains("dinlock target trust"), "{}", out(&test));

    let key = std::fs::read_to_string(the_box.state().join("plant/host_key.pub")).unwrap();
    let trusted = the_box.dinlock(&["target", "trust", "plc-gw", key.trim()]);
    assert!(trusted.status.success(), "{}", err(&trusted));
    assert_eq!(out(&the_box.vera("echo in")), "in\n");
    let test = the_box.dinlock(&["target", "test", "plc-gw"]);
    assert!(test.status.success() && out(&test).contains("login: ok"), "{}{}", out(&test), err(&test));
}

#[test]
fn a_machine_where_nothing_listens_and_a_wrong_secret_each_name_their_step() {
    let the_box = TheBox::start();
    change(&the_box, |plant| plant.replace("port = 22\n", "port = 4\n"));
    let nobody = the_box.vera("id");
    assert_eq!(nobody.status.code(), Some(255));
    assert!(err(&nobody).contains("reach") && err(&nobody).contains("nothing listens"), "{}", err(&nobody));
    change(&the_box, |plant| plant.replace("port = 4\n", "port = 22\n"));

    let wrong = the_box.state().join("people/otto");
    assert!(the_box.dinlock(&["secret", "set", "plc-gw-maint", "--file", wrong.to_str().unwrap()]).status.success());
    let refused = the_box.vera("id");
    assert_eq!(refused.status.code(), Some(255));
    assert!(err(&refused).contains("login"), "{}", err(&refused));
}

#[test]
fn a_wrong_plant_file_changes_nothing_and_says_where() {
    let the_box = TheBox::start();
    let before = out(&the_box.dinlock(&["export"]));
    let file = the_box.state().join("wrong.toml");
    std::fs::write(&file, before.replace("longest = \"8h\"", "longest = \"8 hours\"")).unwrap();
    let refused = the_box.dinlock(&["apply", file.to_str().unwrap()]);
    assert!(!refused.status.success());
    assert!(err(&refused).contains("conduit.longest"), "{}", err(&refused));
    assert_eq!(out(&the_box.dinlock(&["export"])), before);
}
