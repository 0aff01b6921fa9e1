//! SSH through the box as people use it, with the ordinary client and a real server.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use testsuite::{TheBox, err, out};

#[test]
fn work_on_the_machine_is_as_without_a_box() {
    let the_box = TheBox::start();
    let run = the_box.vera("id -un; echo wrong >&2; exit 7");
    assert_eq!((out(&run).as_str(), run.status.code()), ("maint\n", Some(7)), "{}", err(&run));
    assert!(err(&run).ends_with("wrong\n"), "standard error comes apart: {}", err(&run));
    assert!(!out(&run).contains("wrong"));

    let killed = the_box.vera("kill -TERM $$; sleep 5");
    assert!(!killed.status.success(), "a signal is no success");

    let terminal = the_box.ssh(&["-tt"], "vera+plc-gw").arg("test -t 0 && echo terminal; echo $TERM").env("TERM", "xterm-256color").output().unwrap();
    assert!(out(&terminal).contains("terminal\r\nxterm-256color"), "{}", out(&terminal));

    // Several megabytes each way, through `cat` and through several key exchanges under that load.
    let block: Vec<u8> = (0..8_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut cat = the_box.ssh(&["-o", "RekeyLimit=1M"], "vera+plc-gw").arg("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut into, mut from) = (cat.stdin.take().unwrap(), cat.stdout.take().unwrap());
    let sent = block.clone();
    let writer = std::thread::spawn(move || into.write_all(&sent));
    let mut back = Vec::new();
    from.read_to_end(&mut back).unwrap();
    writer.join().unwrap().unwrap();
    assert!(cat.wait().unwrap().success());
    assert!(back == block, "{} of {} bytes came back", back.len(), block.len());

    // Two channels over one connection: one session.
    let control = the_box.state().join("control");
    let path = format!("ControlPath={}", control.display());
    let mut master = the_box.ssh(&["-o", &path, "-M", "-N"], "vera+plc-gw").spawn().unwrap();
    the_box.wait_living();
    for word in ["one", "two"] {
        let run = the_box.ssh(&["-o", &path], "vera+plc-gw").args(["echo", word]).output().unwrap();
        assert_eq!(out(&run), format!("{word}\n"));
    }
    assert_eq!(the_box.listing(&["session", "list"]).len(), 1);
    the_box.ssh(&["-o", &path, "-O", "exit"], "vera+plc-gw").output().unwrap();
    master.wait().unwrap();
}

#[test]
fn a_target_that_is_not_theirs_is_refused_like_one_that_does_not_exist() {
    let the_box = TheBox::start();
    let words = |target: &str| {
        let run = the_box.ssh(&[], &format!("vera+{target}")).arg("id").output().unwrap();
        assert_eq!((run.status.code(), out(&run)), (Some(255), String::new()));
        err(&run)
    };
    assert_eq!(words("hidden"), words("no-such-machine"));
    assert!(words("hidden").contains("administrator"), "it says who can lift it");
    let menu = the_box.ssh(&[], "vera").arg("menu").output().unwrap();
    assert!((out(&menu) + &err(&menu)).contains("plc-gw"), "{}{}", out(&menu), err(&menu));
}

#[test]
fn a_key_and_a_code_let_otto_in_once() {
    let the_box = TheBox::start();
    let code = the_box.code("otto");
    let asked = the_box.state().join("ask");
    std::fs::write(&asked, format!("#!/bin/sh\necho {code}\n")).unwrap();
    std::fs::set_permissions(&asked, std::fs::Permissions::from_mode(0o700)).unwrap();
    let log_in = || {
        let mut ssh = the_box.ssh(&["-o", "NumberOfPasswordPrompts=1"], "otto+plc-gw");
        ssh.env("SSH_ASKPASS", &asked).env("SSH_ASKPASS_REQUIRE", "force").env("DISPLAY", ":0");
        ssh.args(["echo", "in"]).output().unwrap()
    };
    assert_eq!(out(&log_in()), "in\n");
    assert!(!log_in().status.success(), "the same code is refused the second time");
    let alone = the_box.ssh(&["-o", "PreferredAuthentications=publickey"], "otto+plc-gw").arg("id").output().unwrap();
    assert!(!alone.status.success(), "the key alone is not enough");
    assert!(!the_box.audited("login.refused").is_empty());
}

#[test]
fn sixteen_who_come_at_once_from_one_address_all_get_in() {
    let the_box = TheBox::start();
    let start = |_| the_box.ssh(&[], "vera+plc-gw").arg("echo in; sleep 8").stdout(Stdio::piped()).spawn().unwrap();
    let all: Vec<_> = (0..16).map(start).collect();
    let live = testsuite::within(std::time::Duration::from_secs(20), || {
        let rows = the_box.listing(&["session", "list"]);
        (rows.iter().filter(|row| row["state"] == "live").count() == 16).then_some(())
    });
    live.expect("sixteen live at once");
    for ssh in all {
        let done = ssh.wait_with_output().unwrap();
        assert_eq!((out(&done).as_str(), done.status.success()), ("in\n", true));
    }
}
