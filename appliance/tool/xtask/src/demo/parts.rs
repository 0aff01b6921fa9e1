//! The box's long-lived processes, each in its zone, joined by the sockets that it may hold. What
//! dies is started again.

use super::board::Board;
use super::zones;
use os::process::{Start, start};
use os::seqpacket;
use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

/// Users of the box's parts on a host that has no static ones: outside the workers' range.
const LISTENER_UID: u32 = 99_001;
const CONNECTOR_UID: u32 = 99_002;
const BROKER_UID: u32 = 99_003;
/// Owns the data folder.
pub const VAULT_UID: u32 = 99_004;
/// Owns the latch's folder.
const LATCH_UID: u32 = 99_005;

/// A part that dies more often than this within [`OFTEN_WITHIN`] ends the demo.
const OFTEN: usize = 8;
const OFTEN_WITHIN: Duration = Duration::from_secs(20);

/// In the order in which they start.
const ORDER: [&str; 8] = ["zones", "latch", "guardian", "vault", "launcher", "ot-connector", "uplink-listener", "broker"];
/// The broker's doors, in the order of its descriptors from 3 on.
const DOORS: [&str; 7] =
    ["launcher-door", "listener-door", "connector-door", "vault-door", "admin", "guardian-door", "console-door"];
/// Where parts that outlive a broker wait for the next one.
const AGAIN: [&str; 3] = ["launcher-again", "vault-again", "guardian-again"];
/// The guardian's doors: who writes its latch, who lays the zones, who is at its desk.
const GUARDIANS: [&str; 3] = ["latch-door", "zones-door", "guardian"];

/// What the starter knows.
pub struct Plan {
    /// Folder of the executables.
    pub executables: PathBuf,
    /// Folder of the workers' executables.
    pub workers: PathBuf,
    /// State of this demo.
    pub state: PathBuf,
    /// Addresses in the uplink zone on which the listener listens.
    pub bind: Vec<String>,
    /// Listening sockets that the starter opened itself.
    pub inherited: Vec<OwnedFd>,
}

/// The running parts.
pub struct Parts {
    plan: Plan,
    listening: BTreeMap<&'static str, OwnedFd>,
    cgroups: Vec<String>,
    board: Board,
    running: BTreeMap<&'static str, Child>,
    deaths: VecDeque<(&'static str, Instant)>,
}

fn error(what: &str) -> impl FnOnce(std::io::Error) -> String + '_ {
    move |e| format!("{what}: {e}")
}

/// Cgroup folders that the launcher may fill: the unified one, and those of a hybrid host.
fn cgroups() -> Result<Vec<String>, String> {
    let hybrid = Path::new("/sys/fs/cgroup/unified").exists();
    let mut arguments = Vec::new();
    let mut add = |option: &str, folder: &str| -> Result<(), String> {
        let folder = PathBuf::from(folder).join("dinlock");
        for folder in [folder.clone(), folder.join("fronts"), folder.join("sessions")] {
            fs::create_dir_all(folder).map_err(error("cgroup"))?;
        }
        arguments.extend([option.to_owned(), folder.display().to_string()]);
        Ok(())
    };
    if hybrid {
        add("--cgroup2", "/sys/fs/cgroup/unified")?;
        add("--memory", "/sys/fs/cgroup/memory")?;
        add("--pids", "/sys/fs/cgroup/pids")?;
    } else {
        fs::write("/sys/fs/cgroup/cgroup.subtree_control", "+memory +pids").map_err(error("cgroup"))?;
        add("--cgroup2", "/sys/fs/cgroup")?;
        for folder in ["dinlock", "dinlock/fronts", "dinlock/sessions"] {
            let file = Path::new("/sys/fs/cgroup").join(folder).join("cgroup.subtree_control");
            fs::write(file, "+memory +pids").map_err(error("cgroup"))?;
        }
    }
    Ok(arguments)
}

