//! Nothing is forwarded, and nobody holds what is not theirs: read off the running box.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use testsuite::TheBox;

fn inside(namespace: &str, script: &str) -> bool {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, "timeout", "3", "bash", "-c", script]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

/// Socket numbers of every TCP socket that the namespace of this process sees.
fn tcp_sockets(pid: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap();
        found.extend(text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(9)).map(str::to_owned));
    }
    found
}

/// Socket numbers that a process holds.
fn held(pid: &str) -> BTreeSet<String> {
    let fds = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().filter_map(Result::ok);
    let links = fds.filter_map(|fd| fs::read_link(fd.path()).ok()?.to_str().map(str::to_owned));
    links.filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect()
}

fn status(pid: u32, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{field}:")));
    line.unwrap_or_else(|| panic!("no {field}")).split_once(':').unwrap().1.trim().to_owned()
}

#[test]
fn the_machine_answers_to_nobody_outside_its_zone() {
    let the_box = TheBox::start();
    assert_eq!(testsuite::out(&the_box.vera("echo reached")), "reached\n", "through the box it works");
    for address in ["10.99.2.10", "10.99.2.20", "fd99:2::10", "10.99.2.1"] {
        let connect = format!("exec 3<>/dev/tcp/{address}/22");
        for zone in ["client", "uplink"] {
            assert!(!inside(&the_box.fact(&format!("/netns/{zone}")), &connect), "{zone} reaches {address}");
        }
    }
    // Also with a route laid by somebody on the uplink: the box forwards nothing.
    let client = the_box.fact("/netns/client");
    assert!(inside(&client, "ip route add 10.99.2.0/24 via 10.99.1.1"));
    assert!(!inside(&client, "exec 3<>/dev/tcp/10.99.2.10/22"));
    assert!(inside(&the_box.fact("/netns/ot"), "exec 3<>/dev/tcp/10.99.2.10/22"), "the connector's own zone does");
    for zone in ["uplink", "ot"] {
        assert!(inside(&the_box.fact(&format!("/netns/{zone}")), "test $(cat /proc/sys/net/ipv4/ip_forward) = 0"));
    }
}

#[test]
fn only_front_and_back_hold_a_connection_and_no_process_two_zones() {
    let the_box = TheBox::start();
    let mut ssh = the_box.ssh(&[], "vera+plc-gw").args(["sleep", "60"]).spawn().unwrap();
    the_box.wait_living();
    let pid = |name: &str| the_box.fact(&format!("/pids/{name}"));
    let (listener, connector) = (pid("uplink-listener"), pid("ot-connector"));
    let mut uplink = tcp_sockets(&listener);
    uplink.extend(tcp_sockets("self"));
    let ot = tcp_sockets(&connector);
    let touches = |pid: &str| (!held(pid).is_disjoint(&uplink), !held(pid).is_disjoint(&ot));

    for name in ["broker", "launcher", "vault"] {
        assert_eq!(touches(&pid(name)), (false, false), "{name}");
    }
    assert_eq!(touches(&listener), (true, false), "its listening sockets");
    assert_eq!(touches(&connector), (false, false), "it handed the connection on");
    let one = |name: &str| {
        let found = the_box.workers(name);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found[0]
    };
    let (front, mediator, back) = (one("front-ssh"), one("mediator"), one("back-ssh"));
    assert_eq!(touches(&front.to_string()), (true, false));
    assert_eq!(touches(&mediator.to_string()), (false, false));
    assert_eq!(touches(&back.to_string()), (false, true));

    let workers = [front, mediator, back];
    let users: BTreeSet<String> = workers.iter().map(|pid| status(*pid, "Uid")).collect();
    let networks: BTreeSet<_> = workers.iter().map(|pid| fs::read_link(format!("/proc/{pid}/ns/net")).unwrap()).collect();
    assert_eq!((users.len(), networks.len()), (3, 3), "each has its own user and network");
    for pid in workers {
        let interfaces = fs::read_to_string(format!("/proc/{pid}/net/dev")).unwrap();
        assert_eq!(interfaces.lines().skip(2).count(), 1, "only lo: {interfaces}");
        assert_eq!(status(pid, "Seccomp"), "2");
        assert_eq!(status(pid, "NoNewPrivs"), "1");
        assert_eq!(status(pid, "CapEff"), "0000000000000000");
        assert_eq!(status(pid, "CapBnd"), "0000000000000000");
    }
    ssh.kill().unwrap();
    ssh.wait().unwrap();
}
