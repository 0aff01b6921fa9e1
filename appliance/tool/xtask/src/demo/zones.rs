//! The demo's cables and the hosts at their ends; the box's own zones are laid by the box's own `zones`.

use crate::run::{output, succeed};
use netlink::filter::{self, CUT_IN, CUT_OUT};
use netlink::{ANSWER_BYTES, Family, Socket, link};
use os::process::{Start, start};
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsFd;
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

/// Makes hosts and cables, and has the box lay its zones; what an earlier demo left is removed first.
pub fn lay(executables: &Path, state: &Path) -> Result<(), String> {
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
    start_zones(executables, state)?;
    CABLES.iter().try_for_each(arm_without_guardian)
}

/// Starts the box's `zones`, and waits until all is laid.
fn start_zones(executables: &Path, state: &Path) -> Result<(), String> {
    let error = |what: &'static str| move |e: std::io::Error| format!("zones: {what}: {e}");
    let mut arguments = vec!["--empty", NONE];
    for Cable { port, zone, side, own, .. } in CABLES {
        arguments.extend(["--zone", zone, "--side", side, "--port", port]);
        own.iter().for_each(|address| arguments.extend(["--address", address]));
    }
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    let path = state.join("log/zones.log");
    let log = File::options().create(true).append(true).open(&path).map_err(error("log"))?;
    let (mut ready, writer) = std::io::pipe().map_err(error("pipe"))?;
    let network = os::netns::current().map_err(error("network"))?;
    let executable = executables.join("zones");
    let fds = vec![(writer.into(), 4)];
    let begun = start(Start { executable: &executable, arguments: &arguments, fds, network: network.as_fd(), uid: None, log });
    let mut child = begun.map_err(error("start"))?;
    let mut said = Vec::new();
    ready.read_to_end(&mut said).map_err(error("ready"))?;
    let status = child.wait().map_err(error("end"))?;
    if said == b"r" && status.success() {
        return Ok(());
    }
    let log = fs::read_to_string(&path).unwrap_or_default();
    Err(format!("the zones are not laid: {}", log.lines().last().unwrap_or("zones said nothing")))
}

/// What the guardian will do once it is built: link up, and the cut's two chains accept; read back.
fn arm_without_guardian(cable: &Cable) -> Result<(), String> {
    let Cable { port, zone, .. } = cable;
    let network = File::open(format!("/run/netns/{zone}")).map_err(|e| format!("{zone}: {e}"))?;
    let arm = move || -> Result<(), String> {
        let failed = |e: std::io::Error| format!("{zone} can't be armed: {e}");
        os::netns::enter(network.as_fd()).map_err(failed)?;
        let (routes, filters) = (Socket::open(Family::Route).map_err(failed)?, Socket::open(Family::Netfilter).map_err(failed)?);
        let mut buffer = [0; ANSWER_BYTES];
        let mut ask = |socket: &Socket, request: &[u8]| {
            let length = socket.ask(request, &mut buffer).map_err(|e| format!("{zone} can't be armed: {e}"))?;
            Ok::<_, String>(buffer[..length].to_vec())
        };
        let index = link::links(&ask(&routes, &link::named(port))?).first().map(|link| link.index).unwrap_or_default();
        ask(&routes, &link::set(index, true))?;
        let mut armed = link::is_up(&ask(&routes, &link::get(index))?) == Some(true);
        for chain in [CUT_IN, CUT_OUT] {
            ask(&filters, &filter::set_policy(chain, false))?;
            armed &= filter::drops(&ask(&filters, &filter::get_chain(chain))?) == Some(false);
        }
        if armed { Ok(()) } else { Err(format!("{zone} is not armed")) }
    };
    // A thread of its own: it lives in the zone afterwards.
    std::thread::scope(|scope| scope.spawn(arm).join().map_err(|_| format!("{zone} can't be armed"))?)
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