impl Parts {
    /// Opens the sockets on which they find each other; nothing runs yet.
    pub fn prepare(plan: Plan) -> Result<Self, String> {
        let mut listening = BTreeMap::new();
        for name in DOORS.into_iter().chain(AGAIN).chain(GUARDIANS) {
            let path = socket(&plan.state, name);
            fs::remove_file(&path).ok();
            listening.insert(name, seqpacket::listen(&path).map_err(error(name))?);
        }
        let cgroups = cgroups()?;
        let latch = latch(&plan.state);
        fs::create_dir_all(&latch).map_err(error("latch"))?;
        std::os::unix::fs::chown(&latch, Some(LATCH_UID), Some(LATCH_UID)).map_err(error("latch"))?;
        for file in fs::read_dir(&latch).into_iter().flatten().flatten() {
            std::os::unix::fs::chown(file.path(), Some(LATCH_UID), Some(LATCH_UID)).map_err(error("latch"))?;
        }
        let board = Board::new(&plan.state)?;
        Ok(Self { plan, listening, cgroups, board, running: BTreeMap::new(), deaths: VecDeque::new() })
    }

    /// Whether the board resets, as its watchdog or its power does: everything of the box is gone at once, and
    /// begins anew. What was on disk is there.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn reset(&mut self) -> Result<bool, String> {
        let Some(why) = self.board.resets() else { return Ok(false) };
        println!("the board is reset: {why}");
        for child in self.running.values_mut() {
            child.kill().ok();
        }
        super::kill_workers();
        for child in self.running.values_mut() {
            child.wait().ok();
        }
        self.running.clear();
        self.deaths.clear();
        self.start()?;
        Ok(true)
    }

    /// Starts all of them; those that began are running also when a later one did not.
    pub fn start(&mut self) -> Result<(), String> {
        ORDER.into_iter().try_for_each(|name| self.begin(name))
    }

    /// Name and pid of each.
    pub fn pids(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.running.iter().map(|(name, child)| (*name, child.id()))
    }

    /// Starts those again that died. Returns their names.
    ///
    /// # Errors
    /// One that dies again and again.
    pub fn revive(&mut self) -> Result<Vec<&'static str>, String> {
        let dead = |child: &mut Child| child.try_wait().ok().flatten();
        let died: Vec<_> = self.running.iter_mut().filter_map(|(name, child)| Some((*name, dead(child)?))).collect();
        for (name, status) in &died {
            println!("{name} ended with {status}; it is started again");
            self.deaths.push_back((name, Instant::now()));
            self.deaths.retain(|(_, at)| at.elapsed() < OFTEN_WITHIN);
            if self.deaths.iter().filter(|(other, _)| other == name).count() > OFTEN {
                return Err(format!("{name} ended {OFTEN} times within {} s, with {status}", OFTEN_WITHIN.as_secs()));
            }
            self.begin(name)?;
        }
        Ok(died.into_iter().map(|(name, _)| name).collect())
    }

    /// Ends them: the guardian first, so that it shuts what has to be shut and says so on disk; the vault last, and
    /// in its own time, so that it writes what it has in hand.
    pub fn end(&mut self) {
        if let Some(guardian) = self.running.remove("guardian") {
            leave(guardian);
        }
        let vault = self.running.remove("vault");
        for child in self.running.values_mut() {
            child.kill().ok();
            child.wait().ok();
        }
        super::kill_workers();
        if let Some(vault) = vault {
            leave(vault);
        }
    }

    fn copy(&self, name: &str) -> Result<OwnedFd, String> {
        self.listening[name].try_clone().map_err(error(name))
    }

    /// Connects for a part: none of them may do it itself.
    fn connected(&self, name: &str) -> Result<OwnedFd, String> {
        seqpacket::connect(&socket(&self.plan.state, name)).map_err(error(name))
    }

    fn begin(&mut self, name: &'static str) -> Result<(), String> {
        let mut ready = None;
        let (zone, uid, arguments, fds) = match name {
            "zones" => {
                let (reader, writer) = std::io::pipe().map_err(error("pipe"))?;
                ready = Some(reader);
                let fds = vec![(self.connected("zones-door")?, 3), (writer.into(), 4)];
                (None, None, zones::arguments(), fds)
            }
            "latch" => {
                let arguments = vec!["--folder".into(), latch(&self.plan.state).display().to_string()];
                (Some(zones::NONE), Some(LATCH_UID), arguments, vec![(self.connected("latch-door")?, 3)])
            }
            "guardian" => {
                let (stand_ins, boot) = self.board.begin()?;
                let mut fds = vec![(self.connected("guardian-door")?, 3), (self.copy("guardian-again")?, 4)];
                for (door, number) in GUARDIANS.into_iter().zip(5..) {
                    fds.push((self.copy(door)?, number));
                }
                for (zone, number) in [(zones::NONE, 8), (zones::UPLINK, 9)] {
                    fds.push((namespace(zone)?.into(), number));
                }
                fds.extend(stand_ins);
                let top = self.cgroups.get(1).cloned().unwrap_or_default();
                let arguments = ["--cgroup2", &top, "--boot", &boot].map(str::to_owned).to_vec();
                (Some(zones::OT), None, arguments, fds)
            }
            "vault" => {
                let arguments = vec!["--data".into(), self.plan.state.join("data").display().to_string()];
                let fds = vec![(self.connected("vault-door")?, 3), (self.copy("vault-again")?, 4)];
                (Some(zones::NONE), Some(VAULT_UID), arguments, fds)
            }
            "launcher" => {
                let mut arguments = vec!["--workers".into(), self.plan.workers.display().to_string()];
                arguments.extend(self.cgroups.iter().cloned());
                let fds = vec![(self.connected("launcher-door")?, 3), (self.copy("launcher-again")?, 4)];
                (Some(zones::NONE), None, arguments, fds)
            }
            "ot-connector" => (Some(zones::OT), Some(CONNECTOR_UID), Vec::new(), vec![(self.connected("connector-door")?, 3)]),
            "uplink-listener" => {
                let mut arguments = vec!["--inherited".into(), self.plan.inherited.len().to_string()];
                for address in &self.plan.bind {
                    arguments.extend(["--bind".into(), address.clone()]);
                }
                let mut fds = vec![(self.connected("listener-door")?, 3)];
                for (inherited, number) in self.plan.inherited.iter().zip(4..) {
                    fds.push((inherited.try_clone().map_err(error("listening socket"))?, number));
                }
                (Some(zones::UPLINK), Some(LISTENER_UID), arguments, fds)
            }
            "broker" => {
                let mut fds = Vec::new();
                for (door, number) in DOORS.into_iter().zip(3..) {
                    fds.push((self.copy(door)?, number));
                }
                for (again, number) in AGAIN.into_iter().zip(3 + i32::try_from(DOORS.len()).unwrap_or(0)..) {
                    fds.push((self.connected(again)?, number));
                }
                (Some(zones::NONE), Some(BROKER_UID), Vec::new(), fds)
            }
            other => unreachable!("{other} is no part"),
        };
        let network = match zone {
            Some(zone) => namespace(zone)?,
            None => File::from(os::netns::current().map_err(error("network"))?),
        };
        let path = self.plan.state.join("log").join(format!("{name}.log"));
        let log = File::options().create(true).append(true).open(&path).map_err(error("log"))?;
        let executable = self.plan.executables.join(name);
        let begun =
            start(Start { executable: &executable, arguments: &arguments, fds, network: network.as_fd(), uid, log });
        self.running.insert(name, begun.map_err(error(name))?);
        let mut said = Vec::new();
        if let Some(mut ready) = ready
            && (ready.read_to_end(&mut said).is_err() || said.is_empty())
        {
            let log = fs::read_to_string(&path).unwrap_or_default();
            return Err(format!("the zones are not laid: {}", log.lines().last().unwrap_or("zones said nothing")));
        }
        Ok(())
    }
}

fn namespace(zone: &str) -> Result<File, String> {
    File::open(format!("/run/netns/{zone}")).map_err(error(zone))
}

/// Where the guardian's latch lies.
fn latch(state: &Path) -> PathBuf {
    state.join("latch")
}

/// Asks it to end, and gives it some time.
fn leave(mut part: Child) {
    std::process::Command::new("kill").args(["-TERM", &part.id().to_string()]).status().ok();
    let start = Instant::now();
    while matches!(part.try_wait(), Ok(None)) && start.elapsed() < Duration::from_secs(3) {
        std::thread::sleep(Duration::from_millis(10));
    }
    part.kill().ok();
    part.wait().ok();
}

/// Where a socket lies. `dinlock` connects to the one for admins.
pub fn socket(state: &Path, name: &str) -> PathBuf {
    state.join(format!("{name}.sock"))
}
