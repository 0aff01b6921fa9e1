//! One cgroup a front, one a session: limits, and the file that kills all of it.
//!
//! They lie in `fronts/N` and `sessions/N`, so that one `cgroup.kill` ends all fronts, and one all sessions.

use crate::spares::Of;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Bytes of memory and processes of a front.
const FRONT: (u64, u32) = (64 << 20, 8);
/// The same for a session: mediator and back.
const SESSION: (u64, u32) = (128 << 20, 16);

/// Where cgroups are made. On a hybrid host limits are version 1, killing is version 2.
pub(crate) struct Cgroups {
    unified: PathBuf,
    memory: Option<PathBuf>,
    pids: Option<PathBuf>,
}

/// A fresh cgroup.
pub(crate) struct Made {
    /// Opened `cgroup.procs` of each hierarchy.
    pub procs: Vec<File>,
    /// Opened `cgroup.kill`.
    pub kill: OwnedFd,
    /// Opened `cgroup.events`.
    pub events: OwnedFd,
}

/// The folder of each kind, below each given one.
const TREES: [(bool, &str); 2] = [(false, "fronts"), (true, "sessions")];

fn tree(session: bool) -> &'static str {
    TREES[usize::from(session)].1
}

fn put(path: &Path, value: impl ToString) -> Result<(), String> {
    fs::write(path, value.to_string()).map_err(|e| format!("{}: {e}", path.display()))
}

fn open(path: &Path) -> Result<File, String> {
    File::options().write(true).open(path).map_err(|e| format!("{}: {e}", path.display()))
}

impl Cgroups {
    /// With the trees of fronts and of sessions: the starter makes them, and what is missing is made here.
    ///
    /// # Errors
    /// The kernel's, with the folder.
    pub fn new(unified: PathBuf, memory: Option<PathBuf>, pids: Option<PathBuf>) -> Result<Self, String> {
        let made = Self { unified, memory, pids };
        for ((_, tree), parent) in TREES.iter().flat_map(|tree| made.parents().map(move |parent| (tree, parent))) {
            let folder = parent.join(tree);
            match fs::create_dir(&folder) {
                Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(format!("{}: {e}", folder.display())),
                Ok(()) | Err(_) => {}
            }
            // Where version 2 is all there is, a cgroup has the limits that its parents hand down.
            if made.memory.is_none() && made.pids.is_none() {
                put(&folder.join("cgroup.subtree_control"), "+memory +pids")?;
            }
        }
        Ok(made)
    }

    fn parents(&self) -> impl Iterator<Item = &PathBuf> {
        [Some(&self.unified), self.memory.as_ref(), self.pids.as_ref()].into_iter().flatten()
    }

    fn folders(&self, session: bool, number: u64) -> Vec<PathBuf> {
        self.parents().map(|parent| parent.join(tree(session)).join(number.to_string())).collect()
    }

    /// Those of an earlier launcher: its sessions may live still.
    pub fn left_over(&self) -> BTreeSet<Of> {
        let mut found = BTreeSet::new();
        for (session, tree) in TREES {
            let entries = fs::read_dir(self.unified.join(tree)).into_iter().flatten().filter_map(Result::ok);
            let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
            found.extend(names.filter_map(|name| Some(Of { session, number: name.parse().ok()? })));
        }
        found
    }

    /// The folder of version 2, in which all others are made.
    pub fn top(&self) -> &Path {
        &self.unified
    }

    /// The users of all processes that live in any of its cgroups: workers of an earlier launcher.
    pub fn users(&self) -> Result<BTreeSet<u32>, String> {
        let fault = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
        let mut users = BTreeSet::new();
        let trees = TREES.map(|(_, tree)| self.unified.join(tree));
        let entries = trees.iter().map(|tree| fs::read_dir(tree).map_err(|e| fault(tree, e)));
        for entry in entries.collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
            let path = entry.map_err(|e| fault(&self.unified, e))?.path();
            if !path.is_dir() {
                continue;
            }
            let procs = path.join("cgroup.procs");
            let pids = match fs::read_to_string(&procs) {
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue, // removed meanwhile
                other => other.map_err(|e| fault(&procs, e))?,
            };
            for pid in pids.lines() {
                // One that has ended meanwhile has no user.
                let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
                let user = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().next()?.parse().ok());
                users.insert(user.ok_or_else(|| format!("/proc/{pid}/status names no user"))?);
            }
        }
        Ok(users)
    }

    /// Makes it with its limits. A limit that can't be set is an error.
    pub fn make(&self, session: bool, number: u64) -> Result<Made, String> {
        let (bytes, processes) = if session { SESSION } else { FRONT };
        let folders = self.folders(session, number);
        // An earlier launcher may have left an empty one; one that still lives is an error below.
        self.remove(session, number)?;
        for folder in &folders {
            fs::create_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        }
        let inner = Path::new(tree(session)).join(number.to_string());
        match &self.memory {
            Some(parent) => put(&parent.join(&inner).join("memory.limit_in_bytes"), bytes)?,
            None => put(&self.unified.join(&inner).join("memory.max"), bytes)?,
        }
        let pids = self.pids.as_ref().unwrap_or(&self.unified);
        put(&pids.join(&inner).join("pids.max"), processes)?;
        let procs = folders.iter().map(|folder| open(&folder.join("cgroup.procs"))).collect::<Result<_, _>>()?;
        let kill = open(&self.unified.join(&inner).join("cgroup.kill"))?.into();
        let path = self.unified.join(&inner).join("cgroup.events");
        let events = File::open(&path).map_err(|e| format!("{}: {e}", path.display()))?.into();
        Ok(Made { procs, kill, events })
    }

    /// Kills everything in it.
    pub fn kill(&self, made: &Made) -> Result<(), String> {
        let file = made.kill.try_clone().map(File::from);
        file.and_then(|mut file| file.write_all(b"1")).map_err(|e| format!("cgroup.kill: {e}"))
    }

    /// Removes it; one that is not there is as good.
    pub fn remove(&self, session: bool, number: u64) -> Result<(), String> {
        for folder in self.folders(session, number) {
            match fs::remove_dir(&folder) {
                Ok(()) => {}
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(format!("{}: {e}", folder.display())),
            }
        }
        Ok(())
    }
}
