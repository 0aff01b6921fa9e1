//! Looking on and looking back: `session watch`, `recording play` and `export`, `audit follow`.

use std::process::Command;
use testsuite::{TheBox, Terminal, err, out, text};

fn dinlock(the_box: &TheBox, arguments: &[&str]) -> Command {
    let mut command = Command::new(the_box.fact("/dinlock"));
    command.args(["--socket", &the_box.fact("/admin/socket")]).args(arguments);
    command
}

#[test]
fn a_watcher_sees_what_the_person_sees_and_can_type_nothing() {
    let the_box = TheBox::start();
    let (mut vera, id) = the_box.terminal("vera+plc-gw", "cat");
    vera.keys("first line\r");
    vera.wait_for("first line\r\nfirst line");
    let mut watcher = Terminal::start(&mut dinlock(&the_box, &["session", "watch", &id]));
    watcher.wait_for("first line");
    vera.wait_for("the local administrator (uid 0) observes this session");
    vera.keys("second line\r");
    watcher.wait_for("second line\r\nsecond line");
    watcher.keys("from the watcher\r");
    vera.keys("third line\r");
    vera.wait_for("third line\r\nthird line");
    watcher.wait_for("third line\r\nthird line");
    assert!(!vera.seen().contains("from the watcher"), "{}", vera.seen());
    let watched = the_box.audited("session.watched");
    assert!(watched.len() == 1 && text(&watched[0]["session"]) == id, "{watched:?}");

    assert!(the_box.dinlock(&["session", "end", &id, "--why", "enough seen"]).status.success());
    watcher.wait_for("the session ended: ended by the local administrator (uid 0): enough seen");
    assert_eq!(watcher.wait_end(), Some(0));
    vera.wait_end();
    let over = the_box.dinlock(&["session", "watch", &id]);
    assert!(!over.status.success() && err(&over).contains(&format!("no living session has the id {id}")), "{}", err(&over));
}

#[test]
fn a_watcher_who_takes_nothing_slows_nobody() {
    let the_box = TheBox::start();
    let (mut vera, id) = the_box.terminal("vera+plc-gw", "read go; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo done");
    let mut watcher = dinlock(&the_box, &["session", "watch", &id]);
    let mut watcher = watcher.stdout(std::process::Stdio::piped()).stdin(std::process::Stdio::null()).spawn().unwrap();
    vera.wait_for("observes this session");
    testsuite::signal("STOP", watcher.id());
    vera.keys("go\r");
    vera.wait_for("\ndone");
    assert_eq!(vera.wait_end(), Some(0));
    watcher.kill().unwrap();
    watcher.wait().unwrap();
}

#[test]
fn a_session_is_played_and_converted_by_its_auditor() {
    let the_box = TheBox::start();
    let (mut vera, id) = the_box.terminal("vera+plc-gw", "cat");
    vera.keys("pump three\r");
    vera.wait_for("pump three\r\npump three");
    vera.keys("\u{4}");
    assert_eq!(vera.wait_end(), Some(0));
    // A byte stream: under the default its input is kept whole.
    let mut stream = the_box.ssh(&[], "vera+plc-gw");
    let mut stream = stream.arg("wc -c").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut stream.stdin.take().unwrap(), b"setpoint 42\n").unwrap();
    assert_eq!(out(&stream.wait_with_output().unwrap()).trim(), "12");
    let stream = text(&the_box.listing(&["session", "list", "--all"])[1]["id"]);

    let folder = the_box.export(&id);
    let cast = the_box.read(&folder, "cast");
    let lines: Vec<serde_json::Value> = cast.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["version"], lines[0]["width"].is_u64()), (&2.into(), true), "{}", lines[0]);
    assert!(text(&lines[0]["title"]).starts_with("vera on plc-gw"), "{}", lines[0]);
    let shown: String = lines.iter().filter(|line| line[1] == "o").map(|line| text(&line[2])).collect();
    assert!(shown.contains("pump three\r\npump three"), "{cast}");
    let typed: String = lines.iter().filter(|line| line[1] == "i").map(|line| text(&line[2])).collect();
    assert!(typed.contains("pump three"), "it was echoed: {cast}");
    let times: Vec<f64> = lines[1..].iter().map(|line| line[0].as_f64().unwrap()).collect();
    assert!(times.is_sorted(), "{cast}");
    let transcript = the_box.read(&folder, "txt");
    assert!(transcript.contains("pump three") && transcript.contains("\"ended\""), "{transcript}");
    let identity = the_box.fact("/auditor/identity");
    let played = the_box.dinlock(&["recording", "play", &folder, "--identity", &identity, "--speed", "1000"]);
    assert!(played.status.success() && out(&played).contains("pump three\r\npump three"), "{}{}", out(&played), err(&played));

    let kept = the_box.read(&the_box.export(&stream), "txt");
    assert!(kept.contains("input \"setpoint 42\\u000a\"") && !kept.contains("hidden input"), "{kept}");
    let reads = the_box.audited("recording.exported");
    assert!([&id, &stream].iter().all(|id| reads.iter().any(|row| row["session"] == id.as_str())), "{reads:?}");
}

