//! The policy language refuses what it does not fully understand.
use jail::Policy;

const BASE: &str = "uid any\nnetwork none-checked\nlandlock none # test\n";

fn fault(extra: &str) -> String {
    Policy::parse(&format!("{BASE}{extra}")).unwrap_err().to_string()
}

#[test]
fn the_common_lists_are_whole() {
    for list in ["minimal", "threads", "worker"] {
        assert!(Policy::parse(&format!("{BASE}include {list}")).is_ok(), "{list}");
    }
    assert!(Policy::parse(&format!("{BASE}include worker\ninclude threads")).is_ok());
}

#[test]
fn a_narrower_line_after_a_wider_one_is_refused() {
    let narrow = fault("include worker\nallow recvmsg int0 == 3 # x");
    assert!(narrow.contains("without this condition"), "{narrow}");
    let first = "include worker\nwithout recvmsg # x\nallow recvmsg int0 == 3 # x";
    assert!(Policy::parse(&format!("{BASE}{first}")).is_ok());
    assert!(fault("refuse openat EPERM # x\nallow openat # x").contains("refused"));
}

#[test]
fn a_line_without_a_reason_is_refused() {
    for line in ["allow read", "allow read #", "fd 3 control", "capability net_admin", "refuse clone3 ENOSYS"] {
        assert!(fault(line).contains("reason"), "{line}");
    }
    assert!(Policy::parse("landlock none").unwrap_err().what.contains("reason"));
}

#[test]
fn an_unknown_thing_is_refused() {
    for line in [
        "allow raed # x", "allow read arg6 == 1 # x", "allow read argx == 1 # x", "allow read arg0 ~ 1 # x",
        "allow read arg0 == SOMETHING # x", "include everything", "capability all # x", "limit luck 3",
        "landlock read etc # x", "landlock unconfined # x", "fd 2 control # x", "uid root", "jump # x", "without read # x",
    ] {
        assert!(fault(line).starts_with("policy line 4"), "{line}");
    }
}

#[test]
fn nothing_is_assumed() {
    assert!(Policy::parse("network empty\nlandlock none # x").is_err());
    assert!(Policy::parse("uid any\nlandlock none # x").is_err());
    assert!(Policy::parse("uid any\nnetwork empty").is_err());
    assert_eq!(Policy::parse(BASE).unwrap().landlock, vec![]);
}
