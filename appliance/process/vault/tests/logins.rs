//! One-time codes as RFC 6238 has them; a wrong name and a wrong secret are one and the same.

use codec::{Bytes, Text};
use policy::tries::Limits;
use std::net::{IpAddr, Ipv4Addr};
use vault::checks::{Checker, Question, REFUSED};
use vault::secrets::Secrets;
use vault::totp::{STEP_S, code, matching_step};

const SEED: &[u8] = b"12345678901234567890";
const NOW: u64 = 1_700_000_010;

#[test]
fn the_vectors_of_rfc_6238() {
    let vectors = [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ];
    for (time, expected) in vectors {
        assert_eq!(code(SEED, time / STEP_S, 8), expected);
        assert_eq!(code(SEED, time / STEP_S, 6), expected[2..]);
    }
}

#[test]
fn a_code_counts_one_step_either_way_and_once() {
    let step = NOW / STEP_S;
    for (other, counts) in [(step - 2, false), (step - 1, true), (step, true), (step + 1, true), (step + 2, false)] {
        let found = matching_step(SEED, &code(SEED, other, 6), NOW, 0);
        assert_eq!(found, counts.then_some(other));
        assert_eq!(matching_step(SEED, &code(SEED, other, 6), NOW, step + 1), None, "used, or older than a used one");
    }
    assert_eq!(matching_step(SEED, "", NOW, 0), None);
}

fn question(person: &str, password: Option<&str>, code: Option<String>, source: u8) -> Question {
    Question {
        person: Text::new(person).unwrap(),
        password: password.map(|p| Bytes::new(p.as_bytes()).unwrap()),
        code: code.map(|c| Text::new(c).unwrap()),
        wants_password: true,
        wants_code: true,
        source: IpAddr::V4(Ipv4Addr::new(10, 0, 0, source)),
    }
}

fn otto(checker: &mut Checker) -> Secrets {
    let mut secrets = Secrets::default();
    let password = checker.hash(b"correct horse");
    secrets.set_person(&Text::new("otto").unwrap(), Some(password), Some(Bytes::new(SEED).unwrap()));
    secrets
}

#[test]
fn a_wrong_name_and_a_wrong_secret_give_one_result_and_cost_the_same() {
    let mut checker = Checker::new(Limits::default());
    let secrets = otto(&mut checker);
    let good = || Some(code(SEED, NOW / STEP_S, 6));
    let wrong = [
        question("nobody", Some("correct horse"), good(), 1),
        question("otto", Some("wrong"), good(), 2),
        question("otto", Some("correct horse"), Some("000000".to_owned()), 3),
        question("otto", None, good(), 4),
        question("otto", Some("correct horse"), None, 5),
        question("nobody", None, None, 6),
        question("", Some(""), Some(String::new()), 7),
    ];
    let mut verdicts = Vec::new();
    for (n, ask) in (0..).zip(&wrong) {
        let before = checker.runs();
        // Far enough apart that nobody waits.
        verdicts.push(checker.check(ask, &secrets, n * 3_600_000_000, NOW));
        assert_eq!(checker.runs(), before + 1, "{ask:?}");
    }
    assert!(verdicts.windows(2).all(|pair| pair[0] == pair[1]), "{verdicts:?}");
    assert_eq!(verdicts[0].why, REFUSED);
    let before = checker.runs();
    let right = checker.check(&question("otto", Some("correct horse"), good(), 8), &secrets, 90_000_000_000, NOW);
    assert!(right.password && right.code && right.why.is_empty());
    assert_eq!(checker.runs(), before + 1);
}

#[test]
fn a_code_once_used_is_refused() {
    let mut checker = Checker::new(Limits::default());
    let mut secrets = otto(&mut checker);
    let ask = question("otto", Some("correct horse"), Some(code(SEED, NOW / STEP_S, 6)), 1);
    let first = checker.check(&ask, &secrets, 0, NOW);
    secrets.set_used(&ask.person, first.used_step.expect("it was accepted"));
    let mut changed = otto(&mut checker);
    changed.keep_used(&secrets);
    assert_eq!(checker.check(&ask, &secrets, 1, NOW).why, REFUSED);
    assert_eq!(checker.check(&ask, &changed, 3_600_000_000, NOW).why, REFUSED, "whatever is set meanwhile");
}

#[test]
fn who_fails_waits_whether_the_name_exists_or_not() {
    let mut checker = Checker::new(Limits::default());
    let secrets = otto(&mut checker);
    let mut says = Vec::new();
    for person in ["otto", "nobody"] {
        let ask = question(person, Some("wrong"), None, 9);
        checker.check(&ask, &secrets, 0, NOW);
        let before = checker.runs();
        says.push(checker.check(&ask, &secrets, 1, NOW));
        assert_eq!(checker.runs(), before);
    }
    assert_eq!(says[0], says[1]);
    assert_ne!(says[0].why, REFUSED);
}

#[test]
fn a_login_that_needs_nothing_is_not_accepted() {
    let mut checker = Checker::new(Limits::default());
    let secrets = otto(&mut checker);
    let ask = Question { wants_password: false, wants_code: false, ..question("otto", None, None, 1) };
    assert_eq!(checker.check(&ask, &secrets, 0, NOW).why, REFUSED);
}