#[test]
fn the_audit_log_is_followed_as_it_grows() {
    let the_box = TheBox::start();
    let mut follower = Terminal::start(&mut dinlock(&the_box, &["audit", "follow", "--json"]));
    follower.wait_for("broker.started");
    assert!(!follower.seen().contains("login.accepted"));
    assert_eq!(out(&the_box.vera("echo in")), "in\n");
    follower.wait_for("login.accepted");
    follower.wait_for("session.ended");
    // Following writes nothing that there would be to follow: it was written down when it began.
    std::thread::sleep(std::time::Duration::from_millis(3500));
    assert_eq!(follower.seen().matches("audit.exported").count(), 2, "the broker's row and the vault's: {}", follower.seen());
    follower.close_keys();
    let seen = follower.seen();
    let rows: Vec<u64> = seen.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()?["seq"].as_u64()).collect();
    assert!(rows.windows(2).all(|pair| pair[1] == pair[0] + 1) && rows[0] == 1, "every row once, in order: {rows:?}");
}

#[test]
fn a_wrong_name_and_a_wrong_secret_are_told_in_the_same_words() {
    use std::os::unix::fs::PermissionsExt;
    let the_box = TheBox::start();
    let pat = "\n[[person]]\nid = \"pat\"\nname = \"Pat\"\nlogin = \"password+totp\"\n";
    assert!(the_box.apply(&(the_box.plant() + pat)).status.success());
    let set = the_box.dinlock(&["person", "set", "pat", "--password", "right", "--totp", "ORSXG5BAORSXG5A="]);
    assert!(set.status.success(), "{}", err(&set));
    let asked = the_box.state().join("asked");
    let ask = the_box.state().join("ask");
    std::fs::write(&ask, format!("#!/bin/sh\necho \"$1\" >> {}\necho 000000\n", asked.display())).unwrap();
    std::fs::set_permissions(&ask, std::fs::Permissions::from_mode(0o700)).unwrap();
    let tell = |user: &str, options: &[&str]| {
        std::fs::write(&asked, "").unwrap();
        let mut ssh = the_box.ssh(&[&["-o", "NumberOfPasswordPrompts=1", "-o", "LogLevel=INFO"], options].concat(), user);
        ssh.env("SSH_ASKPASS", &ask).env("SSH_ASKPASS_REQUIRE", "force").env("DISPLAY", ":0").arg("id");
        let told = ssh.output().unwrap();
        assert_eq!((told.status.code(), out(&told).as_str()), (Some(255), ""));
        // The client itself puts the name that it was given into its words.
        let anyone = |text: &str| text.replace(user, "NAME").lines().filter(|line| !line.starts_with("Warning: ")).collect::<Vec<_>>().join("\n");
        (anyone(&err(&told)), anyone(&std::fs::read_to_string(&asked).unwrap()))
    };
    let typed = ["-o", "PreferredAuthentications=keyboard-interactive"];
    let wrong_secret = tell("pat+plc-gw", &typed);
    assert!(wrong_secret.1.contains("Password:") && wrong_secret.1.contains("One-time code:"), "{wrong_secret:?}");
    assert_eq!(tell("nobody+plc-gw", &typed), wrong_secret);
    assert_eq!(tell("pat+no-such-machine", &typed), wrong_secret, "nor does a target's name change anything");
    let key = the_box.state().join("people/otto");
    let with_key = ["-o", "PreferredAuthentications=publickey", "-i", key.to_str().unwrap()];
    let wrong_key = tell("pat+plc-gw", &with_key);
    assert_eq!(tell("nobody+plc-gw", &with_key), wrong_key);
    assert!(the_box.audited("login.refused").len() >= 3, "each is audited");
}
