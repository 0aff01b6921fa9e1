//! Starts the fixed workers: a front for a connection, mediator and back for a session.
//!
//! It must never decide who may work, run anything but its fixed executables, or hold a network
//! descriptor: the handover ends that it makes go to the worker and to the broker at once. Proof:
//! `tests/start.rs`.

mod cgroup;
mod worker;

use border::launcher::{Part, Phase, REQUESTS, Reply, Request};
use border::{Guard, Line, MESSAGE_BYTES_MAX};
use cgroup::Cgroups;
use entry::{Descriptors, Process};
use os::poll::{Poll, Ready};
use os::process::{Status, reap};
use os::seqpacket;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use worker::Workers;

/// Fronts that live at once.
pub const FRONTS_MAX: usize = 64;
/// Sessions that live at once.
pub const SESSIONS_MAX: usize = 256;
const BROKER: u64 = u64::MAX;

/// The whole process.
pub fn run() -> ExitCode {
    entry::run(Process { name: "launcher", policy: include_str!("../sandbox.policy") }, prepare, serve)
}

/// Both control ends of a living session, for a broker that comes back.
struct Spare {
    mediator_pid: u32,
    back_pid: u32,
    fds: Vec<OwnedFd>,
}

struct Child {
    number: u64,
    part: Part,
    pidfd: OwnedFd,
}

struct Launcher {
    broker: OwnedFd,
    poll: Poll,
    cgroups: Cgroups,
    workers: Workers,
    children: BTreeMap<i32, Child>,
    spares: BTreeMap<u64, Spare>,
}

fn prepare(descriptors: &mut Descriptors) -> Result<Launcher, String> {
    let mut options = BTreeMap::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if !["--workers", "--cgroup2", "--memory", "--pids"].contains(&name.as_str()) {
            return Err(format!("there is no option {name}; --workers, --cgroup2, --memory and --pids are known"));
        }
        let value = arguments.next().ok_or_else(|| format!("{name} takes a folder"))?;
        options.insert(name, value);
    }
    let folder = |name: &str| options.get(name).map(std::path::PathBuf::from);
    let needed = |name: &str| folder(name).ok_or_else(|| format!("{name} FOLDER is missing"));
    let launcher = Launcher {
        broker: descriptors.take("broker"),
        poll: Poll::new().map_err(|e| e.to_string())?,
        cgroups: Cgroups::new(needed("--cgroup2")?, folder("--memory"), folder("--pids")),
        workers: Workers::open(&needed("--workers")?)?,
        children: BTreeMap::new(),
        spares: BTreeMap::new(),
    };
    launcher.poll.add(&launcher.broker, BROKER, true, false).map_err(|e| e.to_string())?;
    Ok(launcher)
}

fn serve(mut launcher: Launcher) -> ExitCode {
    match launcher.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("launcher: {why}");
            ExitCode::FAILURE
        }
    }
}

impl Launcher {
    /// Serves until the broker is gone; living sessions go on without us.
    fn run(&mut self) -> Result<(), String> {
        let mut ready: Vec<Ready> = Vec::new();
        let mut guard = Guard::new(REQUESTS, Phase::Open);
        loop {
            self.poll.wait(&mut ready, None).map_err(|e| format!("epoll: {e}"))?;
            for event in &ready {
                if event.token != BROKER {
                    self.ended()?;
                } else if !self.request(&mut guard)? {
                    return Ok(());
                }
            }
        }
    }

    fn reply(&self, reply: &Reply, fds: &[OwnedFd]) -> Result<(), String> {
        let borrowed: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
        seqpacket::send(self.broker.as_fd(), &codec::encode(reply), &borrowed).map_err(|e| format!("the broker does not listen: {e}"))
    }

    /// False when the broker is gone.
    fn request(&mut self, guard: &mut Guard<Phase>) -> Result<bool, String> {
        let mut buffer = [0; MESSAGE_BYTES_MAX];
        let received = seqpacket::recv(self.broker.as_fd(), &mut buffer).map_err(|e| format!("the broker's socket: {e}"))?;
        if received.len == 0 {
            return Ok(false);
        }
        let request: Request = codec::decode(&buffer[..received.len]).map_err(|e| format!("from the broker: {e}"))?;
        guard.pass(request.name()).map_err(|e| e.to_string())?;
        match request {
            Request::StartFront { worker } => self.start_front(worker)?,
            Request::StartSession { session } => self.start_session(session)?,
            Request::Adopt => {
                for (&session, spare) in &self.spares {
                    let living = Reply::SessionStarted { session, mediator: spare.mediator_pid, back: spare.back_pid };
                    self.reply(&living, &spare.fds)?;
                }
                self.reply(&Reply::AdoptDone, &[])?;
            }
        }
        Ok(true)
    }

    fn living(&self, part: Part) -> usize {
        self.children.values().filter(|child| child.part == part).count()
    }

    fn not_started(&self, number: u64, session: bool, why: &str) -> Result<(), String> {
        if let Err(e) = self.cgroups.remove(session, number) {
            eprintln!("launcher: cgroup of {number}: {e}");
        }
        self.reply(&Reply::StartFailed { number, session, why: Line::cut(why) }, &[])
    }

