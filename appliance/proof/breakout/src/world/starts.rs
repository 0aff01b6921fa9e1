//! Starting what the world holds: the real launcher, its workers, the long-lived parts.

use super::{PATIENCE, Taken, VAULT, World, receive};
use crate::inside::control_number;
use border::launcher::{Part, Reply, Request};
use os::process::{Executable, Resource, Spawn, Start, spawn, start};
use os::seqpacket;
use std::fs::{self, File};
use std::io::PipeWriter;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// Users of the long-lived parts, as the demo gives them.
const LISTENER: u32 = 99_001;
const CONNECTOR: u32 = 99_002;
const BROKER: u32 = 99_003;
const LATCH: u32 = 99_005;
const CONSOLE: u32 = 99_008;
/// A worker's, far from those that the launcher begins with.
const STRANGER: u32 = 119_990;

/// Version 2 alone, or the three hierarchies of a hybrid host.
pub(super) fn parents() -> Vec<(&'static str, &'static str)> {
    if Path::new("/sys/fs/cgroup/memory").exists() {
        let (memory, pids) = ("/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids");
        vec![("--cgroup2", "/sys/fs/cgroup/unified"), ("--memory", memory), ("--pids", pids)]
    } else {
        vec![("--cgroup2", "/sys/fs/cgroup")]
    }
}

/// Version 2 alone gives a cgroup the limits that its parents hand down, as the demo's starter does.
pub(super) fn hand_down_limits(cgroups: &[PathBuf]) {
    if let [alone] = cgroups {
        for folder in alone.ancestors().take(2).collect::<Vec<_>>().into_iter().rev() {
            fs::write(folder.join("cgroup.subtree_control"), "+memory +pids").expect("root hands limits down");
        }
    }
}

/// This executable under every name; the one that attempts execute.
pub(super) fn executables(folder: &Path) -> PathBuf {
    let first = folder.join("outside");
    // Beside the tests of this package: Cargo builds it for them.
    let own = std::env::current_exe().expect("procfs is there");
    let built = own.ancestors().nth(2).expect("target/debug/deps").join("breakout");
    fs::copy(&built, &first).unwrap_or_else(|e| panic!("{}: {e}", built.display()));
    for (name, _) in crate::inside::POLICIES.iter().chain(&[("launcher", "")]) {
        fs::hard_link(&first, folder.join(name)).expect("a name");
    }
    first
}

/// The real launcher, the broker's end of its socket, and the guardian's of the lifeline.
pub(super) fn start_launcher(folder: &Path, cgroups: &[PathBuf], network: &File) -> (Child, OwnedFd, PipeWriter) {
    let workers = folder.join("bin");
    let mut arguments = vec!["--workers".to_owned(), workers.display().to_string()];
    for ((option, _), cgroup) in parents().into_iter().zip(cgroups) {
        arguments.extend([option.to_owned(), cgroup.display().to_string()]);
    }
    let (broker, theirs) = seqpacket::pair().expect("a pair");
    let log = File::options().append(true).open(folder.join("log")).expect("a file");
    let executable = workers.join("launcher");
    let door = folder.join("again");
    fs::remove_file(&door).ok();
    let fds = vec![(theirs, 3), (seqpacket::listen(&door).expect("a socket"), 4)];
    let started = start(Start { executable: &executable, arguments: &arguments, fds, network: network.as_fd(), uid: None, log });
    let (lifeline, guardian) = std::io::pipe().expect("a pipe");
    let fds = [lifeline.as_fd()];
    seqpacket::send(broker.as_fd(), &codec::encode(&Request::Lifeline), &fds).expect("the launcher takes it");
    (started.expect("the launcher starts"), broker, guardian)
}

pub(super) fn user(pid: i32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:")).expect("a status has it");
    line.split_whitespace().next().and_then(|uid| uid.parse().ok()).expect("a number")
}

pub(super) fn sleeper() -> Child {
    Command::new("sleep").arg("60").spawn().expect("sleep runs")
}

impl World {
    pub(super) fn ask(&self, request: &Request) {
        seqpacket::send(self.broker.as_fd(), &codec::encode(request), &[]).expect("the launcher lives");
    }

    pub(super) fn reply(&self) -> (Reply, Vec<OwnedFd>) {
        let (bytes, fds) = receive(&self.broker, PATIENCE).unwrap_or_else(|| panic!("the launcher is silent: {}", self.log()));
        (codec::decode(&bytes).expect("a reply"), fds)
    }

