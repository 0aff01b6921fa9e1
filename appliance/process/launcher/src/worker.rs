//! The fixed executables, each opened once, and the users that their processes run as.

use crate::cgroup::Made;
use border::launcher::Part;
use os::process::{Executable, Resource, Spawn, Spawned, spawn};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// First and last of the users that workers get.
const UIDS: std::ops::RangeInclusive<u32> = 100_000..=119_999;
/// Open descriptors of a worker, before its own policy narrows it.
const FILES: u64 = 64;

/// The executables.
pub(crate) struct Workers {
    front_ssh: File,
    mediator: File,
    back_ssh: File,
    next_uid: u32,
}

impl Workers {
    /// Opens each once: what starts later is what stood there now.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let open = |name: &str| {
            let path = folder.join(name);
            File::open(&path).map_err(|e| format!("{}: {e}", path.display()))
        };
        // Sessions outlive a launcher: its follower must not begin with the users that they have.
        let mut random = [0; 4];
        os::random(&mut random);
        let next_uid = UIDS.start() + u32::from_le_bytes(random) % (UIDS.end() - UIDS.start() + 1);
        Ok(Self { front_ssh: open("front-ssh")?, mediator: open("mediator")?, back_ssh: open("back-ssh")?, next_uid })
    }

    /// Starts one, as a user that nobody had within the last 10,000 starts.
    pub fn start(&mut self, part: Part, fds: Vec<(OwnedFd, i32)>, cgroup: &Made) -> Result<Spawned, String> {
        let uid = self.next_uid;
        self.next_uid = if uid == *UIDS.end() { *UIDS.start() } else { uid + 1 };
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
