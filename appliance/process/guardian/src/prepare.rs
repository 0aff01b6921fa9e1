//! The start: arguments, what stays bound to each zone, what was inherited.

use crate::doors::{Doors, Given};
use crate::hands::{Hands, Lamps, UPLINKS_MAX};
use crate::senses::{Senses, Wire};
use crate::shell::{Shell, now};
use entry::Descriptors;
use guard::{Dog, Guardian, Start};
use os::modem::Line;
use os::poll::Poll;
use os::watchdog::Watchdog;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Without food for so long, the board resets; in seconds.
const WATCHDOG_S: u32 = 15;
/// A device that can, warns so long before that.
const PRETIMEOUT_S: u32 = 5;
/// The kernel's random id of this boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

#[derive(Default)]
struct Options {
    cgroup: Option<PathBuf>,
    watchdog: Option<PathBuf>,
    boot: Option<[u8; 16]>,
    keyboards: Vec<PathBuf>,
    contacts: Vec<String>,
    lamps: [Option<String>; 3],
    serial: Option<PathBuf>,
}

/// 32 hexadecimal digits; hyphens are passed over.
fn boot_id(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text.trim().chars().filter(|c| *c != '-').map(|c| c.to_digit(16)).map(|d| d?.try_into().ok()).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    bytes.try_into().ok()
}

fn options() -> Result<Options, String> {
    let mut options = Options::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} takes a value"))?;
        match name.as_str() {
            "--cgroup2" => options.cgroup = Some(value.into()),
            "--watchdog" => options.watchdog = Some(value.into()),
            "--boot" => options.boot = Some(boot_id(&value).ok_or("--boot takes 32 hexadecimal digits")?),
            "--keyboard" => options.keyboards.push(value.into()),
            "--break" => options.serial = Some(value.into()),
            "--contact" => options.contacts.push(value),
            "--lamp-connected" => options.lamps[0] = Some(value),
            "--lamp-cut" => options.lamps[1] = Some(value),
            "--lamp-fault" => options.lamps[2] = Some(value),
            _ => return Err(format!("there is no option {name}")),
        }
    }
    Ok(options)
}

/// `serial:PORT:cts`, `serial:PORT:dsr`, or `gpio:CHIP:LINE`.
fn wire(text: &str) -> Result<Wire, String> {
    let wrong = || format!("{text} is no contact: write serial:PORT:cts, serial:PORT:dsr or gpio:CHIP:LINE");
    if let Some(place) = text.strip_prefix("gpio:") {
        let place = gpio::Place::parse(place).map_err(|e| e.to_string())?;
        return gpio::Contact::open(&place).map(Wire::Gpio);
    }
    let (port, line) = text.strip_prefix("serial:").and_then(|rest| rest.rsplit_once(':')).ok_or_else(wrong)?;
    let line = match line {
        "cts" => Line::Cts,
        "dsr" => Line::Dsr,
        _ => return Err(wrong()),
    };
    Ok(Wire::Modem(device(Path::new(port), false)?, line))
}

/// They are taken as they are to stand at the start: nobody connected, not cut, and a fault until all is checked.
fn lamps(places: &[Option<String>; 3], stand_in: Option<OwnedFd>) -> Result<Lamps, String> {
    if let Some(stand_in) = stand_in {
        os::seqpacket::set_nonblocking(stand_in.as_fd(), true).map_err(|e| format!("lamps: {e}"))?;
        return Ok(Lamps::StandIn(stand_in.into()));
    }
    if places.iter().all(Option::is_none) {
        return Ok(Lamps::None);
    }
    let mut lamps = [None, None, None];
    for ((lamp, place), lit) in lamps.iter_mut().zip(places).zip([false, false, true]) {
        if let Some(place) = place {
            let place = gpio::Place::parse(place).map_err(|e| e.to_string())?;
            *lamp = Some(gpio::Lamp::open(&place, lit)?);
        }
    }
    Ok(Lamps::Gpio(lamps))
}

/// Opens a device for the calls of its own kind; nothing waits for it.
fn device(path: &Path, write: bool) -> Result<OwnedFd, String> {
    let opened = os::fds::open_device(path, write);
    opened.map_err(|e| format!("{}: {e}", path.display()))
}

