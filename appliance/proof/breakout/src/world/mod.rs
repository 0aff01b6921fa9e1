//! Where the attempts happen: zones, cgroups, a real launcher, a victim; all of it made here.

mod orders;
mod starts;

use crate::attempts::Need;
use crate::facts::Facts;
use border::launcher::Part;
use orders::{Listening, receive};
use os::process::{Spawned, Status};
use starts::{executables, hand_down_limits, parents, sleeper, start_launcher, user};
use std::fs::{self, File};
use std::io::{PipeWriter, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

/// Owns the data.
pub const VAULT: u32 = 99_004;
/// Nothing here takes so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a taken-over process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It got through.
    Done,
    /// The kernel answered so.
    Refused(i32),
    /// A signal ended it, inside its sandbox.
    Killed(i32),
    /// It never got to its attempt, or ended otherwise.
    Odd(String),
}

/// A worker or a part that waits for its order.
struct Taken {
    control: OwnedFd,
    number: u64,
    part: Option<Part>,
    child: Option<Child>,
    spawned: Option<Spawned>,
    kill: Option<OwnedFd>,
    _others: Vec<OwnedFd>,
}

/// All of it. It ends with this value.
pub struct World {
    folder: PathBuf,
    cgroups: Vec<PathBuf>,
    zone: File,
    empty: File,
    launcher: Child,
    broker: OwnedFd,
    /// The guardian's end of the mediators' lifeline.
    guardian: PipeWriter,
    victim: Option<Taken>,
    victim_is_struck: bool,
    /// The newest front.
    newest: i32,
    sleeper: Child,
    machine: TcpListener,
    inbox: UnixDatagram,
    _listening: [Listening; 2],
    facts: Facts,
    next: u64,
}

fn network() -> File {
    File::open("/proc/thread-self/ns/net").expect("procfs is there")
}

/// Folders, the vault's data, an inbox that anybody may write to, a log.
fn furnish(folder: &Path) -> UnixDatagram {
    let data = folder.join("data");
    for made in [folder, &data, &folder.join("bin"), &folder.join("empty")] {
        fs::create_dir(made).expect("a fresh folder");
    }
    File::create(folder.join("log")).expect("a file");
    fs::write(data.join("ledger"), "what the box knows").expect("a file");
    for owned in [&data, &data.join("ledger")] {
        chown(owned, Some(VAULT), Some(VAULT)).expect("root gives files away");
    }
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).expect("a mode");
    let inbox = UnixDatagram::bind(folder.join("inbox")).expect("a socket");
    fs::set_permissions(folder.join("inbox"), fs::Permissions::from_mode(0o777)).expect("a mode");
    inbox
}

impl World {
    /// Makes it. This thread lives in the zone from now on.
    ///
    /// # Panics
    /// Without root, or on a kernel that lacks what the box needs.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let name = format!("breakout-{name}-{}", std::process::id());
        let empty = std::thread::spawn(|| {
            attempt::own_network(false).expect("the tests run as root");
            (network(), Listening::new())
        });
        let (empty, listening_there) = empty.join().expect("a namespace");
        attempt::own_network(true).expect("the tests run as root");
        let machine = TcpListener::bind("127.0.0.1:0").expect("lo is up");
        let port = machine.local_addr().expect("it is bound").port();

