//! What people do beyond one command: choose from the menu, resize, come by IPv6, log in by password, work
//! on a machine that only knows old algorithms.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use testsuite::{Terminal, TheBox, err, line, out, target};

#[test]
fn ipv6_reaches_the_box_and_the_machine() {
    let the_box = TheBox::start();
    the_box.change(|plant| plant.replace("address = \"10.99.2.10\"", "address = \"fd99:2::10\""));
    let plain = the_box.ssh(&["-6"], "vera+plc-gw");
    let mut arguments: Vec<_> = plain.get_args().map(ToOwned::to_owned).collect();
    arguments.pop();
    let mut ssh = Command::new("ip");
    ssh.args(["netns", "exec", &the_box.fact("/netns/client"), "ssh"]).args(arguments).arg("vera+plc-gw@fd99:1::1");
    let run = ssh.arg("echo $SSH_CONNECTION").stdin(Stdio::null()).output().unwrap();
    assert!(out(&run).starts_with("fd99:2::1 ") && out(&run).contains(" fd99:2::10 22"), "{}{}", out(&run), err(&run));
    let login = &the_box.audited("login.accepted")[0];
    assert!(login["peer"].as_str().unwrap().starts_with("[fd99:1::2]:"), "{login}");
}

#[test]
fn a_window_that_is_resized_is_resized_on_the_machine() {
    let the_box = TheBox::start();
    let tty = the_box.state().join("tty");
    let ssh = the_box.ssh(&["-tt"], "vera+plc-gw");
    let words: Vec<String> = ssh.get_args().map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let machine = "trap \"stty size\" WINCH; stty size; echo ready; while :; do sleep 0.1; done";
    let inner = format!("stty cols 97 rows 31; tty > {}; exec ssh {} '{machine}'", tty.display(), words.join(" "));
    let mut window = Command::new("script");
    let terminal = Terminal::start(window.args(["-qfc", &inner, "/dev/null"]));
    terminal.wait_for("31 97");
    terminal.wait_for("ready");
    let resized = Command::new("stty").arg("-F").arg(fs::read_to_string(&tty).unwrap().trim()).args(["cols", "133", "rows", "41"]).status();
    assert!(resized.unwrap().success());
    terminal.wait_for("41 133");
}

#[test]
fn a_person_who_names_no_target_chooses_from_the_menu() {
    let the_box = TheBox::start();
    let mut terminal = Terminal::start(&mut the_box.ssh(&["-tt"], "vera"));
    terminal.wait_for("1  plc-gw");
    assert!(!terminal.seen().contains("hidden"));
    terminal.keys("9\r");
    terminal.wait_for("there is no 9");
    terminal.keys("1\r");
    the_box.wait_living();
    terminal.keys("echo chosen $((40 + 2))\r");
    terminal.wait_for("chosen 42");
    terminal.keys("exit 3\r");
    assert_eq!(terminal.wait_end(), Some(3));
}