    pub(super) fn start_worker(&mut self, part: Part) -> Taken {
        let number = self.next;
        self.next += 1;
        let request = match part {
            Part::FrontSsh => Request::StartFront { worker: number },
            Part::Mediator | Part::BackSsh => Request::StartSession { session: number },
        };
        self.ask(&request);
        let (reply, mut fds) = loop {
            let (reply, fds) = self.reply();
            // The ends of earlier ones.
            if !matches!(reply, Reply::Exited { .. } | Reply::Beat) {
                break (reply, fds);
            }
        };
        match (&reply, part) {
            (Reply::SessionStarted { mediator, .. }, Part::Mediator) if self.victim.is_none() => {
                self.facts.victim = i32::try_from(*mediator).expect("a pid");
            }
            (Reply::SessionStarted { .. }, Part::Mediator | Part::BackSsh) => {}
            (Reply::FrontStarted { pid, .. }, Part::FrontSsh) => self.newest = i32::try_from(*pid).expect("a pid"),
            _ => panic!("{reply:?}: {}", self.log()),
        }
        // A session's `cgroup.events` come after its `cgroup.kill`.
        let _events = if part == Part::FrontSsh { None } else { fds.pop() };
        let kill = fds.pop();
        let control = fds.swap_remove(usize::from(part == Part::BackSsh));
        Taken { control, number, part: Some(part), child: None, spawned: None, kill, _others: fds }
    }

    /// All that the launcher does for a worker, but its own sandbox to inherit.
    pub(super) fn start_stranger(&self) -> Taken {
        let (control, theirs) = seqpacket::pair().expect("a pair");
        let executable = File::open(&self.facts.executable).expect("it is there");
        let spawned = spawn(Spawn {
            executable: Executable::File(executable.as_fd()),
            arguments: &["stranger"],
            fds: vec![(theirs, 3)],
            uid: STRANGER,
            gid: STRANGER,
            cgroup_procs: Vec::new(),
            namespaces: true,
            limits: vec![(Resource::Files, 64)],
            parent_death_signal: Some(9),
        });
        let spawned = Some(spawned.expect("it starts"));
        Taken { control, number: 0, part: None, child: None, spawned, kill: None, _others: Vec::new() }
    }

    pub(super) fn start_part(&self, name: &str) -> Taken {
        let (control, theirs) = seqpacket::pair().expect("a pair");
        let mut fds = vec![(theirs, control_number(name))];
        // What else the demo's starter gives them.
        let listening: &[i32] = match name {
            "broker" => &[3, 4, 5, 6, 7, 8, 9],
            // A socket in the place of the terminal.
            "console" => &[3],
            "vault" | "taken-launcher" => &[4],
            "guardian" => &[4, 5, 6, 7],
            _ => &[],
        };
        for number in listening {
            let door = self.folder.join(format!("door-{number}"));
            fs::remove_file(&door).ok();
            fds.push((seqpacket::listen(&door).expect("a socket"), *number));
        }
        let (ours, theirs) = seqpacket::pair().expect("a pair");
        match name {
            "broker" => fds.push((theirs, 11)),
            "guardian" => fds.extend([8, 9].map(|number| (self.empty.try_clone().expect("a namespace").into(), number))),
            "console" => fds.push((theirs, 5)),
            _ => {}
        }
        let uid = match name {
            "uplink-listener" => Some(LISTENER),
            "ot-connector" => Some(CONNECTOR),
            "broker" => Some(BROKER),
            "console" => Some(CONSOLE),
            "vault" => Some(VAULT),
            "latch" => Some(LATCH),
            _ => None,
        };
        let network = if self.lives_in_zone(name) { &self.zone } else { &self.empty };
        let log = File::options().append(true).open(self.folder.join("log")).expect("a file");
        let executable = self.folder.join("bin").join(name);
        let child = start(Start { executable: &executable, arguments: &[], fds, network: network.as_fd(), uid, log });
        Taken { control, number: 0, part: None, child: Some(child.expect(name)), spawned: None, kill: None, _others: vec![ours] }
    }

    /// Exit code and signal of a worker, as the launcher tells them.
    pub(super) fn worker_ended(&self, taken: &Taken) -> (Option<i32>, Option<i32>) {
        loop {
            let (reply, _) = self.reply();
            let Reply::Exited { number, part, status } = reply else {
                assert_eq!(reply, Reply::Beat);
                continue;
            };
            if number != taken.number || Some(part) != taken.part {
                continue;
            }
            let status = i32::try_from(status).expect("a status");
            return if status < 256 { (Some(status), None) } else { (None, Some(status - 256)) };
        }
    }
}
