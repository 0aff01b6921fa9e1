//! One cgroup a front, one a session: limits, and the file that kills all of it.

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
}

fn name(session: bool, number: u64) -> String {
    format!("{}-{number}", if session { "session" } else { "front" })
}

fn put(path: &Path, value: impl ToString) -> Result<(), String> {
    fs::write(path, value.to_string()).map_err(|e| format!("{}: {e}", path.display()))
}

fn open(path: &Path) -> Result<File, String> {
    File::options().write(true).open(path).map_err(|e| format!("{}: {e}", path.display()))
}

impl Cgroups {
    pub fn new(unified: PathBuf, memory: Option<PathBuf>, pids: Option<PathBuf>) -> Self {
        Self { unified, memory, pids }
    }

    fn folders(&self, session: bool, number: u64) -> Vec<PathBuf> {
        let parents = [Some(&self.unified), self.memory.as_ref(), self.pids.as_ref()];
        parents.into_iter().flatten().map(|parent| parent.join(name(session, number))).collect()
    }

    /// Those of an earlier launcher: its sessions may live still.
    pub fn left_over(&self) -> BTreeSet<Of> {
        let entries = fs::read_dir(&self.unified).into_iter().flatten().filter_map(Result::ok);
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter_map(|name| {
            let (kind, number) = name.split_once('-')?;
            let session = match kind {
                "session" => true,
                "front" => false,
                _ => return None,
            };
            Some(Of { session, number: number.parse().ok()? })
        }).collect()
    }

    /// The folder of version 2, in which all others are made.
    pub fn top(&self) -> &Path {
        &self.unified
    }

    /// The users of all processes that live in any of its cgroups: workers of an earlier launcher.
    pub fn users(&self) -> Result<BTreeSet<u32>, String> {
        let fault = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
        let mut users = BTreeSet::new();
        for entry in fs::read_dir(&self.unified).map_err(|e| fault(&self.unified, e))? {
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
        let inner = name(session, number);
        match &self.memory {
            Some(parent) => put(&parent.join(&inner).join("memory.limit_in_bytes"), bytes)?,
            None => put(&self.unified.join(&inner).join("memory.max"), bytes)?,
        }
        let pids = self.pids.as_ref().unwrap_or(&self.unified);
        put(&pids.join(&inner).join("pids.max"), processes)?;
        let procs = folders.iter().map(|folder| open(&folder.join("cgroup.procs"))).collect::<Result<_, _>>()?;
        let kill = open(&self.unified.join(&inner).join("cgroup.kill"))?.into();
        Ok(Made { procs, kill })
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