        let folder = std::env::temp_dir().join(&name);
        let inbox = furnish(&folder);
        let executable = executables(&folder.join("bin"));
        let cgroups: Vec<_> = parents().into_iter().map(|(_, parent)| Path::new(parent).join(&name)).collect();
        let foreign = PathBuf::from(format!("{}-foreign", cgroups[0].display()));
        for cgroup in cgroups.iter().chain([&foreign]) {
            fs::create_dir(cgroup).expect("a cgroup");
        }
        hand_down_limits(&cgroups);
        let (launcher, broker, guardian) = start_launcher(&folder, &cgroups, &empty);
        let facts = Facts {
            victim: 0,
            secret: 0,
            sleeper: 0,
            machine: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
            data: folder.join("data"),
            kill: PathBuf::new(),
            foreign,
            folder: folder.join("empty"),
            inbox: folder.join("inbox"),
            executable,
            launcher: std::iter::once(folder.join("bin")).chain(cgroups.clone()).collect(),
        };
        let mut world = Self {
            zone: network(),
            _listening: [listening_there, Listening::new()],
            sleeper: sleeper(),
            victim: None,
            victim_is_struck: false,
            newest: 0,
            next: 1,
            folder,
            cgroups,
            empty,
            launcher,
            broker,
            guardian,
            machine,
            inbox,
            facts,
        };
        world.settle_victim();
        world
    }

    /// Ends the launcher and starts the next one. With `turn` that user's turn is next.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart_launcher(&mut self, turn: Option<u32>) {
        self.launcher.kill().expect("our child");
        self.launcher.wait().expect("our child");
        if let Some(turn) = turn {
            let folder = File::open(&self.cgroups[0]).expect("a cgroup");
            let mark = c"user.dinlock.next-worker";
            os::mark::set(folder.as_fd(), mark, turn.to_string().as_bytes()).expect("a mark");
        }
        (self.launcher, self.broker, self.guardian) = start_launcher(&self.folder, &self.cgroups, &self.empty);
    }

    /// The victim's user.
    #[must_use]
    pub fn victim_user(&self) -> u32 {
        user(self.facts.victim)
    }

    /// Whether the victim lives.
    #[must_use]
    pub fn victim_lives(&self) -> bool {
        Path::new(&format!("/proc/{}/exe", self.facts.victim)).read_link().is_ok()
    }

    /// Ends the victim and its session.
    ///
    /// # Panics
    /// If it does not end.
    pub fn end_victim(&mut self) {
        let kill = self.victim.as_mut().and_then(|victim| victim.kill.take()).expect("it lives");
        File::from(kill).write_all(b"1").expect("a cgroup");
        self.wait_for_victim();
    }

    fn wait_for_victim(&self) {
        let until = Instant::now() + PATIENCE;
        while self.victim_lives() {
            assert!(Instant::now() < until, "it does not end");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The user of a front that is started now, and ended again.
    #[must_use]
    pub fn user_of_next(&mut self) -> u32 {
        let taken = self.start_worker(Part::FrontSsh);
        let seen = user(self.newest);
        File::from(taken.kill.expect("a cgroup")).write_all(b"1").expect("a cgroup");
        seen
    }

    /// What the processes wrote.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// A mediator of another session, in its sandbox, with a secret in its memory.
    fn settle_victim(&mut self) {
        let victim = self.start_worker(Part::Mediator);
        self.facts.kill = self.cgroups[0].join(format!("sessions/{}", victim.number)).join("cgroup.kill");
        self.order(&victim, "mediator", "wait", Need::Nothing);
        assert_eq!(self.word(&victim.control).as_deref(), Some("serving"), "{}", self.log());
        let address = self.word(&victim.control).and_then(|word| word.parse().ok());
        self.facts.secret = address.expect("the victim says where its secret is");
        self.victim = Some(victim);
    }

    /// One attempt by a fresh process of this name.
    ///
    /// # Panics
    /// If the process cannot be started at all.
    pub fn attempt(&mut self, process: &str, name: &str, need: Need) -> Ending {
        if self.sleeper.try_wait().expect("our child").is_some() {
            self.sleeper = sleeper();
        }
        self.facts.sleeper = i32::try_from(self.sleeper.id()).expect("a pid");
        let mut taken = match process {
            "front-ssh" => self.start_worker(Part::FrontSsh),
            "mediator" => self.start_worker(Part::Mediator),
            "back-ssh" => self.start_worker(Part::BackSsh),
            "stranger" => self.start_stranger(),
            part => self.start_part(part),
        };
        self.order(&taken, process, name, need);
        let (code, signal) = match (taken.child.take(), taken.spawned.take()) {
            (Some(mut child), _) => ended(&mut child),
            (None, Some(spawned)) => match os::process::wait(spawned.pid).expect("our child") {
                Status::Exited(code) => (Some(code), None),
                Status::Killed(signal) => (None, Some(signal)),
            },
            (None, None) => self.worker_ended(&taken),
        };
        let mut words = Vec::new();
        while let Some(word) = self.word_that_is_there(&taken.control) {
            words.push(word);
        }
        if let Some(kill) = taken.kill.take() {
            File::from(kill).write_all(b"1").ok();
        }
        let ending = ending(&words, code, signal);
        self.victim_is_struck = name == "session-killed" && ending == Ending::Done;
        self.sweep();
        ending
    }

    /// Takes away what an attempt left in the folder that it was given, and in the inbox.
    fn sweep(&mut self) {
        fs::remove_dir(self.facts.folder.join("new")).ok();
        self.inbox.set_nonblocking(true).expect("a socket");
        while self.inbox.recv(&mut [0; 8]).is_ok() {}
        if self.victim_is_struck {
            self.wait_for_victim();
            self.victim = None;
            self.victim_is_struck = false;
            self.settle_victim();
        }
    }

    fn word(&self, control: &OwnedFd) -> Option<String> {
        receive(control, PATIENCE).and_then(|(bytes, _)| String::from_utf8(bytes).ok())
    }

    fn word_that_is_there(&self, control: &OwnedFd) -> Option<String> {
        receive(control, Duration::ZERO).and_then(|(bytes, _)| String::from_utf8(bytes).ok())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(kill) = self.victim.as_mut().and_then(|victim| victim.kill.take()) {
            File::from(kill).write_all(b"1").ok();
        }
        for child in [&mut self.launcher, &mut self.sleeper] {
            child.kill().ok();
            child.wait().ok();
        }
        fs::remove_dir_all(&self.folder).ok();
        let until = Instant::now() + Duration::from_secs(5);
        let inner = |cgroup: &PathBuf| -> Vec<PathBuf> {
            fs::read_dir(cgroup).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
        };
        for cgroup in self.cgroups.iter().chain([&self.facts.foreign]) {
            while cgroup.exists() && Instant::now() < until {
                inner(cgroup).iter().flat_map(inner).for_each(|folder| drop(fs::remove_dir(folder)));
                inner(cgroup).iter().for_each(|folder| drop(fs::remove_dir(folder)));
                if fs::remove_dir(cgroup).is_err() {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        }
    }
}

fn ended(child: &mut Child) -> (Option<i32>, Option<i32>) {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("our child") {
            return (status.code(), status.signal());
        }
        if Instant::now() > until {
            child.kill().ok();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn ending(words: &[String], code: Option<i32>, signal: Option<i32>) -> Ending {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let odd = || Ending::Odd(format!("{words:?}, code {code:?}, signal {signal:?}"));
    match (words.as_slice(), code, signal) {
        (["serving"], None, Some(signal)) => Ending::Killed(signal),
        (["serving"], Some(code), None) if code == i32::from(crate::inside::EXECUTED) => Ending::Done,
        (["serving", "done"], Some(0), None) => Ending::Done,
        (["serving", answer], Some(0), None) => {
            answer.strip_prefix("refused ").and_then(|code| code.parse().ok()).map_or_else(odd, Ending::Refused)
        }
        _ => odd(),
    }
}
