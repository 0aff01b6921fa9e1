//! The real launcher with real cgroups and namespaces; its workers are this executable, by the
//! name that it is started under. Needs root.

use border::launcher::{Part, Reply, Request};
use os::process::{Start, start};
use os::seqpacket;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

/// A worker: says that it is there, ends when its control socket does.
fn worker() -> ExitCode {
    let control = os::fds::from_raw(3);
    seqpacket::send(control.as_fd(), b"here", &[]).unwrap();
    seqpacket::recv(control.as_fd(), &mut [0; 8]).unwrap();
    ExitCode::from(7)
}

struct Running {
    launcher: Child,
    keeper: Child,
    broker: Option<OwnedFd>,
    folder: PathBuf,
    cgroups: Vec<PathBuf>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.broker = None;
        self.launcher.kill().ok();
        self.launcher.wait().ok();
        self.keeper.kill().ok();
        self.keeper.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
        for cgroup in &self.cgroups {
            std::fs::remove_dir(cgroup).ok();
        }
    }
}

/// Version 2 alone, or the hybrid's three hierarchies.
fn hierarchies() -> Vec<(&'static str, &'static str)> {
    if Path::new("/sys/fs/cgroup/memory").exists() {
        let (memory, pids) = ("/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids");
        vec![("--cgroup2", "/sys/fs/cgroup/unified"), ("--memory", memory), ("--pids", pids)]
    } else {
        vec![("--cgroup2", "/sys/fs/cgroup")]
    }
}

fn running(name: &str) -> Running {
    let name = format!("launcher-test-{name}-{}", std::process::id());
    let folder = std::env::temp_dir().join(&name);
    std::fs::create_dir_all(&folder).unwrap();
    for part in ["front-ssh", "mediator", "back-ssh"] {
        std::fs::copy("/proc/self/exe", folder.join(part)).unwrap();
    }
    let mut arguments = vec!["--workers".to_owned(), folder.to_str().unwrap().to_owned()];
    let mut cgroups = Vec::new();
    for (option, parent) in hierarchies() {
        let cgroup = Path::new(parent).join(&name);
        std::fs::create_dir_all(&cgroup).unwrap();
        arguments.extend([option.to_owned(), cgroup.to_str().unwrap().to_owned()]);
        cgroups.push(cgroup);
    }
    let keeper = Command::new("unshare").args(["--net", "sleep", "60"]).spawn().unwrap();
    let empty = format!("/proc/{}/ns/net", keeper.id());
    while std::fs::read_link(&empty).unwrap() == std::fs::read_link("/proc/self/ns/net").unwrap() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let network = File::open(&empty).unwrap();
    let (broker, theirs) = seqpacket::pair().unwrap();
    let launcher = start(Start {
        executable: Path::new(env!("CARGO_BIN_EXE_launcher")),
        arguments: &arguments,
        fds: vec![(theirs, 3)],
        network: network.as_fd(),
        uid: None,
        log: File::from(std::io::stderr().as_fd().try_clone_to_owned().unwrap()),
    })
    .unwrap();
    Running { launcher, keeper, broker: Some(broker), folder, cgroups }
}

