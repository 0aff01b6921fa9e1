//! Starts the fixed workers: a front for a connection, mediator and back for a session.
//!
//! It must never decide who may work, run anything but its fixed executables, or hold a network
//! descriptor: the handover ends that it makes go to the worker and to the broker at once. Proof:
//! `tests/start.rs`; taken over, `proof/breakout/tests/launcher.rs`.

mod cgroup;
mod confine;
mod spares;
pub mod uids;
mod worker;

use border::launcher::{Note, Part, Phase, REQUESTS, Reply, Request};
use border::{Guard, Line, MESSAGE_BYTES_MAX};
use cgroup::Cgroups;
pub use confine::confine;
use entry::{Descriptors, Process};
use os::poll::{Poll, Ready};
use os::process::{Status, reap};
use os::seqpacket;
use spares::{Of, Spares};
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use worker::Workers;

/// Sessions that live at once: the broker's own bound.
pub const SESSIONS_MAX: usize = 256;
/// Fronts that live at once: one a session, 20 in which nobody has logged in (the broker's bound on
/// them), and as many again of people at their menus, or who are just being told no.
pub const FRONTS_MAX: usize = SESSIONS_MAX + 40;
const BROKER: u64 = u64::MAX;
const AGAIN: u64 = u64::MAX - 1;
/// How often the broker hears of it.
const BEAT: Duration = Duration::from_millis(border::guardian::BEAT_MS);
/// How often the folder of a cgroup in which something still lives is tried again.
const LEAVING: Duration = Duration::from_secs(1);

/// The whole process.
pub fn run() -> ExitCode {
    entry::run(Process { name: "launcher", policy: include_str!("../sandbox.policy") }, prepare, serve)
}

struct Child {
    number: u64,
    part: Part,
    pidfd: OwnedFd,
}

impl Child {
    fn of(&self) -> Of {
        Of { session: self.part != Part::FrontSsh, number: self.number }
    }
}

struct Launcher {
    /// None while one is awaited.
    broker: Option<OwnedFd>,
    /// Where a broker comes back. Without it, the launcher ends with its broker.
    again: Option<OwnedFd>,
    guard: Guard<Phase>,
    poll: Poll,
    cgroups: Cgroups,
    workers: Workers,
    children: BTreeMap<i32, Child>,
    spares: Spares,
    /// Ends when the guardian does: each mediator gets a copy.
    lifeline: Option<OwnedFd>,
    /// When the broker hears of it next.
    beat_at: Instant,
    /// Cgroups whose folders could not be removed yet.
    leaving: BTreeSet<Of>,
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
    let (executables, unified) = (needed("--workers")?, needed("--cgroup2")?);
    let places: Vec<_> = [Some(unified.clone()), folder("--memory"), folder("--pids")].into_iter().flatten().collect();
    confine(descriptors, &executables, &places)?;
    let cgroups = Cgroups::new(unified, folder("--memory"), folder("--pids"))?;
    let leaving = cgroups.left_over();
    let launcher = Launcher {
        broker: Some(descriptors.take("broker")),
        again: descriptors.take_optional("again"),
        guard: Guard::new(REQUESTS, Phase::Open),
        poll: Poll::new().map_err(|e| e.to_string())?,
        workers: Workers::open(&executables, &cgroups)?,
        cgroups,
        children: BTreeMap::new(),
        spares: Spares::default(),
        lifeline: None,
        beat_at: Instant::now(),
        leaving,
    };
    for (fd, token) in [(&launcher.broker, BROKER), (&launcher.again, AGAIN)] {
        if let Some(fd) = fd {
            launcher.poll.add(fd, token, true, false).map_err(|e| e.to_string())?;
        }
    }
    if let Some(again) = &launcher.again {
        seqpacket::set_nonblocking(again.as_fd(), true).map_err(|e| e.to_string())?;
    }
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
    /// Serves until the broker is gone and none can come again; living sessions go on without us.
    fn run(&mut self) -> Result<(), String> {
        let mut ready: Vec<Ready> = Vec::new();
        loop {
            self.beat();
            let leaving = (!self.leaving.is_empty()).then_some(LEAVING);
            let beat = self.broker.as_ref().map(|_| self.beat_at.saturating_duration_since(Instant::now()));
            self.poll.wait(&mut ready, leaving.into_iter().chain(beat).min()).map_err(|e| format!("epoll: {e}"))?;
            for event in &ready {
                match event.token {
                    AGAIN => self.broker_again()?,
                    BROKER => {
                        if !self.hear_broker()? {
                            return Ok(());
                        }
                    }
                    _ => self.ended()?,
                }
            }
            self.clear_away();
        }
    }

