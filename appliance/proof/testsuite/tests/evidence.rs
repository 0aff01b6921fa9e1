//! What happened is on record: sealed for the auditor, verified with no box.

use std::process::Command;
use testsuite::{TheBox, err, out, text};

#[test]
fn a_session_is_recorded_exported_verified_and_read_by_its_auditor_alone() {
    let the_box = TheBox::start();
    let typed = the_box.ssh(&["-tt"], "vera+plc-gw").arg("echo pump three runs").output().unwrap();
    assert!(out(&typed).contains("pump three runs"));
    let id = text(&the_box.listing(&["session", "list", "--all"])[0]["id"]);
    let whole = testsuite::within(std::time::Duration::from_secs(10), || {
        the_box.listing(&["recording", "list"]).iter().find(|row| row["id"] == id.as_str() && row["whole"] == true).cloned()
    });
    whole.expect("the recording is closed");

    let folder = the_box.state().join("export");
    let folder = folder.to_str().unwrap();
    let done = the_box.dinlock(&["recording", "export", &id, "--out", folder]);
    assert!(done.status.success(), "{}", err(&done));
    let alone = |arguments: &[&str]| Command::new(the_box.fact("/dinlock")).args(arguments).output().unwrap();
    let key = the_box.fact("/box_key");
    let verified = alone(&["verify", "--box", &key, folder]);
    assert!(verified.status.success(), "{}", err(&verified));

    let read = alone(&["recording", "export", folder, "--format", "txt", "--identity", &the_box.fact("/auditor/identity")]);
    assert!(out(&read).contains("pump three runs"), "{}{}", out(&read), err(&read));
    let other = the_box.state().join("other.key");
    let other = other.to_str().unwrap();
    assert!(alone(&["auditor", "new", "--out", other]).status.success());
    let shut = alone(&["recording", "export", folder, "--format", "txt", "--identity", other]);
    assert!(!shut.status.success() && shut.stdout.is_empty(), "a wrong key opens nothing");

    let path = the_box.state().join("audit.rows");
    let path = path.to_str().unwrap();
    assert!(the_box.dinlock(&["audit", "export", "--out", path]).status.success());
    assert!(alone(&["verify", "--box", &key, path]).status.success());
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
    assert!(!alone(&["verify", "--box", &key, path]).status.success(), "one changed bit");
    for kind in ["login.accepted", "session.granted", "session.started", "session.ended", "recording.closed", "plant.applied"] {
        let rows = the_box.audited(kind);
        assert!(!rows.is_empty(), "{kind}");
        assert!(rows.iter().all(|row| row["requirement"].as_str().is_some_and(|r| r.starts_with("SR "))), "{rows:?}");
    }
}

#[test]
fn a_password_that_the_machine_does_not_echo_is_not_kept() {
    use std::io::Write;
    let the_box = TheBox::start();
    let script = "printf 'name: '; read n; stty -echo; printf 'secret: '; read s; stty echo; echo; echo done $n";
    let mut ssh = the_box.ssh(&["-tt"], "vera+plc-gw").arg(script).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut keys = ssh.stdin.take().unwrap();
    let mut screen = ssh.stdout.take().unwrap();
    let mut seen = String::new();
    let mut wait_for = |word: &str| {
        let mut byte = [0; 1];
        while !seen.contains(word) {
            std::io::Read::read_exact(&mut screen, &mut byte).unwrap();
            seen.push(char::from(byte[0]));
        }
    };
    wait_for("name: ");
    keys.write_all(b"visible\r").unwrap();
    wait_for("secret: ");
    keys.write_all(b"hunter2-hidden\r").unwrap();
    wait_for("done visible");
    drop(keys);
    ssh.wait().unwrap();
    let id = text(&the_box.listing(&["session", "list", "--all"])[0]["id"]);
    let folder = the_box.state().join("export");
    let folder = folder.to_str().unwrap();
    let exported = testsuite::within(std::time::Duration::from_secs(10), || {
        let rows = the_box.listing(&["recording", "list"]);
        rows.iter().any(|row| row["id"] == id.as_str() && row["whole"] == true).then_some(())
    });
    exported.expect("the recording is closed");
    assert!(the_box.dinlock(&["recording", "export", &id, "--out", folder]).status.success());
    let identity = the_box.fact("/auditor/identity");
    let read = the_box.dinlock(&["recording", "export", folder, "--format", "txt", "--identity", &identity]);
    assert!(out(&read).contains("visible"), "{}", out(&read));
    assert!(!out(&read).contains("hunter2-hidden"), "{}", out(&read));
}