pub fn prepare(descriptors: &mut Descriptors) -> Result<Shell, String> {
    let options = options()?;
    let given = Given {
        broker: descriptors.take("broker"),
        again: descriptors.take("again"),
        latch_door: descriptors.take("latch-door"),
        zones_door: descriptors.take("zones-door"),
        desk: descriptors.take("desk"),
    };
    let watchdog = match (&options.watchdog, descriptors.take_optional("watchdog")) {
        (Some(path), None) => Some(device(path, true)?),
        (None, stand_in) => stand_in,
        (Some(_), Some(_)) => return Err("--watchdog and a stand-in are one too many".into()),
    };
    let watchdog = watchdog.map(|fd| Watchdog::begin(fd, WATCHDOG_S, PRETIMEOUT_S)).transpose().map_err(|e| format!("the watchdog: {e}"))?;
    let (told_reset, dog) = match &watchdog {
        Some(dog) => (dog.told_reset(), if dog.is_device() { Dog::Device } else { Dog::StandIn }),
        None => return Err("there is no watchdog: --watchdog /dev/watchdog0".into()),
    };
    let cgroup = options.cgroup.ok_or("--cgroup2 FOLDER is missing")?;
    let lamps = lamps(&options.lamps, descriptors.take_optional("lamps"))?;
    let hands = bind(descriptors, &cgroup, watchdog, lamps)?;
    let boot = match options.boot {
        Some(boot) => boot,
        None => fs::read_to_string(BOOT_ID).ok().and_then(|text| boot_id(&text)).ok_or("the kernel does not name this boot")?,
    };
    let mut wires: Vec<Wire> = descriptors.take_all("contact").into_iter().map(Wire::StandIn).collect();
    for contact in &options.contacts {
        wires.push(wire(contact)?);
    }
    let mut keyboards = descriptors.take_all("keyboard");
    for path in &options.keyboards {
        keyboards.push(device(path, false)?);
    }
    let serial = options.serial.as_ref().map(|path| device(path, false)).transpose()?;
    let poll = Poll::new().map_err(|e| format!("epoll: {e}"))?;
    let senses = Senses::new(wires, keyboards, serial, &poll).map_err(|e| format!("contacts and keyboards: {e}"))?;
    let start = Start { boot, told_reset, contacts: senses.contacts(), dog, links: hands.ports() };
    let core = Guardian::new(start, now());
    os::process::stay_in_memory().map_err(|e| format!("its memory can't be locked: {e}"))?;
    if !os::process::go_first().map_err(|e| format!("it can't go first: {e}"))? {
        eprintln!("guardian: this system's cgroups leave it no real time: it runs before everything of the usual kind");
    }
    let (doors, broker) = Doors::new(given, &poll).map_err(|e| format!("the doors: {e}"))?;
    Shell::new(core, hands, senses, doors, broker, poll)
}

/// Takes hold of each zone, and then leaves them all.
fn bind(descriptors: &mut Descriptors, cgroup: &Path, watchdog: Option<Watchdog>, lamps: Lamps) -> Result<Hands, String> {
    let empty = descriptors.take("empty-zone");
    let uplinks = descriptors.take_all("uplink-zone");
    if uplinks.is_empty() || uplinks.len() > UPLINKS_MAX {
        return Err(format!("{} uplink-side zones were given; one is the least, {UPLINKS_MAX} the most", uplinks.len()));
    }
    let mut hands = Hands::in_ot(cgroup, watchdog, lamps)?;
    for uplink in uplinks {
        os::netns::enter(uplink.as_fd()).map_err(|e| format!("an uplink-side zone: {e}"))?;
        hands.in_uplink()?;
    }
    os::netns::enter(empty.as_fd()).map_err(|e| format!("the empty namespace: {e}"))?;
    let seen = os::net::interfaces().map_err(|e| format!("its interfaces: {e}"))?;
    match seen.iter().find(|interface| interface.name != "lo" || interface.up) {
        None => Ok(hands),
        Some(interface) => Err(format!("the namespace that should be empty has {}", interface.name)),
    }
}

