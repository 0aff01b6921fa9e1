//! The demo's zones: each a real network namespace, joined to nothing but its own peers.

use crate::run::{output, succeed};
use std::process::Command;

/// A host in the uplink zone.
pub const CLIENT: &str = "dinlock-client";
/// The box's uplink side.
pub const UPLINK: &str = "dinlock-uplink";
/// The box's OT side.
pub const OT: &str = "dinlock-ot";
/// The machines of the plant.
pub const MACHINES: &str = "dinlock-plant";
/// Where processes live that have no network.
pub const NONE: &str = "dinlock-none";

const ALL: &[&str] = &[CLIENT, UPLINK, OT, MACHINES, NONE];

/// One veth pair: namespace, name and addresses of each end.
struct Wire {
    ends: [(&'static str, &'static str, &'static [&'static str]); 2],
}

const WIRES: &[Wire] = &[
    Wire {
        ends: [
            (CLIENT, "uplink0", &["10.99.1.2/24", "fd99:1::2/64"]),
            (UPLINK, "box0", &["10.99.1.1/24", "fd99:1::1/64"]),
        ],
    },
    Wire {
        ends: [
            (OT, "box1", &["10.99.2.1/24", "fd99:2::1/64"]),
            (MACHINES, "plant0", &["10.99.2.10/24", "fd99:2::10/64", "10.99.2.20/24"]),
        ],
    },
];

fn ip(arguments: &[&str]) -> Result<(), String> {
    succeed(Command::new("ip").args(arguments))
}

/// Runs `arguments` inside a namespace.
pub fn inside(namespace: &str, program: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, program]);
    command
}

/// Makes every namespace and wire; what an earlier demo left is removed first.
pub fn lay() -> Result<(), String> {
    remove();
    for name in ALL {
        ip(&["netns", "add", name])?;
        if *name != NONE {
            ip(&["-n", name, "link", "set", "lo", "up"])?;
        }
        // Nothing is forwarded, whatever the host's own default is.
        succeed(inside(name, "sysctl").args(["-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0"]))?;
    }
    for wire in WIRES {
        let [(left, left_name, _), (right, right_name, _)] = wire.ends;
        ip(&["link", "add", left_name, "netns", left, "type", "veth", "peer", "name", right_name, "netns", right])?;
        for (namespace, name, addresses) in wire.ends {
            for address in addresses {
                let mut arguments = vec!["-n", namespace, "addr", "add", address, "dev", name];
                if address.contains(':') {
                    arguments.push("nodad");
                }
                ip(&arguments)?;
            }
            ip(&["-n", namespace, "link", "set", name, "up"])?;
        }
    }
    Ok(())
}

/// Removes every namespace of the demo.
pub fn remove() {
    let listed = output(Command::new("ip").args(["netns", "list"])).unwrap_or_default();
    for name in ALL {
        if listed.lines().any(|line| line.split_whitespace().next() == Some(name)) {
            ip(&["netns", "del", name]).ok();
        }
    }
}
