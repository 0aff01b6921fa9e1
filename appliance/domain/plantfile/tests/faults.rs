//! Claims: every fault has its line, key and mend; no fault hides another; no fault is made up.

use plantfile::parse;

const GOOD: &str = r#"[box]
name = "demo"
[recording]
auditors = ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]
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

fn faults(text: &str) -> Vec<String> {
    parse("plant.toml", text).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

/// Replaces text in the good file and wants exactly this one fault.
fn check(from: &str, to: &str, wanted: &str) {
    assert!(GOOD.contains(from), "{from} stands in the good file");
    assert_eq!(faults(&GOOD.replacen(from, to, 1)), [format!("plant.toml:{wanted}")], "{from} -> {to}");
}

#[test]
fn the_good_file_has_no_fault() {
    assert_eq!(faults(GOOD), Vec::<String>::new());
}

#[test]
fn a_value_that_does_not_fit_names_its_line_its_key_and_what_is_allowed() {
    let duration = "write a number with s, m or h, as \"8h\"";
    for bad in ["8 hours", "", "h", "+8h", "-1s", "8", "1.5h", "99999999999h", "4294967295h", "8é"] {
        check("\"8h\"", &format!("{bad:?}"), &format!("21: conduit.longest: {bad:?} is not a duration; {duration}"));
    }
    let hours = "write days and hours, as \"mon-fri 08:00-18:00\"";
    for bad in ["mon-fry 08:00-18:00", "mon", "08:00-18:00", "mon 08:00-08:00", "mon 08:00-24:01", "mon 24:00-06:00",
        "mon 1093:00-18:00", "mon 08:60-18:00", "mon +8:00-18:00", "mon- 08:00-18:00", "mon 08:00"]
    {
        check("mon-fri 08:00-18:00", bad, &format!("20: conduit.windows: {bad:?} is not a window; {hours}"));
    }
    for bad in ["plc.example", "10.99.2.10:22", "10.99.2.256", ""] {
        check("10.99.2.10", bad, &format!("11: target.address: {bad:?} is not an address; write an IP address: there is no resolver in OT"));
    }
    let id = "write 1 to 32 of a-z, 0-9, _ and -";
    for bad in ["Vera", "", "ve ra", "véra", "a123456789012345678901234567890123"] {
        check("id = \"vera\"", &format!("id = {bad:?}\nname = \"vera\""), &format!("6: person.id: {bad:?} is not an id; {id}"));
    }
    check("name = \"demo\"", "name = \"The Box\"", &format!("2: box.name: \"The Box\" is not an id; {id}"));
    check("login = \"key\"", "login = \"fingers\"", "7: person.login: \"fingers\" is not a way to log in; write \"key\" or \"key+totp\" or \"password+totp\"");
    check("plc-gw.maint\"]", "plc-gw.maint.x\"]", "19: conduit.targets: \"plc-gw.maint.x\" is not a target; write a target's id, or one of its accounts as \"target.account\"");
    check("longest = \"8h\"", "approvals = 3", "21: conduit.approvals: 3 is out of range; write a whole number from 0 to 2");
    check("user = \"maint\"", &format!("user = \"{}\"", "u".repeat(65)), "14: target.account.user: it has 65 bytes; at most 64");
    check("login = \"key\"", "keys = [\"ssh-ed25519 AAAA\"]", "7: person.keys: \"ssh-ed25519 AAAA\" is not a whole public key; paste one line of an OpenSSH public key, as \"ssh-ed25519 AAAA...\", not cut short");
}

#[test]
fn the_cut_offs_words_and_times_are_named() {
    let cutoff = |line: &str| format!("[cutoff]\n{line}\n[recording]");
    check("[recording]", &cutoff("rearm = \"nobody\""), "4: cutoff.rearm: \"nobody\" is not a way to lift a hold; write \"person\" or \"pin-and-contact\" or \"either\"");
    check("[recording]", &cutoff("power_loss = \"off\""), "4: cutoff.power_loss: \"off\" is not a rule for power losses; write \"arm\" or \"hold\"");
    for bad in ["mon", "03:00", "mon 24:00", "mon,tue 03:00", "mon 3:0", "Mon 03:00", ""] {
        check("[recording]", &cutoff(&format!("drill = {bad:?}")), &format!("4: cutoff.drill: {bad:?} is not a time of the week; write a day and a time, as \"mon 03:00\""));
    }
}

#[test]
fn a_wrong_type_is_named() {
    check("id = \"vera\"", "id = 7", "6: person.id: an integer stands here; write a text in quotes");
    check("[\"vera\"]", "\"vera\"", "18: conduit.people: a string stands here; write a list of texts, as [\"a\", \"b\"]");
    check("[\"vera\"]", "[\"vera\",\n  7]", "19: conduit.people: an integer stands here; write texts in quotes");
    check("login = \"key\"", "admin = \"yes\"", "7: person.admin: a string stands here; write true or false");
    check("login = \"key\"", "local_uid = -1", "7: person.local_uid: -1 is out of range; write a whole number from 0 to 4294967295");
    check("address = \"10.99.2.10\"", "address = \"10.99.2.10\"\nport = \"22\"", "12: target.port: a string stands here; write a whole number from 1 to 65535");
    check("[box]", "limits = 3\n[box]", "1: limits: an integer stands here; write [limits]");
}

#[test]
fn an_unknown_key_is_told_the_known_ones() {
    check("longest = \"8h\"", "longst = \"8h\"", "21: conduit.longst: there is no such key; known here: approvals, approvers, id, idle, input, longest, people, presence, reconnect_grace, recorder_grace, roles, streams, targets, windows");
    check("secret = \"plc-gw-maint\"", "secret = \"plc-gw-maint\"\npassword = \"hunter2\"", "16: target.account.password: there is no such key; known here: id, secret, secret_kind, user");
    check("[box]", "[network]\n[box]", "1: network: there is no such key; known here: box, conduit, console, cutoff, limits, person, recording, target");
}

#[test]
fn a_lack_is_said_at_the_object_that_lacks() {
    check("address = \"10.99.2.10\"\n", "", "9: target.address: it is missing; every target has one");
    check("secret = \"plc-gw-maint\"\n", "", "12: target.account.secret: it is missing; every target.account has one");
    check("[box]\nname = \"demo\"\n", "", "1: box: it is missing; write [box] with a name");
    check("[recording]\nauditors = [\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]\n", "", "1: recording: it is missing; write [recording] with auditors");
}

#[test]
fn what_only_the_whole_shows_has_its_line_too() {
    check("[\"vera\"]", "[\"vera\",\n  \"otto\",\n]", "19: conduit.people: there is no person otto; name the id of a [[person]]");
    check("people = [\"vera\"]\n", "", "16: conduit.people: it names nobody; name people or roles");
    check("people = [\"vera\"]", "roles = [\"operator\"]", "18: conduit.roles: nobody has one of these roles; name a role of a [[person]]");
    check("[\"vera\"]", "[\"vera\", \"vera\"]", "18: conduit.people: vera stands twice; name each one once");
    check("plc-gw.maint\"]", "plc-gw.root\"]", "19: conduit.targets: plc-gw has no account root; name one of its accounts");
    check("plc-gw.maint\"]", "plc-gv\"]", "19: conduit.targets: there is no target plc-gv; name the id of a [[target]]");
    check("longest = \"8h\"", "longest = \"48h\"", "21: conduit.longest: 172800 s is out of range; from 1 minute to 24 hours");
    check("longest = \"8h\"", "longest = \"59s\"", "21: conduit.longest: 59 s is out of range; from 1 minute to 24 hours");
    check("longest = \"8h\"", "approvals = 1", "16: conduit.approvers: nobody may approve; name at least one role");
    check("longest = \"8h\"", "approvals = 1\napprovers = [\"vendor\", \"boss\"]", "22: conduit.approvers: nobody has the role boss; name a role of a [[person]]");
    check("[\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]", "[]", "4: recording.auditors: no auditor is named; name at least one age recipient, as \"age1...\"");
    check("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", "ssh-ed25519", "4: recording.auditors: \"ssh-ed25519\" is no whole age recipient; write the public half, as \"age1...\"");
    check("[recording]", "zone_time = \"Berlin, Germany\"\n[recording]", "3: box.zone_time: \"Berlin, Germany\" is no time zone; write an IANA name, as \"Europe/Berlin\"");
    let hmi = "[[target]]\nid = \"hmi\"\naddress = \"10.99.2.11\"\n[[conduit]]";
    check("[[conduit]]", hmi, "16: target.account: it has no account; name at least one [[target.account]]");
}

#[test]
fn the_second_of_two_is_the_one_that_is_faulted() {
    let account = "[[target.account]]\nid = \"maint\"\nuser = \"maint\"\nsecret = \"plc-gw-maint\"\n";
    check(account, &account.repeat(2), "17: target.account.id: maint stands twice; give each one its own id");
    check("[[target]]", "[[person]]\nid = \"vera\"\n[[target]]", "10: person.id: vera stands twice; give each one its own id");
    // The same account on another machine is no fault.
    let other = format!("[[target]]\nid = \"hmi\"\naddress = \"10.99.2.11\"\n{account}[[conduit]]");
    assert_eq!(faults(&GOOD.replace("[[conduit]]", &other)), Vec::<String>::new());
    // Accounts are counted on over all machines: the fault of the second machine has its own line.
    let other = format!("[[target]]\nid = \"hmi\"\naddress = \"10.99.2.11\"\n{}[[conduit]]", account.repeat(2));
    check("[[conduit]]", &other, "24: target.account.id: maint stands twice; give each one its own id");
}

#[test]
fn no_fault_hides_another_and_none_follows_from_another() {
    let text = GOOD
        .replace("login = \"key\"", "login = \"fingers\"")
        .replace("roles = [\"vendor\"]", "roles = [\"Vendor\"]")
        .replace("[\"vera\"]", "[\"vera\", \"Otto\"]\nroles = [\"vendor\"]\napprovals = 1\napprovers = [\"vendor\"]")
        .replace("\"8h\"", "8")
        + "[[conduit]]\nid = \"other\"\npeople = [\"nobody\"]\ntargets = []\n";
    let lines: Vec<String> = faults(&text).iter().map(|f| f.split(": ").take(2).collect::<Vec<_>>().join(" ")).collect();
    let wanted = ["7 person.login", "8 person.roles", "18 conduit.people", "24 conduit.longest", "27 conduit.people", "28 conduit.targets"];
    assert_eq!(lines, wanted.map(|w| format!("plant.toml:{w}")));
    // A table that is missing hides nothing of the others.
    let text = GOOD.replace("[recording]\nauditors = [\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]\n", "").replace("login = \"key\"", "login = 1");
    assert_eq!(faults(&text).len(), 2);
}

#[test]
fn what_may_be_a_secret_is_not_said_back() {
    let pasted = [
        ("secret = \"plc-gw-maint\"", "secret = \"Sesame 1!\"", "Sesame"),
        ("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", "AGE-SECRET-KEY-1QQQ", "1QQQ"),
        ("login = \"key\"", "keys = [\"-----BEGIN OPENSSH PRIVATE KEY-----\\nb3Bl\"]", "b3Bl"),
        ("secret = \"plc-gw-maint\"", "secret = \"plc-gw-maint\"\npassword = \"Sesame\"", "Sesame"),
    ];
    for (from, to, secret) in pasted {
        let said = faults(&GOOD.replacen(from, to, 1)).join("\n");
        assert!(!said.is_empty() && !said.contains(secret), "{to} gave: {said}");
    }
}

#[test]
fn what_is_no_toml_is_said_with_its_line() {
    for (text, line) in [("[box]\nname = \n", 2), ("[box]\nname = \"a\"\nname = \"b\"\n", 3), ("[box]\r\n\r\n]", 3), ("[box]\n[box]\n", 2)] {
        let faults = parse("plant.toml", text).unwrap_err();
        assert_eq!((faults.len(), faults[0].line), (1, line), "{text:?}: {}", faults[0]);
    }
    let duplicate = faults("[box]\nname = \"a\"\nname = \"b\"\n");
    assert_eq!(duplicate, ["plant.toml:3: not TOML: duplicate key; correct this line"]);
}
