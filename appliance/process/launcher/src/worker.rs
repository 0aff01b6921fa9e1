//! The fixed executables, each opened once, and the users that their processes run as.

use crate::cgroup::{Cgroups, Made};
use crate::uids::Uids;
use border::launcher::Part;
use os::process::{Executable, Resource, Spawn, Spawned, spawn};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Where the cgroup folder says whose turn it is, for the next launcher of this boot.
const MARK: &std::ffi::CStr = c"user.dinlock.next-worker";
/// Open descriptors of a worker, before its own policy narrows it.
const FILES: u64 = 64;

/// The executables.
pub(crate) struct Workers {
    front_ssh: File,
    mediator: File,
    back_ssh: File,
    uids: Uids,
    /// By the number of the process.
    living: BTreeMap<i32, u32>,
    /// The cgroup folder that carries the mark.
    marked: File,
}

impl Workers {
    /// Opens each once: what starts later is what stood there now.
    /// Goes on with the users where the last launcher stopped, and passes over those that live.
    pub fn open(folder: &Path, cgroups: &Cgroups) -> Result<Self, String> {
        let open = |name: &str| {
            let path = folder.join(name);
            File::open(&path).map_err(|e| format!("{}: {e}", path.display()))
        };
        let top = cgroups.top();
        let mend = |e: String| format!("{} in {}: {e}; remove it while no worker lives", MARK.to_string_lossy(), top.display());
        let marked = File::open(top).map_err(|e| format!("{}: {e}", top.display()))?;
        let mark = os::mark::get(marked.as_fd(), MARK).map_err(|e| mend(e.to_string()))?;
        let uids = Uids::new(mark.as_deref(), cgroups.users()?).map_err(mend)?;
        let (front_ssh, mediator, back_ssh) = (open("front-ssh")?, open("mediator")?, open("back-ssh")?);
        Ok(Self { front_ssh, mediator, back_ssh, uids, living: BTreeMap::new(), marked })
    }

    /// Its user is free again, in its turn.
    pub fn ended(&mut self, pid: i32) {
        if let Some(uid) = self.living.remove(&pid) {
            self.uids.ended(uid);
        }
    }

    /// Starts one, as a user that nobody has, nor had within the last 10,000 starts of this boot.
    pub fn start(&mut self, part: Part, fds: Vec<(OwnedFd, i32)>, cgroup: &Made) -> Result<Spawned, String> {
        let uid = self.uids.take().ok_or("every user lives")?;
        let marked = os::mark::set(self.marked.as_fd(), MARK, self.uids.mark().as_bytes());
        let started = marked.map_err(|e| format!("the mark of users: {e}")).and_then(|()| self.start_as(uid, part, fds, cgroup));
        match &started {
            Ok(spawned) => drop(self.living.insert(spawned.pid, uid)),
            Err(_) => self.uids.ended(uid),
        }
        started
    }

    fn start_as(&self, uid: u32, part: Part, fds: Vec<(OwnedFd, i32)>, cgroup: &Made) -> Result<Spawned, String> {
        let (file, name) = match part {
            Part::FrontSsh => (&self.front_ssh, "front-ssh"),
            Part::Mediator => (&self.mediator, "mediator"),
            Part::BackSsh => (&self.back_ssh, "back-ssh"),
        };
        let spawned = spawn(Spawn {
            executable: Executable::File(file.as_fd()),
            arguments: &[name],
            fds,
            uid,
            gid: uid,
            cgroup_procs: cgroup.procs.iter().map(AsFd::as_fd).collect(),
            namespaces: true,
            limits: vec![(Resource::Files, FILES), (Resource::Core, 0)],
            parent_death_signal: None,
        });
        spawned.map_err(|e| format!("{name}: {e}"))
    }
}
