//! What the box never does: each is refused with one clear line of the box, and audited.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use testsuite::{TheBox, err, out};

/// As people have it: the client says what it hears.
const LOUD: [&str; 2] = ["-o", "LogLevel=INFO"];

/// Lines of the box in what the client showed.
fn of_the_box(output: &Output) -> Vec<String> {
    err(output).lines().filter(|line| line.contains("dinlock: ")).map(str::to_owned).collect()
}

fn one_line(output: &Output, what: &str) {
    let said = of_the_box(output);
    let [one] = said.as_slice() else { panic!("{what}: not one line: {}", err(output)) };
    assert!(one.contains(&format!("dinlock: {what} is refused: this box never does it")), "{one}");
}

/// What was refused last, by the audit log.
fn audited(the_box: &TheBox) -> Vec<String> {
    let rows = the_box.audited("channel.refused");
    assert!(rows.iter().all(|row| row["result"] == "refused" && row["person"] == "vera"), "{rows:?}");
    let what = |row: &serde_json::Value| row["detail"].as_str().unwrap().split(" was asked for").next().unwrap().to_owned();
    rows.iter().map(what).collect()
}

/// A client that forwards, and one connection to the port that it opened.
fn through(the_box: &TheBox, options: &[&str], port: u16, greet: impl Fn(&mut TcpStream)) -> Output {
    let mut ssh = the_box.ssh(&[&LOUD, options].concat(), "vera+plc-gw");
    let ssh = ssh.args(["echo", "up;", "sleep", "2"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stream = testsuite::within(std::time::Duration::from_secs(10), || TcpStream::connect(("127.0.0.1", port)).ok());
    let mut stream = stream.expect("the client listens");
    greet(&mut stream);
    let mut got = Vec::new();
    stream.read_to_end(&mut got).ok();
    assert!(got.is_empty(), "nothing comes through: {got:?}");
    ssh.wait_with_output().unwrap()
}

/// An agent of the test's own. It ends with this value.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn forwards_of_every_kind_are_refused_with_a_line_of_the_box() {
    let the_box = TheBox::start();
    let direct = the_box.ssh(&[&LOUD[..], &["-W", "10.99.2.20:22"]].concat(), "vera+plc-gw").output().unwrap();
    assert!(!direct.status.success() && out(&direct).is_empty(), "{}", out(&direct));
    one_line(&direct, "port forwarding");

    let local = through(&the_box, &["-L", "127.0.0.1:9971:10.99.2.20:22"], 9971, |_| {});
    assert_eq!(out(&local), "up\n", "the session itself goes on");
    one_line(&local, "port forwarding");

    let dynamic = through(&the_box, &["-D", "127.0.0.1:9972"], 9972, |stream| {
        stream.write_all(&[5, 1, 0]).unwrap();
        stream.read_exact(&mut [0; 2]).unwrap();
        stream.write_all(&[5, 1, 0, 1, 10, 99, 2, 20, 0, 22]).unwrap();
    });
    one_line(&dynamic, "port forwarding");

    let remote = the_box.ssh(&[&LOUD[..], &["-R", "9973:127.0.0.1:22"]].concat(), "vera+plc-gw").args(["echo", "up"]).output().unwrap();
    assert_eq!(out(&remote), "up\n");
    one_line(&remote, "remote port forwarding");
    let socket = the_box.ssh(&[&LOUD[..], &["-R", "/tmp/far.sock:127.0.0.1:22"]].concat(), "vera+plc-gw").args(["echo", "up"]).output().unwrap();
    one_line(&socket, "remote socket forwarding");

    let agent_socket = the_box.state().join("agent");
    let agent = Command::new("ssh-agent").arg("-D").arg("-a").arg(&agent_socket).stdout(Stdio::null()).spawn().unwrap();
    let _agent = Agent(agent);
    testsuite::within(std::time::Duration::from_secs(5), || agent_socket.exists().then_some(())).expect("the agent listens");
    let mut agent = the_box.ssh(&[&LOUD[..], &["-A"]].concat(), "vera+plc-gw");
    let agent = agent.args(["echo", "up:$SSH_AUTH_SOCK"]).env("SSH_AUTH_SOCK", &agent_socket).output().unwrap();
    assert_eq!(out(&agent), "up:\n");
    one_line(&agent, "agent forwarding");
    let mut screen = the_box.ssh(&[&LOUD[..], &["-Y"]].concat(), "vera+plc-gw");
    let screen = screen.args(["echo", "up:$DISPLAY"]).env("DISPLAY", "127.0.0.1:99").output().unwrap();
    assert_eq!(out(&screen), "up:\n");
    one_line(&screen, "X11 forwarding");

    let wanted = [
        "port forwarding", "port forwarding", "port forwarding", "remote port forwarding", "remote socket forwarding",
        "agent forwarding", "X11 forwarding",
    ];
    assert_eq!(audited(&the_box), wanted);
}

#[test]
fn file_transfers_are_refused_with_a_line_of_the_box() {
    let the_box = TheBox::start();
    let (host, port) = (the_box.fact("/ssh/host"), the_box.fact("/ssh/port"));
    let key = the_box.state().join("people/vera");
    let hosts = format!("UserKnownHostsFile={}", the_box.state().join("known_hosts").display());
    let remote = format!("vera+plc-gw@{host}");
    let files = |program: &str, options: &[&str], what: &[&str]| {
        let mut command = Command::new(program);
        command.args(["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "IdentitiesOnly=yes", "-o", &hosts]);
        command.args(["-P", &port]).arg("-i").arg(&key).args(options).args(what).stdin(Stdio::null());
        command.output().unwrap()
    };
    let (from, to) = (format!("{remote}:/etc/hostname"), the_box.state().join("got"));
    let (from, to) = (from.as_str(), to.to_str().unwrap());
    let given = the_box.state().join("demo.json");
    let given = given.to_str().unwrap();
    for (output, what) in [
        (files("sftp", &[], &[&remote]), "file transfer (sftp)"),
        (files("scp", &[], &[from, to]), "file transfer (sftp)"),
        (files("scp", &["-O"], &[from, to]), "file transfer (scp)"),
        (files("scp", &["-O"], &[given, from]), "file transfer (scp)"),
    ] {
        assert!(!output.status.success());
        one_line(&output, what);
    }
    assert!(!std::path::Path::new(to).exists());
    let wanted = ["file transfer (sftp)", "file transfer (sftp)", "file transfer (scp)", "file transfer (scp)"];
    assert_eq!(audited(&the_box), wanted);
    let other = the_box.ssh(&[&LOUD[..], &["-s"]].concat(), "vera+plc-gw").arg("netconf").output().unwrap();
    one_line(&other, "an SSH subsystem");
    assert_eq!(out(&the_box.vera("echo scp -t")), "scp -t\n", "the negative: a command that only looks like it");
}