    fn start_front(&mut self, worker: u64) -> Result<(), String> {
        if self.living(Part::FrontSsh) >= FRONTS_MAX {
            return self.not_started(worker, false, "too many fronts live");
        }
        match self.front(worker) {
            Ok((pid, fds)) => self.reply(&Reply::FrontStarted { worker, pid }, &fds),
            Err(why) => self.not_started(worker, false, &why),
        }
    }

    /// Descriptors: control, handover, secrets, kill.
    fn front(&mut self, worker: u64) -> Result<(u32, Vec<OwnedFd>), String> {
        let cgroup = self.cgroups.make(false, worker)?;
        let (mut inner, mut outer) = (Vec::new(), Vec::new());
        for number in 3..=5 {
            let (ours, theirs) = pair()?;
            outer.push(ours);
            inner.push((theirs, number));
        }
        let pid = self.begin(worker, Part::FrontSsh, inner, &cgroup)?;
        outer.push(cgroup.kill);
        Ok((pid, outer))
    }

    fn start_session(&mut self, session: u64) -> Result<(), String> {
        if self.living(Part::Mediator) >= SESSIONS_MAX {
            return self.not_started(session, true, "too many sessions live");
        }
        match self.session(session) {
            Ok((mediator, back, fds)) => self.reply(&Reply::SessionStarted { session, mediator, back }, &fds),
            Err(why) => self.not_started(session, true, &why),
        }
    }

    /// Descriptors: mediator control, back control, handover, secrets, record, stream, kill.
    fn session(&mut self, session: u64) -> Result<(u32, u32, Vec<OwnedFd>), String> {
        let cgroup = self.cgroups.make(true, session)?;
        let (control, mediator_3) = pair()?;
        let (stream, mediator_4) = pair()?;
        // This pair joins the two; nobody else ever holds an end.
        let (mediator_5, back_6) = pair()?;
        let (record, mediator_6) = pair()?;
        let (back_control, back_3) = pair()?;
        let (handover, back_4) = pair()?;
        let (secrets, back_5) = pair()?;
        let spare = |fd: &OwnedFd| fd.try_clone().map_err(|e| format!("spare end: {e}"));
        let spares = vec![spare(&control)?, spare(&back_control)?, spare(&cgroup.kill)?];
        let for_mediator = vec![(mediator_3, 3), (mediator_4, 4), (mediator_5, 5), (mediator_6, 6)];
        let mediator = self.begin(session, Part::Mediator, for_mediator, &cgroup)?;
        let for_back = vec![(back_3, 3), (back_4, 4), (back_5, 5), (back_6, 6)];
        let back = match self.begin(session, Part::BackSsh, for_back, &cgroup) {
            Ok(back) => back,
            Err(why) => {
                self.cgroups.kill(&cgroup)?;
                self.forget(mediator)?;
                return Err(why);
            }
        };
        self.spares.insert(session, Spare { mediator_pid: mediator, back_pid: back, fds: spares });
        Ok((mediator, back, vec![control, back_control, handover, secrets, record, stream, cgroup.kill]))
    }

    fn begin(&mut self, number: u64, part: Part, fds: Vec<(OwnedFd, i32)>, cgroup: &cgroup::Made) -> Result<u32, String> {
        let spawned = self.workers.start(part, fds, cgroup)?;
        let token = u64::try_from(spawned.pid).map_err(|_| "a pid is positive".to_owned())?;
        self.poll.add(&spawned.pidfd, token, true, false).map_err(|e| format!("epoll: {e}"))?;
        self.children.insert(spawned.pid, Child { number, part, pidfd: spawned.pidfd });
        u32::try_from(spawned.pid).map_err(|_| "a pid is positive".to_owned())
    }

    /// Reaps a killed worker of a start that failed: the broker never hears of it.
    fn forget(&mut self, pid: u32) -> Result<(), String> {
        let child = i32::try_from(pid).ok().and_then(|pid| self.children.remove_entry(&pid));
        if let Some((pid, child)) = child {
            self.poll.remove(&child.pidfd).ok();
            os::process::wait(pid).map_err(|e| format!("wait: {e}"))?;
        }
        Ok(())
    }

    fn ended(&mut self) -> Result<(), String> {
        for (pid, status) in reap().map_err(|e| format!("wait: {e}"))? {
            let Some(child) = self.children.remove(&pid) else { continue };
            self.poll.remove(&child.pidfd).ok();
            let status = match status {
                Status::Exited(code) => u32::try_from(code).unwrap_or(255),
                Status::Killed(signal) => 256 + u32::try_from(signal).unwrap_or(0),
            };
            let session = child.part != Part::FrontSsh;
            let last = !self.children.values().any(|c| c.number == child.number && (c.part != Part::FrontSsh) == session);
            if last {
                self.spares.retain(|number, _| !session || *number != child.number);
                if let Err(why) = self.cgroups.remove(session, child.number) {
                    eprintln!("launcher: cgroup of {}: {why}", child.number);
                }
            }
            self.reply(&Reply::Exited { number: child.number, part: child.part, status }, &[])?;
        }
        Ok(())
    }
}

fn pair() -> Result<(OwnedFd, OwnedFd), String> {
    seqpacket::pair().map_err(|e| format!("socketpair: {e}"))
}