    /// Says that this loop turns. A broker that does not read is waited for by nobody, least of all here.
    fn beat(&mut self) {
        let (now, Some(broker)) = (Instant::now(), &self.broker) else { return };
        if self.beat_at <= now {
            self.beat_at = now + BEAT;
            // A full socket will say later that it lives; the end of one shows itself where messages are received.
            seqpacket::offer(broker.as_fd(), &codec::encode(&Reply::Beat)).ok();
        }
    }

    /// A restarted broker: the newest counts, and whoever it replaces is gone.
    fn broker_again(&mut self) -> Result<(), String> {
        let Some(again) = &self.again else { return Ok(()) };
        let Ok(broker) = seqpacket::accept(again.as_fd()) else { return Ok(()) };
        self.broker_gone();
        self.poll.add(&broker, BROKER, true, false).map_err(|e| format!("epoll: {e}"))?;
        self.guard = Guard::new(REQUESTS, Phase::Open);
        self.broker = Some(broker);
        Ok(())
    }

    fn broker_gone(&mut self) {
        if let Some(old) = self.broker.take() {
            self.poll.remove(&old).ok();
        }
    }

    /// A broker that is gone, or breaks its border, is waited for. False if none can come.
    fn hear_broker(&mut self) -> Result<bool, String> {
        match self.request() {
            Ok(true) => Ok(true),
            Ok(false) if self.again.is_some() => {
                self.broker_gone();
                Ok(true)
            }
            Err(why) if self.again.is_some() => {
                eprintln!("launcher: {why}");
                self.broker_gone();
                Ok(true)
            }
            other => other,
        }
    }

    /// To a broker that is gone nothing is said: its follower asks for what lives.
    fn reply(&self, reply: &Reply, fds: &[OwnedFd]) -> Result<(), String> {
        let Some(broker) = &self.broker else { return Ok(()) };
        let borrowed: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
        match seqpacket::send(broker.as_fd(), &codec::encode(reply), &borrowed) {
            // Its end shows itself where messages are received.
            Err(_) if self.again.is_some() => Ok(()),
            other => other.map_err(|e| format!("the broker does not listen: {e}")),
        }
    }

    /// False when the broker is gone.
    fn request(&mut self) -> Result<bool, String> {
        let Some(broker) = &self.broker else { return Ok(true) };
        let mut buffer = [0; MESSAGE_BYTES_MAX];
        let received = seqpacket::recv(broker.as_fd(), &mut buffer).map_err(|e| format!("the broker's socket: {e}"))?;
        if received.len == 0 {
            return Ok(false);
        }
        let request: Request = codec::decode(&buffer[..received.len]).map_err(|e| format!("from the broker: {e}"))?;
        self.guard.pass(request.name()).map_err(|e| e.to_string())?;
        match request {
            Request::StartFront { worker } => self.start_front(worker)?,
            Request::StartSession { session } => self.start_session(session)?,
            Request::Adopt => {
                for (living, fds) in self.spares.living() {
                    self.reply(&living, fds)?;
                }
                self.reply(&Reply::AdoptDone, &[])?;
            }
            Request::Keep { session, note } => self.spares.note(session, note),
            Request::Hold { session, note } => self.hold(Of { session: true, number: session }, note, received.fds, 4)?,
            Request::HoldFront { worker } => {
                self.hold(Of { session: false, number: worker }, Note::default(), received.fds, 2)?;
            }
            Request::Lifeline => {
                let [lifeline] = <[OwnedFd; 1]>::try_from(received.fds)
                    .map_err(|fds| format!("the broker passed {} descriptors as the guardian's lifeline", fds.len()))?;
                self.lifeline = Some(lifeline);
            }
            Request::Forget { number, session } => {
                let of = Of { session, number };
                self.spares.forget(of);
                // Of our own children the cgroup goes when the last of them has ended.
                if !self.children.values().any(|child| child.of() == of) {
                    self.leaving.insert(of);
                }
            }
        }
        Ok(true)
    }

