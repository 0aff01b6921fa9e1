//! `kill -9` of each long-lived part under load: what lives goes on, and the part comes back.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Duration;
use testsuite::{TheBox, err, out, signal, text, within};

const BACK_WITHIN: Duration = Duration::from_secs(15);

/// A session in which somebody works: what they type comes back.
struct Work {
    ssh: Child,
    keys: ChildStdin,
    screen: BufReader<ChildStdout>,
    id: String,
}

impl Work {
    fn begin(the_box: &TheBox) -> Self {
        let mut ssh = the_box.ssh(&["-T"], "vera+plc-gw");
        let mut ssh = ssh.arg("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let id = the_box.wait_living();
        let (keys, screen) = (ssh.stdin.take().unwrap(), BufReader::new(ssh.stdout.take().unwrap()));
        let mut work = Self { ssh, keys, screen, id };
        assert!(work.goes_on("begun"));
        work
    }

    fn goes_on(&mut self, word: &str) -> bool {
        let mut line = String::new();
        writeln!(self.keys, "{word}").is_ok() && self.screen.read_line(&mut line).is_ok() && line.trim() == word
    }

    fn gone(mut self) {
        drop(self.keys);
        let left = within(Duration::from_secs(10), || self.ssh.try_wait().unwrap());
        assert!(left.is_some(), "the operator's connection ends");
    }
}

/// Kills a part and waits until another one stands in its place and the box takes people in again.
fn killed(the_box: &mut TheBox, part: &str) {
    let before = the_box.fact(&format!("/pids/{part}"));
    signal("KILL", before.parse().unwrap());
    let back = within(BACK_WITHIN, || {
        the_box.read_facts();
        (the_box.fact(&format!("/pids/{part}")) != before && the_box.dinlock(&["status"]).status.success()).then_some(())
    });
    back.unwrap_or_else(|| panic!("{part} comes back"));
}

fn new_work_succeeds(the_box: &TheBox, after: &str) {
    let mut last = String::new();
    let worked = within(BACK_WITHIN, || {
        let tried = the_box.vera("echo new");
        last = err(&tried);
        (out(&tried) == "new\n").then_some(())
    });
    assert!(worked.is_some(), "after {after}: {last}");
}

#[test]
fn a_living_session_goes_on_when_listener_connector_launcher_or_broker_die_and_can_still_be_ended() {
    let mut the_box = TheBox::start();
    let mut work = Work::begin(&the_box);
    // The broker twice: the second one is found by the launcher that came back in between.
    for part in ["uplink-listener", "ot-connector", "broker", "launcher", "broker"] {
        killed(&mut the_box, part);
        assert!(work.goes_on(part), "the session goes on without {part}");
        new_work_succeeds(&the_box, part);
        let rows = the_box.listing(&["session", "list"]);
        let row = rows.iter().find(|row| text(&row["id"]) == work.id);
        assert!(row.is_some_and(|row| row["state"] == "live" && row["person"] == "vera"), "after {part}: {rows:?}");
    }
    // What had just been done may not have been over yet, and be taken up too.
    let adopted = the_box.audited("session.adopted");
    assert_eq!(adopted.iter().filter(|row| text(&row["session"]) == work.id).count(), 2, "{adopted:?}");
    assert_eq!(the_box.audited("part.lost").len(), 3);
    assert!(the_box.dinlock(&["session", "end", &work.id, "--why", "it was a drill"]).status.success());
    let (reason, _) = the_box.wait_ended(&work.id);
    assert!(reason.starts_with("ended_by_admin"), "{reason}");
    work.gone();
    assert!(the_box.workers("mediator").is_empty() && the_box.workers("front-ssh").is_empty());
}

#[test]
fn a_session_without_a_vault_ends_and_what_it_kept_verifies() {
    let mut the_box = TheBox::start();
    let mut work = Work::begin(&the_box);
    // Long enough for its record to be durable: what is called kept must be there afterwards.
    std::thread::sleep(Duration::from_millis(1500));
    assert!(work.goes_on("kept"));
    let id = work.id.clone();
    killed(&mut the_box, "vault");
    let (reason, _) = the_box.wait_ended(&id);
    assert!(reason.starts_with("recorder_lost"), "{reason}");
    work.gone();
    new_work_succeeds(&the_box, "vault");
    assert_eq!(the_box.audited("session.ended").iter().filter(|row| text(&row["session"]) == id).count(), 1);

    let folder = the_box.state().join("out");
    let folder = folder.to_str().unwrap();
    let exported = the_box.dinlock(&["recording", "export", &id, "--out", folder]);
    assert!(exported.status.success(), "{}", err(&exported));
    let verified = the_box.dinlock(&["verify", "--box", &the_box.fact("/box_key"), folder]);
    assert!(verified.status.success(), "{}{}", out(&verified), err(&verified));
}

#[test]
fn broker_and_launcher_together_take_every_session_with_them() {
    let mut the_box = TheBox::start();
    let work = Work::begin(&the_box);
    for part in ["launcher", "broker"] {
        signal("STOP", the_box.fact(&format!("/pids/{part}")).parse().unwrap());
    }
    for part in ["launcher", "broker"] {
        signal("KILL", the_box.fact(&format!("/pids/{part}")).parse().unwrap());
    }
    work.gone();
    let none = within(BACK_WITHIN, || the_box.workers("mediator").is_empty().then_some(()));
    assert!(none.is_some(), "nobody could have ended it any more");
    the_box.read_facts();
    new_work_succeeds(&the_box, "both");
}
