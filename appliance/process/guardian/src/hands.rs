//! What the guardian does: filters, ports, trees of processes, the watchdog, the lamps. Each is read back.

use netlink::{ANSWER_BYTES, Family, Socket, filter, link};
use os::watchdog::Watchdog;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// OT's ports at most.
pub const PORTS_MAX: usize = 8;
/// Uplink-side zones at most.
pub const UPLINKS_MAX: usize = 2;
/// ENODEV: the cgroup is gone, and with it all that was in it.
const GONE: i32 = 19;

/// The cut chains of one zone: messages that are built once.
struct Filter {
    socket: Socket,
    shut: [Vec<u8>; 2],
    open: [Vec<u8>; 2],
    look: [Vec<u8>; 2],
}

impl Filter {
    /// Of the network namespace in which this is called.
    fn new() -> Result<Self, String> {
        let chains = [filter::CUT_IN, filter::CUT_OUT];
        Ok(Self {
            socket: Socket::open(Family::Netfilter).map_err(|e| format!("nf_tables: {e}"))?,
            shut: chains.map(|chain| filter::set_policy(chain, true)),
            open: chains.map(|chain| filter::set_policy(chain, false)),
            look: chains.map(filter::get_chain),
        })
    }

    /// What can't be set shows itself where it is read back.
    fn set(&self, shut: bool, answer: &mut [u8]) {
        for message in if shut { &self.shut } else { &self.open } {
            self.socket.ask(message, answer).ok();
        }
    }

    /// Whether both ways drop; none if they differ, or can't be read.
    fn drops(&self, answer: &mut [u8]) -> Option<bool> {
        let mut seen = None;
        for message in &self.look {
            let length = self.socket.ask(message, answer).ok()?;
            let drops = filter::drops(answer.get(..length)?)?;
            if seen.is_some_and(|other| other != drops) {
                return None;
            }
            seen = Some(drops);
        }
        seen
    }
}

/// One of OT's ports.
struct Port {
    up: Vec<u8>,
    down: Vec<u8>,
    look: Vec<u8>,
}

/// One tree of cgroups.
struct Tree {
    kill: File,
    events: File,
}

impl Tree {
    fn open(folder: &Path) -> Result<Self, String> {
        let open = |name: &str, write: bool| {
            let path = folder.join(name);
            File::options().read(!write).write(write).open(&path).map_err(|e| format!("{}: {e}", path.display()))
        };
        Ok(Self { kill: open("cgroup.kill", true)?, events: open("cgroup.events", false)? })
    }
}

/// Whether anything lives in the cgroup of this `cgroup.events`; none if it can't be read.
pub fn lives(events: &File) -> Option<bool> {
    let mut text = [0_u8; 256];
    match events.read_at(&mut text, 0) {
        Ok(length) => {
            let text = text.get(..length)?;
            let says = |word: &[u8]| text.windows(word.len()).any(|window| window == word);
            if says(b"populated 1") {
                Some(true)
            } else {
                says(b"populated 0").then_some(false)
            }
        }
        Err(e) if e.raw_os_error() == Some(GONE) => Some(false),
        Err(_) => None,
    }
}

/// Kills everything in the cgroup of this `cgroup.kill`.
pub fn kill(mut file: &File) {
    // What it did not do shows itself where it is read back.
    file.write_all(b"1").ok();
}

/// What shows people how the box stands.
pub enum Lamps {
    /// There are none.
    None,
    /// A stand-in: it is told a byte, a bit a lamp.
    StandIn(File),
    /// Lines of a GPIO chip: connected, cut, fault.
    Gpio([Option<gpio::Lamp>; 3]),
}

/// All of it.
pub struct Hands {
    ot: Filter,
    uplinks: Vec<Filter>,
    route: Socket,
    ports: Vec<Port>,
    fronts: Tree,
    sessions: Tree,
    /// None where there is none: a box without one says so.
    pub watchdog: Option<Watchdog>,
    lamps: Lamps,
    answer: Box<[u8; ANSWER_BYTES]>,
}