/// A message within 10 s.
fn receive(fd: &OwnedFd) -> (Vec<u8>, Vec<OwnedFd>) {
    seqpacket::set_nonblocking(fd.as_fd(), true).unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    let mut buffer = [0; 2048];
    loop {
        match seqpacket::recv(fd.as_fd(), &mut buffer) {
            Ok(got) => return (buffer[..got.len].to_vec(), got.fds),
            Err(e) => assert!(Instant::now() < until, "nothing came: {e}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Running {
    fn ask(&self, request: &Request) {
        let broker = self.broker.as_ref().unwrap();
        seqpacket::send(broker.as_fd(), &codec::encode(request), &[]).unwrap();
    }

    fn reply(&self) -> (Reply, Vec<OwnedFd>) {
        let (bytes, fds) = receive(self.broker.as_ref().unwrap());
        (codec::decode(&bytes).unwrap(), fds)
    }

    fn has(&self, cgroup: &str) -> bool {
        self.cgroups.iter().any(|parent| parent.join(cgroup).exists())
    }
}

/// What the kernel says of a worker: its user. Its network is empty, it is in `cgroup`, it has no right.
fn checked(pid: u32, cgroup: &str, hierarchies: usize) -> u32 {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    let status = read("status");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let uids = field("Uid:");
    assert!(uids.iter().all(|uid| *uid == uids[0]) && uids == field("Gid:"), "{uids:?}");
    for rights in ["CapEff:", "CapPrm:", "CapBnd:", "CapInh:", "CapAmb:"] {
        assert_eq!(field(rights), ["0000000000000000"], "{rights}");
    }
    assert_eq!(field("NoNewPrivs:"), ["1"]);
    let interfaces: Vec<String> = read("net/dev").lines().skip(2).map(str::to_owned).collect();
    assert!(interfaces.len() == 1 && interfaces[0].trim().starts_with("lo:"), "{interfaces:?}");
    let inside = read("cgroup").lines().filter(|line| line.ends_with(&format!("/{cgroup}"))).count();
    assert_eq!(inside, hierarchies, "in {cgroup} of each hierarchy");
    uids[0].parse().unwrap()
}

fn a_front_is_started_shut_in_and_its_end_is_told() {
    let launcher = running("front");
    launcher.ask(&Request::StartFront { worker: 1 });
    let (reply, fds) = launcher.reply();
    let Reply::FrontStarted { worker: 1, pid } = reply else { panic!("{reply:?}") };
    let [control, _handover, _secrets, kill] = <[OwnedFd; 4]>::try_from(fds).unwrap();
    assert_eq!(receive(&control).0, b"here");
    let uid = checked(pid, "front-1", launcher.cgroups.len());
    assert!((100_000..=119_999).contains(&uid), "{uid}");
    let (memory, limit) = match launcher.cgroups.get(1) {
        Some(memory) => (memory, "memory.limit_in_bytes"),
        None => (&launcher.cgroups[0], "memory.max"),
    };
    let limit = std::fs::read_to_string(memory.join("front-1").join(limit)).unwrap();
    assert_eq!(limit.trim(), (64 << 20).to_string());
    let pids = launcher.cgroups.last().unwrap().join("front-1/pids.max");
    assert_eq!(std::fs::read_to_string(pids).unwrap().trim(), "8");
    File::from(kill).write_all(b"1").unwrap();
    let ended = Reply::Exited { number: 1, part: Part::FrontSsh, status: 256 + 9 };
    assert_eq!(launcher.reply().0, ended);
    assert!(!launcher.has("front-1"), "its cgroups are gone");
    launcher.ask(&Request::StartFront { worker: 2 });
    let (reply, fds) = launcher.reply();
    let Reply::FrontStarted { worker: 2, pid } = reply else { panic!("{reply:?}") };
    assert_eq!(receive(&fds[0]).0, b"here");
    assert_ne!(checked(pid, "front-2", launcher.cgroups.len()), uid, "a user is not used again");
    drop(fds);
    let ended = Reply::Exited { number: 2, part: Part::FrontSsh, status: 7 };
    assert_eq!(launcher.reply().0, ended, "the launcher keeps no end of a front");
}

fn a_session_is_two_users_in_one_cgroup_and_outlives_broker_and_launcher() {
    let mut launcher = running("session");
    launcher.ask(&Request::StartSession { session: 5 });
    let (reply, mut fds) = launcher.reply();
    let Reply::SessionStarted { session: 5, mediator, back } = reply else { panic!("{reply:?}") };
    assert_eq!(fds.len(), 7);
    let kill = fds.pop().unwrap();
    let hierarchies = launcher.cgroups.len();
    for control in &fds[..2] {
        assert_eq!(receive(control).0, b"here");
    }
    let first = checked(mediator, "session-5", hierarchies);
    assert_ne!(first, checked(back, "session-5", hierarchies), "one user a process");
    launcher.ask(&Request::Adopt);
    let (reply, spares) = launcher.reply();
    assert_eq!(reply, Reply::SessionStarted { session: 5, mediator, back });
    assert!(spares.len() >= 2);
    assert_eq!(launcher.reply().0, Reply::AdoptDone);
    launcher.broker = None;
    assert_eq!(launcher.launcher.wait().unwrap().code(), Some(0));
    let lives = |pid: u32| Path::new(&format!("/proc/{pid}/exe")).exists();
    assert!(lives(mediator) && lives(back), "living sessions go on");
    File::from(kill).write_all(b"1").unwrap();
    let until = Instant::now() + Duration::from_secs(5);
    let folders: Vec<_> = launcher.cgroups.iter().map(|parent| parent.join("session-5")).collect();
    while folders.iter().any(|folder| folder.exists()) && Instant::now() < until {
        folders.iter().for_each(|folder| drop(std::fs::remove_dir(folder)));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn a_number_that_lives_is_refused_and_nothing_of_it_is_touched() {
    let launcher = running("twice");
    launcher.ask(&Request::StartFront { worker: 1 });
    let (_reply, fds) = launcher.reply();
    assert_eq!(receive(&fds[0]).0, b"here");
    launcher.ask(&Request::StartFront { worker: 1 });
    let (reply, none) = launcher.reply();
    assert!(matches!(reply, Reply::StartFailed { number: 1, session: false, .. }), "{reply:?}");
    assert!(none.is_empty() && launcher.has("front-1"));
    drop(fds);
    let ended = Reply::Exited { number: 1, part: Part::FrontSsh, status: 7 };
    assert_eq!(launcher.reply().0, ended);
}

fn a_malformed_request_ends_it() {
    let mut launcher = running("malformed");
    seqpacket::send(launcher.broker.as_ref().unwrap().as_fd(), &[9, 9, 9], &[]).unwrap();
    assert_eq!(launcher.launcher.wait().unwrap().code(), Some(1));
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if ["front-ssh", "mediator", "back-ssh"].contains(&arguments[0].as_str()) {
        return worker();
    }
    let claims: [(&str, fn()); 4] = [
        ("a_front_is_started_shut_in_and_its_end_is_told", a_front_is_started_shut_in_and_its_end_is_told),
        (
            "a_session_is_two_users_in_one_cgroup_and_outlives_broker_and_launcher",
            a_session_is_two_users_in_one_cgroup_and_outlives_broker_and_launcher,
        ),
        (
            "a_number_that_lives_is_refused_and_nothing_of_it_is_touched",
            a_number_that_lives_is_refused_and_nothing_of_it_is_touched,
        ),
        ("a_malformed_request_ends_it", a_malformed_request_ends_it),
    ];
    // Runners ask for the names first.
    if arguments.iter().any(|argument| argument == "--list") {
        claims.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    for (name, claim) in claims {
        claim();
        println!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}
