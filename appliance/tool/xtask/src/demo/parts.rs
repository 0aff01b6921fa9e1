//! The box's long-lived processes, each in its zone, joined by the sockets that it may hold.

use super::zones;
use os::process::{Start, start};
use os::seqpacket;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Child;

/// Users of the box's parts on a host that has no static ones: outside the workers' range.
const LISTENER_UID: u32 = 99_001;
const CONNECTOR_UID: u32 = 99_002;
const BROKER_UID: u32 = 99_003;
/// Owns the data folder.
pub const VAULT_UID: u32 = 99_004;

/// What the starter knows.
pub struct Box<'a> {
    /// Folder of the executables.
    pub executables: &'a Path,
    /// State of this demo.
    pub state: &'a Path,
    /// Addresses in the uplink zone on which the listener listens.
    pub bind: &'a [String],
    /// Listening sockets that the starter opened itself.
    pub inherited: Vec<OwnedFd>,
}

/// Running parts by name.
pub type Parts = BTreeMap<&'static str, Child>;

fn error(what: &str) -> impl FnOnce(std::io::Error) -> String + '_ {
    move |e| format!("{what}: {e}")
}

fn network(name: &str) -> Result<File, String> {
    File::open(format!("/run/netns/{name}")).map_err(error(name))
}

fn log(state: &Path, name: &str) -> Result<File, String> {
    let path = state.join("log").join(format!("{name}.log"));
    File::options().create(true).append(true).open(&path).map_err(error("log"))
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

/// Starts all of them; those that began are in `parts` also when a later one did not.
pub fn run(plan: Box<'_>, parts: &mut Parts) -> Result<(), String> {
    let pair = || seqpacket::pair().map_err(error("socketpair"));
    let ((launcher, broker_3), (listener, broker_4)) = (pair()?, pair()?);
    let ((connector, broker_5), (vault, broker_6)) = (pair()?, pair()?);
    let socket = plan.state.join("admin.sock");
    fs::remove_file(&socket).ok();
    let admin = seqpacket::listen(&socket).map_err(error("admin.sock"))?;
    let data = plan.state.join("data");

    let mut begin = |name: &'static str, zone: &str, arguments: Vec<String>, fds: Vec<(OwnedFd, i32)>, uid: Option<u32>| {
        let network = network(zone)?;
        let executable = plan.executables.join(name);
        let begun = start(Start {
            executable: &executable,
            arguments: &arguments,
            fds,
            network: network.as_fd(),
            uid,
            log: log(plan.state, name)?,
        });
        parts.insert(name, begun.map_err(error(name))?);
        Ok::<(), String>(())
    };

    begin("vault", zones::NONE, vec!["--data".into(), data.display().to_string()], vec![(vault, 3)], Some(VAULT_UID))?;
    let mut arguments = vec!["--workers".into(), plan.executables.display().to_string()];
    arguments.extend(cgroups()?);
    begin("launcher", zones::NONE, arguments, vec![(launcher, 3)], None)?;
    begin("ot-connector", zones::OT, Vec::new(), vec![(connector, 3)], Some(CONNECTOR_UID))?;
    let mut arguments = vec!["--inherited".into(), plan.inherited.len().to_string()];
    for address in plan.bind {
        arguments.extend(["--bind".into(), address.clone()]);
    }
    let inherited = plan.inherited.into_iter().zip(4..);
    let descriptors = std::iter::once((listener, 3)).chain(inherited).collect();
    begin("uplink-listener", zones::UPLINK, arguments, descriptors, Some(LISTENER_UID))?;
    let descriptors = vec![(broker_3, 3), (broker_4, 4), (broker_5, 5), (broker_6, 6), (admin, 7)];
    begin("broker", zones::NONE, Vec::new(), descriptors, Some(BROKER_UID))?;
    Ok(())
}