    fn hold(&mut self, of: Of, note: Note, fds: Vec<OwnedFd>, wanted: usize) -> Result<(), String> {
        if fds.len() != wanted {
            return Err(format!("the broker passed {} descriptors of {of:?} and not {wanted}", fds.len()));
        }
        self.spares.hold(of, note, fds);
        Ok(())
    }

    /// Removes the folders of cgroups in which nothing lives any more.
    fn clear_away(&mut self) {
        let cgroups = &self.cgroups;
        self.leaving.retain(|of| cgroups.remove(of.session, of.number).is_err());
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
        let spares = vec![spare(&outer[0])?, spare(&cgroup.kill)?];
        let pid = self.begin(worker, Part::FrontSsh, inner, &cgroup)?;
        self.spares.hold(Of { session: false, number: worker }, Note::default(), spares);
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

    /// Descriptors: mediator control, back control, handover, secrets, record, stream, kill, events.
    fn session(&mut self, session: u64) -> Result<(u32, u32, Vec<OwnedFd>), String> {
        let lifeline = self.lifeline.as_ref().ok_or("the box's guardian has not come yet; try again in a moment")?;
        let mediator_7 = spare(lifeline)?;
        let cgroup = self.cgroups.make(true, session)?;
        let (control, mediator_3) = pair()?;
        let (stream, mediator_4) = pair()?;
        // This pair joins the two; nobody else ever holds an end.
        let (mediator_5, back_6) = pair()?;
        let (record, mediator_6) = pair()?;
        let (back_control, back_3) = pair()?;
        let (handover, back_4) = pair()?;
        let (secrets, back_5) = pair()?;
        let spares = vec![spare(&control)?, spare(&back_control)?, spare(&cgroup.kill)?, spare(&cgroup.events)?];
        let for_mediator = vec![(mediator_3, 3), (mediator_4, 4), (mediator_5, 5), (mediator_6, 6), (mediator_7, 7)];
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
        self.spares.hold(Of { session: true, number: session }, Note::default(), spares);
        Ok((mediator, back, vec![control, back_control, handover, secrets, record, stream, cgroup.kill, cgroup.events]))
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
            self.workers.ended(pid);
            os::process::wait(pid).map_err(|e| format!("wait: {e}"))?;
        }
        Ok(())
    }

    fn ended(&mut self) -> Result<(), String> {
        for (pid, status) in reap().map_err(|e| format!("wait: {e}"))? {
            let Some(child) = self.children.remove(&pid) else { continue };
            self.poll.remove(&child.pidfd).ok();
            self.workers.ended(pid);
            let status = match status {
                Status::Exited(code) => u32::try_from(code).unwrap_or(255),
                Status::Killed(signal) => 256 + u32::try_from(signal).unwrap_or(0),
            };
            let of = child.of();
            if !self.children.values().any(|other| other.of() == of) {
                // Its spare ends stay until the broker says so: what it said last may lie in them unread.
                if let Err(why) = self.cgroups.remove(of.session, of.number) {
                    eprintln!("launcher: cgroup of {of:?}: {why}");
                }
            }
            self.reply(&Reply::Exited { number: child.number, part: child.part, status }, &[])?;
        }
        Ok(())
    }
}

fn spare(fd: &OwnedFd) -> Result<OwnedFd, String> {
    fd.try_clone().map_err(|e| format!("spare end: {e}"))
}

fn pair() -> Result<(OwnedFd, OwnedFd), String> {
    seqpacket::pair().map_err(|e| format!("socketpair: {e}"))
}
