//! A session ends when it must, whoever hangs, dies or floods.

use std::process::{Child, Stdio};
use std::time::Duration;
use testsuite::{TheBox, err, gone, out, signal, text};

/// Rung 1 has a second, rung 2 another; by the box's own record, in ms.
const RUNG_1: i64 = 1_000;
const RUNG_2: i64 = 2_000;

/// Milliseconds from the row of this kind to the row of the session's end, by the ledger.
fn late(the_box: &TheBox, kind: &str, id: &str) -> i64 {
    let rows = the_box.listing(&["audit", "list"]);
    let at = |kind: &str| {
        let due = rows.iter().rev().find(|row| row["kind"] == kind && (row["session"].is_null() || row["session"] == id));
        due.unwrap_or_else(|| panic!("{kind} is audited"))["at"].as_i64().unwrap()
    };
    at("session.ended") - at(kind)
}

fn busy(the_box: &TheBox, command: &str) -> (Child, String) {
    the_box.begin("vera+plc-gw", command)
}

#[test]
fn an_order_ends_it_while_the_machine_floods_while_all_is_silent_and_while_the_mediator_is_stopped() {
    let the_box = TheBox::start();
    for (command, stopped) in [("yes", false), ("sleep 60", false), ("yes", true), ("sleep 60", true)] {
        let (ssh, id) = busy(&the_box, command);
        if stopped {
            the_box.workers("mediator").into_iter().for_each(|pid| signal("STOP", pid));
        }
        assert!(the_box.dinlock(&["session", "end", &id, "--why", "shift change"]).status.success());
        let reason = text(&the_box.wait_row(&id, Duration::from_secs(20))["reason"]);
        assert!(reason.starts_with("ended_by_admin") && reason.contains("shift change"), "{reason}");
        let (took, bound) = (late(&the_box, "session.ending", &id), if stopped { RUNG_2 } else { RUNG_1 });
        assert!(took <= bound, "{command}, stopped {stopped}: {took} ms");
        gone(ssh);
        assert!(the_box.workers("mediator").is_empty() && the_box.workers("back-ssh").is_empty());
    }
}

#[test]
fn a_withdrawn_permission_ends_it_while_the_machine_floods_and_while_all_is_silent() {
    let the_box = TheBox::start();
    let whole = the_box.plant();
    assert!(whole.contains(r#"people = ["vera", "otto"]"#), "{whole}");
    for command in ["yes", "sleep 60"] {
        assert!(the_box.apply(&whole).status.success());
        let (ssh, id) = the_box.begin("vera+plc-gw", command);
        let applied = the_box.apply(&whole.replace(r#"people = ["vera", "otto"]"#, r#"people = ["otto"]"#));
        assert!(applied.status.success(), "{}", err(&applied));
        let row = the_box.wait_row(&id, Duration::from_secs(20));
        assert!(text(&row["reason"]).starts_with("permission_withdrawn"), "{row}");
        let took = late(&the_box, "plant.stored", &id);
        assert!(took <= RUNG_1, "{command}: {took} ms");
        gone(ssh);
    }
}

#[test]
fn a_killed_part_ends_its_own_session_and_no_other() {
    let the_box = TheBox::start();
    for part in ["mediator", "back-ssh", "front-ssh"] {
        let (victim, id) = busy(&the_box, "sleep 60");
        let pids = the_box.workers(part);
        let (other, _) = {
            let mut ssh = the_box.ssh(&["-tt"], "vera+plc-gw");
            let child = ssh.arg("sleep 60").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let both = testsuite::within(Duration::from_secs(20), || {
                (the_box.listing(&["session", "list"]).iter().filter(|row| row["state"] == "live").count() == 2).then_some(())
            });
            (child, both.expect("two sessions live"))
        };
        pids.into_iter().for_each(|pid| signal("KILL", pid));
        let (reason, _) = the_box.wait_ended(&id);
        assert!(!reason.is_empty(), "{part}: a reason");
        gone(victim);
        assert_eq!(the_box.listing(&["session", "list"]).len(), 1, "{part}: the other lives");
        let id = the_box.living().expect("the other lives");
        assert!(the_box.dinlock(&["session", "end", &id]).status.success());
        the_box.wait_ended(&id);
        gone(other);
    }
    assert_eq!(out(&the_box.vera("echo again")), "again\n", "new work goes on");
}

#[test]
fn a_paused_session_takes_no_keys_and_gives_them_back() {
    use std::io::{Read, Write};
    let the_box = TheBox::start();
    let mut ssh = the_box.ssh(&["-tt"], "vera+plc-gw");
    let mut ssh = ssh.arg("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let id = the_box.wait_living();
    let (mut keys, mut screen) = (ssh.stdin.take().unwrap(), ssh.stdout.take().unwrap());
    let mut seen = String::new();
    let mut wait_for = |word: &str| {
        let mut byte = [0; 1];
        while !seen.contains(word) {
            screen.read_exact(&mut byte).unwrap();
            seen.push(char::from(byte[0]));
        }
        seen.clone()
    };
    keys.write_all(b"before\r").unwrap();
    wait_for("before\r\nbefore");
    assert!(the_box.dinlock(&["session", "pause", &id]).status.success());
    wait_for("Paused");
    keys.write_all(b"while\r").unwrap();
    // Nothing tells that a key was discarded until input is given back: it gets time to arrive.
    std::thread::sleep(Duration::from_millis(500));
    assert!(the_box.dinlock(&["session", "resume", &id]).status.success());
    wait_for("esumed");
    keys.write_all(b"after\r").unwrap();
    let all = wait_for("after\r\nafter");
    assert!(!all.contains("while\r\nwhile"), "{all}");
    drop(keys);
    ssh.kill().unwrap();
    ssh.wait().unwrap();
}
