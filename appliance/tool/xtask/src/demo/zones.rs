//! The demo's cables and the hosts at their ends; the box's own zones are laid by the box's own `zones`.

use crate::run::{output, succeed};
use std::path::Path;
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

/// A cable: the box's port, the zone and side that it belongs to, the box's addresses; the host at its other end,
/// that one's port and addresses.
struct Cable {
    port: &'static str,
    zone: &'static str,
    side: &'static str,
    own: &'static [&'static str],
    host: &'static str,
    far: &'static str,
    addresses: &'static [&'static str],
}

const CABLES: &[Cable] = &[
    Cable {
        port: "dinlock-box0",
        zone: UPLINK,
        side: "uplink",
        own: &["10.99.1.1/24", "fd99:1::1/64"],
        host: CLIENT,
        far: "uplink0",
        addresses: &["10.99.1.2/24", "fd99:1::2/64"],
    },
    Cable {
        port: "dinlock-box1",
        zone: OT,
        side: "ot",
        own: &["10.99.2.1/24", "fd99:2::1/64"],
        host: MACHINES,
        far: "plant0",
        addresses: &["10.99.2.10/24", "fd99:2::10/64", "10.99.2.20/24"],
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

/// Makes hosts and cables; what an earlier demo left is removed first.
pub fn lay() -> Result<(), String> {
    remove();
    for Cable { port, host, far, addresses, .. } in CABLES {
        ip(&["netns", "add", host])?;
        ip(&["-n", host, "link", "set", "lo", "up"])?;
        // The box's end stays here, where a NIC of the box would be.
        ip(&["link", "add", port, "type", "veth", "peer", "name", far, "netns", host])?;
        for address in *addresses {
            let mut arguments = vec!["-n", host, "addr", "add", address, "dev", far];
            if address.contains(':') {
                arguments.push("nodad");
            }
            ip(&arguments)?;
        }
        ip(&["-n", host, "link", "set", far, "up"])?;
    }
    Ok(())
}

/// What `zones` is told of the box's own zones.
pub fn arguments() -> Vec<String> {
    let mut arguments = vec!["--empty", NONE];
    for Cable { port, zone, side, own, .. } in CABLES {
        arguments.extend(["--zone", zone, "--side", side, "--port", port]);
        own.iter().for_each(|address| arguments.extend(["--address", address]));
    }
    arguments.into_iter().map(str::to_owned).collect()
}

/// Removes every namespace of the demo, and the box's ports where they never came to their zones.
pub fn remove() {
    let listed = output(Command::new("ip").args(["netns", "list"])).unwrap_or_default();
    for name in ALL {
        if listed.lines().any(|line| line.split_whitespace().next() == Some(name)) {
            ip(&["netns", "del", name]).ok();
        }
    }
    for Cable { port, .. } in CABLES {
        if Path::new("/sys/class/net").join(port).exists() {
            ip(&["link", "del", port]).ok();
        }
    }
}
