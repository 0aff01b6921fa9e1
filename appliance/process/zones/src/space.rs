//! Namespaces by name, made where they are not there, and all that will be needed of them, opened: the rights
//! to do so end with the start-up.

use crate::fault::Fault;
use crate::options::Zone;
use crate::settings;
use border::zones::Step;
use netlink::{Family, Socket, link};
use os::netns;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Where iproute2 keeps them (ip-netns(8)).
pub(crate) const FOLDER: &str = "/run/netns";
/// setns(2) of what is no namespace.
const EINVAL: i32 = 22;

/// A zone's namespace, with what is needed to lay it.
pub(crate) struct Space {
    pub zone: Zone,
    pub network: OwnedFd,
    pub routes: Socket,
    pub filters: Socket,
    pub settings: Vec<settings::Open>,
}

/// Opens or makes all of them. This thread is where it was afterwards.
pub(crate) fn open_all(zones: Vec<Zone>) -> Result<Vec<Space>, Fault> {
    let fault = |zone: &str, words: String| Fault { step: Step::Namespace, zone: zone.to_owned(), words };
    let mut seen: Vec<(String, u64)> = Vec::new();
    let own = netns::current().and_then(|here| Ok((number(&here)?, here)));
    let (own, here) = own.map_err(|e| fault("of its own", e.to_string()))?;
    seen.push(("in which zones was started".to_owned(), own));
    let mut spaces = Vec::new();
    for zone in zones {
        let name = zone.name.clone();
        let space = open(zone, &mut seen)?;
        netns::enter(here.as_fd()).map_err(|e| fault(&name, format!("can't be left again: {e}")))?;
        spaces.push(space);
    }
    Ok(spaces)
}

fn open(zone: Zone, seen: &mut Vec<(String, u64)>) -> Result<Space, Fault> {
    let name = zone.name.clone();
    let fault = |step, words| Fault { step, zone: name.clone(), words };
    let namespace = |words| fault(Step::Namespace, words);
    enter(&name).map_err(namespace)?;
    let network = netns::current().map_err(|e| namespace(e.to_string()))?;
    let own = number(&network).map_err(|e| namespace(e.to_string()))?;
    // Two zones in one namespace would be one zone.
    if let Some((other, _)) = seen.iter().find(|(_, number)| *number == own) {
        return Err(namespace(format!("{FOLDER}/{name} is the namespace {other}: remove that name (ip netns del {name})")));
    }
    seen.push((format!("of zone {name}"), own));
    let socket = |family| Socket::open(family).map_err(|e| namespace(format!("no netlink socket: {e}")));
    let (routes, filters) = (socket(Family::Route)?, socket(Family::Netfilter)?);
    let setting = |words| fault(Step::Setting, words);
    let mut all = settings::Open::all_of("all").map_err(setting)?;
    all.extend(settings::Open::all_of("default").map_err(setting)?);
    // A port takes its own settings from `default` when it comes. One that is here already may have others.
    if let Some(port) = zone.port.as_ref().filter(|port| is_here(&routes, &port.name)) {
        let own = settings::Open::all_of(&port.name).map_err(setting)?;
        own.iter().try_for_each(settings::Open::lay).map_err(setting)?;
    }
    Ok(Space { zone, network, routes, filters, settings: all })
}

fn is_here(routes: &Socket, port: &str) -> bool {
    routes.ask(&link::named(port), &mut [0; netlink::ANSWER_BYTES]).is_ok()
}

/// The number that the kernel knows a namespace by.
fn number(network: &OwnedFd) -> io::Result<u64> {
    Ok(File::from(network.try_clone()?).metadata()?.ino())
}

/// Puts this thread into the namespace of this name; makes it first where there is none.
fn enter(name: &str) -> Result<(), String> {
    let path = Path::new(FOLDER).join(name);
    let fault = |what: &str, e: io::Error| format!("{} can't be {what}: {e}", path.display());
    match File::open(&path) {
        Ok(file) => match netns::enter(file.as_fd()) {
            Ok(()) => return Ok(()),
            // An empty file, left by somebody who was interrupted here.
            Err(e) if e.raw_os_error() == Some(EINVAL) => {}
            Err(e) => return Err(fault("entered", e)),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(FOLDER).map_err(|e| fault("made", e))?;
            let file = File::options().write(true).create_new(true).mode(0o444).open(&path);
            drop(file.map_err(|e| fault("made", e))?);
        }
        Err(e) => return Err(fault("opened", e)),
    }
    netns::share(Path::new(FOLDER)).map_err(|e| fault("shared with other processes", e))?;
    netns::enter_new().map_err(|e| fault("made", e))?;
    netns::pin(&path).map_err(|e| fault("made, is it a file?", e))
}