impl Hands {
    /// Called in the OT zone; opens what stays bound to it.
    ///
    /// # Errors
    /// In words.
    pub fn in_ot(cgroup: &Path, watchdog: Option<Watchdog>, lamps: Lamps) -> Result<Self, String> {
        let route = Socket::open(Family::Route).map_err(|e| format!("rtnetlink: {e}"))?;
        let mut list = vec![0; netlink::LIST_BYTES];
        let length = route.ask(&link::list(), &mut list).map_err(|e| format!("OT's ports can't be listed: {e}"))?;
        let found = link::links(list.get(..length).unwrap_or_default());
        let ports: Vec<Port> = found
            .iter()
            .filter(|port| port.name != "lo")
            .map(|port| Port { up: link::set(port.index, true), down: link::set(port.index, false), look: link::get(port.index) })
            .collect();
        if ports.len() > PORTS_MAX {
            return Err(format!("{} ports are in the OT zone, and {PORTS_MAX} is the most", ports.len()));
        }
        Ok(Self {
            ot: Filter::new()?,
            uplinks: Vec::new(),
            route,
            ports,
            fronts: Tree::open(&cgroup.join("fronts"))?,
            sessions: Tree::open(&cgroup.join("sessions"))?,
            watchdog,
            lamps,
            answer: Box::new([0; ANSWER_BYTES]),
        })
    }

    /// Called in each uplink-side zone.
    ///
    /// # Errors
    /// In words.
    pub fn in_uplink(&mut self) -> Result<(), String> {
        self.uplinks.push(Filter::new()?);
        Ok(())
    }

    /// OT's ports.
    pub fn ports(&self) -> u8 {
        u8::try_from(self.ports.len()).unwrap_or(u8::MAX)
    }

    pub fn set_ot(&mut self, drops: bool) {
        self.ot.set(drops, self.answer.as_mut_slice());
    }

    pub fn ot(&mut self) -> Option<bool> {
        self.ot.drops(self.answer.as_mut_slice())
    }

    pub fn set_uplinks(&mut self, drop: bool) {
        for uplink in &self.uplinks {
            uplink.set(drop, self.answer.as_mut_slice());
        }
    }

    /// None if they differ.
    pub fn uplinks(&mut self) -> Option<bool> {
        let mut seen = None;
        for uplink in &self.uplinks {
            let drops = uplink.drops(self.answer.as_mut_slice())?;
            if seen.is_some_and(|other| other != drops) {
                return None;
            }
            seen = Some(drops);
        }
        seen
    }

    pub fn set_ports(&mut self, up: bool) {
        for port in &self.ports {
            self.route.ask(if up { &port.up } else { &port.down }, self.answer.as_mut_slice()).ok();
        }
    }

    /// How many are up. One that can't be read counts as up where it should be down, and the other way round:
    /// it is neither.
    pub fn ports_up(&mut self) -> Option<u8> {
        let mut count = 0_u8;
        for port in &self.ports {
            let answer = self.answer.as_mut_slice();
            let up = match self.route.ask(&port.look, answer) {
                Ok(length) => link::is_up(answer.get(..length)?)?,
                // Pulled out: nothing passes it.
                Err(netlink::Fault::NO_DEVICE) => false,
                Err(_) => return None,
            };
            count = count.saturating_add(u8::from(up));
        }
        Some(count)
    }

    pub fn kill_trees(&mut self) {
        kill(&self.sessions.kill);
        kill(&self.fronts.kill);
    }

    /// Whether anything lives among fronts and among sessions.
    pub fn trees(&self) -> (Option<bool>, Option<bool>) {
        (lives(&self.fronts.events), lives(&self.sessions.events))
    }

    /// Whether the watchdog took its food; without one nobody eats.
    pub fn feed(&self) -> bool {
        self.watchdog.as_ref().is_none_or(|dog| dog.feed().is_ok())
    }

    /// Whether the lamps took it.
    pub fn light(&self, connected: bool, cut: bool, fault: bool) -> bool {
        let lit = [connected, cut, fault];
        match &self.lamps {
            Lamps::None => true,
            Lamps::StandIn(file) => {
                let byte = [u8::from(connected) | u8::from(cut) << 1 | u8::from(fault) << 2];
                let mut file = file;
                file.write(&byte).is_ok_and(|written| written == 1)
            }
            // Each is tried, whatever became of the one before it.
            Lamps::Gpio(lamps) => {
                lamps.iter().zip(lit).map(|(lamp, lit)| lamp.as_ref().is_none_or(|lamp| lamp.set(lit))).fold(true, |all, one| all & one)
            }
        }
    }
}

/// A session's `cgroup.kill` and `cgroup.events`.
pub struct Session {
    pub kill: File,
    pub events: File,
}

impl Session {
    pub fn new(kill: OwnedFd, events: OwnedFd) -> Self {
        Self { kill: kill.into(), events: events.into() }
    }
}
