//! The box's long-lived processes, each in its zone, joined by the sockets that it may hold. What
//! dies is started again.

use super::zones;
use os::process::{Start, start};
use os::seqpacket;
use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
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

/// A part that dies more often than this within [`OFTEN_WITHIN`] ends the demo.
const OFTEN: usize = 8;
const OFTEN_WITHIN: Duration = Duration::from_secs(20);

/// In the order in which they start.
const ORDER: [&str; 5] = ["vault", "launcher", "ot-connector", "uplink-listener", "broker"];
/// The broker's doors, in the order of its descriptors from 3 on.
const DOORS: [&str; 5] = ["launcher-door", "listener-door", "connector-door", "vault-door", "admin"];
/// Where parts that outlive a broker wait for the next one.
const AGAIN: [&str; 2] = ["launcher-again", "vault-again"];

/// What the starter knows.
pub struct Plan {
    /// Folder of the executables.
    pub executables: PathBuf,
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
        fs::create_dir_all(&folder).map_err(error("cgroup"))?;
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
        fs::write("/sys/fs/cgroup/dinlock/cgroup.subtree_control", "+memory +pids").map_err(error("cgroup"))?;
    }
    Ok(arguments)
}

impl Parts {
    /// Opens the sockets on which they find each other; nothing runs yet.
    pub fn prepare(plan: Plan) -> Result<Self, String> {
        let mut listening = BTreeMap::new();
        for name in DOORS.into_iter().chain(AGAIN) {
            let path = socket(&plan.state, name);
            fs::remove_file(&path).ok();
            listening.insert(name, seqpacket::listen(&path).map_err(error(name))?);
        }
        let cgroups = cgroups()?;
        Ok(Self { plan, listening, cgroups, running: BTreeMap::new(), deaths: VecDeque::new() })
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

    /// Ends them: the vault last, and in its own time, so that it writes what it has in hand.
    pub fn end(&mut self) {
        let vault = self.running.remove("vault");
        for child in self.running.values_mut() {
            child.kill().ok();
            child.wait().ok();
        }
        super::kill_workers();
        if let Some(mut vault) = vault {
            std::process::Command::new("kill").args(["-TERM", &vault.id().to_string()]).status().ok();
            let start = Instant::now();
            while matches!(vault.try_wait(), Ok(None)) && start.elapsed() < Duration::from_secs(3) {
                std::thread::sleep(Duration::from_millis(10));
            }
            vault.kill().ok();
            vault.wait().ok();
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
        let (zone, uid, arguments, fds) = match name {
            "vault" => {
                let arguments = vec!["--data".into(), self.plan.state.join("data").display().to_string()];
                let fds = vec![(self.connected("vault-door")?, 3), (self.copy("vault-again")?, 4)];
                (zones::NONE, Some(VAULT_UID), arguments, fds)
            }
            "launcher" => {
                let mut arguments = vec!["--workers".into(), self.plan.executables.display().to_string()];
                arguments.extend(self.cgroups.iter().cloned());
                let fds = vec![(self.connected("launcher-door")?, 3), (self.copy("launcher-again")?, 4)];
                (zones::NONE, None, arguments, fds)
            }
            "ot-connector" => (zones::OT, Some(CONNECTOR_UID), Vec::new(), vec![(self.connected("connector-door")?, 3)]),
            "uplink-listener" => {
                let mut arguments = vec!["--inherited".into(), self.plan.inherited.len().to_string()];
                for address in &self.plan.bind {
                    arguments.extend(["--bind".into(), address.clone()]);
                }
                let mut fds = vec![(self.connected("listener-door")?, 3)];
                for (inherited, number) in self.plan.inherited.iter().zip(4..) {
                    fds.push((inherited.try_clone().map_err(error("listening socket"))?, number));
                }
                (zones::UPLINK, Some(LISTENER_UID), arguments, fds)
            }
            "broker" => {
                let mut fds = Vec::new();
                for (door, number) in DOORS.into_iter().zip(3..) {
                    fds.push((self.copy(door)?, number));
                }
                fds.push((self.connected("launcher-again")?, 8));
                fds.push((self.connected("vault-again")?, 9));
                (zones::NONE, Some(BROKER_UID), Vec::new(), fds)
            }
            other => unreachable!("{other} is no part"),
        };
        let network = File::open(format!("/run/netns/{zone}")).map_err(error(zone))?;
        let path = self.plan.state.join("log").join(format!("{name}.log"));
        let log = File::options().create(true).append(true).open(&path).map_err(error("log"))?;
        let executable = self.plan.executables.join(name);
        let begun =
            start(Start { executable: &executable, arguments: &arguments, fds, network: network.as_fd(), uid, log });
        self.running.insert(name, begun.map_err(error(name))?);
        Ok(())
    }
}

/// Where a socket lies. `dinlock` connects to the one for admins.
pub fn socket(state: &Path, name: &str) -> PathBuf {
    state.join(format!("{name}.sock"))
}