/// Answers ssh's questions: for a password, and for a code.
fn answers(the_box: &TheBox, password: &str, code: &str) -> std::path::PathBuf {
    let path = the_box.state().join("ask");
    fs::write(&path, format!("#!/bin/sh\ncase \"$1\" in *assword*) echo '{password}';; *) echo {code};; esac\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

#[test]
fn password_and_code_let_a_person_in_and_neither_alone_does() {
    let the_box = TheBox::start();
    the_box.change(|plant| plant.replace("login = \"key+totp\"", "login = \"password+totp\""));
    let right = the_box.fact("/people/1/password");
    let log_in = |password: &str, code: &str| {
        let ask = answers(&the_box, password, code);
        let mut ssh = the_box.ssh(&["-o", "NumberOfPasswordPrompts=1"], "otto+plc-gw");
        ssh.env("SSH_ASKPASS", ask).env("SSH_ASKPASS_REQUIRE", "force").env("DISPLAY", ":0");
        ssh.args(["echo", "in"]).output().unwrap()
    };
    assert_eq!(out(&log_in(&right, &the_box.code("otto"))), "in\n");
    // What the vault makes of each alone, and of a code used twice: `appliance/process/vault/tests/logins.rs`.
    assert!(!log_in("wrong", &the_box.code("otto")).status.success(), "a wrong password");
    assert!(!log_in(&right, "000000").status.success(), "a wrong code");
    let by_key = the_box.ssh(&["-o", "PreferredAuthentications=publickey"], "otto+plc-gw").arg("id").output().unwrap();
    assert!(!by_key.status.success(), "their key does not count any more");
    assert!(the_box.audited("login.refused").len() >= 2);
}

/// A real server that speaks nothing newer than its maker did. It ends with this value.
struct Old(Child);

impl Old {
    const PORT: u16 = 2200;

    fn start(the_box: &TheBox) -> Self {
        let plant = the_box.state().join("plant");
        let key = plant.join("old_key");
        let made = Command::new("ssh-keygen").args(["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f"]).arg(&key).status();
        assert!(made.unwrap().success());
        let today = fs::read_to_string(plant.join("sshd_config")).unwrap();
        let kept = today.lines().filter(|line| !["Port", "HostKey", "ListenAddress"].contains(&line.split(' ').next().unwrap()));
        let old = format!(
            "Port {}\nListenAddress 10.99.2.10\nHostKey {}\n{}\nKexAlgorithms diffie-hellman-group14-sha1\n\
             HostKeyAlgorithms ssh-rsa\nCiphers aes128-cbc\nMACs hmac-sha1\n",
            Self::PORT,
            key.display(),
            kept.collect::<Vec<_>>().join("\n"),
        );
        fs::write(plant.join("old_config"), old).unwrap();
        let script = format!(
            "for f in passwd group shadow; do mount --bind {0}/$f /etc/$f || exit 1; done; exec /usr/sbin/sshd -D -f {0}/old_config",
            plant.display()
        );
        let mut ip = Command::new("ip");
        ip.args(["netns", "exec", "dinlock-plant", "sh", "-c", &script]).stdin(Stdio::null());
        Self(ip.spawn().unwrap())
    }
}

impl Drop for Old {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn old_algorithms_work_only_where_the_target_names_them_and_are_shown_there() {
    let the_box = TheBox::start();
    let _old = Old::start(&the_box);
    let key = fs::read_to_string(the_box.state().join("plant/old_key.pub")).unwrap();
    let pinned = format!("host_keys = [\"{}\"]", key.trim());
    the_box.change(|plant| {
        let targets = line(plant, "targets");
        plant.replace(&targets, "targets = [\"plc-gw\", \"old-rtu\"]") + &target("old-rtu", Old::PORT, &pinned)
    });
    let refused = the_box.ssh(&[], "vera+old-rtu").arg("id").output().unwrap();
    assert_eq!(refused.status.code(), Some(255));
    assert!(err(&refused).contains("key exchange") && err(&refused).contains("legacy_algorithms"), "{}", err(&refused));

    let list = "legacy_algorithms = [\"diffie-hellman-group14-sha1\", \"ssh-rsa\", \"aes128-cbc\", \"hmac-sha1\"]";
    the_box.change(|plant| plant.replace(&pinned, &format!("{pinned}\n{list}")));
    let run = the_box.ssh(&[], "vera+old-rtu").args(["echo", "old"]).output().unwrap();
    assert_eq!(out(&run), "old\n", "{}", err(&run));
    let menu = the_box.ssh(&[], "vera").arg("menu").output().unwrap();
    let shown = out(&menu) + &err(&menu);
    assert!(shown.lines().any(|line| line.contains("old-rtu") && line.contains("old algorithms")), "{shown}");
    assert!(!shown.lines().any(|line| line.contains("plc-gw") && line.contains("old algorithms")), "{shown}");
    let listed = out(&the_box.dinlock(&["target", "list"]));
    assert!(listed.lines().any(|line| line.contains("old-rtu") && line.contains("hmac-sha1")), "{listed}");
}
