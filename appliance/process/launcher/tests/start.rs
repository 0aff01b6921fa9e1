//! The real launcher with real cgroups and namespaces; its workers are this executable, by the
//! name that it is started under. Needs root.

use border::launcher::{Part, Reply, Request};
use codec::Bytes;
use os::poll::Poll;
use os::process::{Start, start};
use os::seqpacket;
use std::fs::File;
use std::io::{PipeWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

/// A worker: says that it is there, ends when its control socket does; a mediator also with its guardian.
fn worker(mediator: bool) -> ExitCode {
    let control = os::fds::from_raw(3);
    seqpacket::send(control.as_fd(), b"here", &[]).unwrap();
    let poll = Poll::new().unwrap();
    poll.add(&control, 3, true, false).unwrap();
    let lifeline = mediator.then(|| os::fds::from_raw(7));
    if let Some(lifeline) = &lifeline {
        poll.add(lifeline, 7, true, false).unwrap();
    }
    let mut ready = Vec::new();
    poll.wait(&mut ready, None).unwrap();
    if ready[0].token == 7 {
        assert!(ready[0].hangup && !ready[0].readable, "nobody says anything here");
        return ExitCode::from(9);
    }
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
            ["fronts", "sessions"].into_iter().for_each(|tree| drop(std::fs::remove_dir(cgroup.join(tree))));
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
    begin(name, None)
}

/// With the place where a restarted broker comes back.
fn begin(name: &str, again: Option<OwnedFd>) -> Running {
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
    // Version 2 alone gives a cgroup the limits that its parents hand down.
    if let [alone] = cgroups.as_slice() {
        for folder in [alone.parent().unwrap(), alone] {
            std::fs::write(folder.join("cgroup.subtree_control"), "+memory +pids").unwrap();
        }
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
        fds: [(Some(theirs), 3), (again, 4)].into_iter().filter_map(|(fd, number)| Some((fd?, number))).collect(),
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
    let beat = codec::encode(&Reply::Beat);
    loop {
        match seqpacket::recv(fd.as_fd(), &mut buffer) {
            Ok(got) if buffer[..got.len] == beat => {}
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

    /// The guardian is there: its end of the pipe.
    fn guarded(&self) -> PipeWriter {
        let (lifeline, guardian) = std::io::pipe().unwrap();
        let broker = self.broker.as_ref().unwrap();
        seqpacket::send(broker.as_fd(), &codec::encode(&Request::Lifeline), &[lifeline.as_fd()]).unwrap();
        guardian
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
    let uid = checked(pid, "fronts/1", launcher.cgroups.len());
    assert!((100_000..=119_999).contains(&uid), "{uid}");
    let (memory, limit) = match launcher.cgroups.get(1) {
        Some(memory) => (memory, "memory.limit_in_bytes"),
        None => (&launcher.cgroups[0], "memory.max"),
    };
    let limit = std::fs::read_to_string(memory.join("fronts/1").join(limit)).unwrap();
    assert_eq!(limit.trim(), (64 << 20).to_string());
    let pids = launcher.cgroups.last().unwrap().join("fronts/1/pids.max");
    assert_eq!(std::fs::read_to_string(pids).unwrap().trim(), "8");
    File::from(kill).write_all(b"1").unwrap();
    let ended = Reply::Exited { number: 1, part: Part::FrontSsh, status: 256 + 9 };
    assert_eq!(launcher.reply().0, ended);
    assert!(!launcher.has("fronts/1"), "its cgroups are gone");
    launcher.ask(&Request::StartFront { worker: 2 });
    let (reply, fds) = launcher.reply();
    let Reply::FrontStarted { worker: 2, pid } = reply else { panic!("{reply:?}") };
    assert_eq!(receive(&fds[0]).0, b"here");
    assert_ne!(checked(pid, "fronts/2", launcher.cgroups.len()), uid, "a user is not used again");
    drop(fds);
    launcher.ask(&Request::Forget { number: 2, session: false });
    let ended = Reply::Exited { number: 2, part: Part::FrontSsh, status: 7 };
    assert_eq!(launcher.reply().0, ended, "what is forgotten has no spare end any more");
}

fn a_session_is_two_users_in_one_cgroup_and_outlives_broker_and_launcher() {
    let mut launcher = running("session");
    let _guardian = launcher.guarded();
    launcher.ask(&Request::StartSession { session: 5 });
    let (reply, mut fds) = launcher.reply();
    let Reply::SessionStarted { session: 5, mediator, back } = reply else { panic!("{reply:?}") };
    assert_eq!(fds.len(), 8);
    let events = File::from(fds.pop().unwrap());
    assert!(std::io::read_to_string(&events).unwrap().contains("populated 1"), "it says that it lives");
    let kill = fds.pop().unwrap();
    let hierarchies = launcher.cgroups.len();
    for control in &fds[..2] {
        assert_eq!(receive(control).0, b"here");
    }
    let first = checked(mediator, "sessions/5", hierarchies);
    assert_ne!(first, checked(back, "sessions/5", hierarchies), "one user a process");
    let note = Bytes::new(*b"of the broker").unwrap();
    launcher.ask(&Request::Keep { session: 5, note: note.clone() });
    launcher.ask(&Request::Adopt);
    let (reply, spares) = launcher.reply();
    assert_eq!(reply, Reply::Living { session: 5, note });
    assert_eq!(spares.len(), 4);
    assert_eq!(launcher.reply().0, Reply::AdoptDone);
    launcher.broker = None;
    assert_eq!(launcher.launcher.wait().unwrap().code(), Some(0));
    let lives = |pid: u32| Path::new(&format!("/proc/{pid}/exe")).exists();
    assert!(lives(mediator) && lives(back), "living sessions go on");
    File::from(kill).write_all(b"1").unwrap();
    let until = Instant::now() + Duration::from_secs(5);
    let folders: Vec<_> = launcher.cgroups.iter().map(|parent| parent.join("sessions/5")).collect();
    while folders.iter().any(|folder| folder.exists()) && Instant::now() < until {
        folders.iter().for_each(|folder| drop(std::fs::remove_dir(folder)));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for a worker's cgroup to be gone.
fn cleared(launcher: &Running, cgroup: &str) {
    let until = Instant::now() + Duration::from_secs(10);
    while launcher.has(cgroup) {
        assert!(Instant::now() < until, "{cgroup} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn a_broker_that_comes_back_gets_all_that_lives_and_what_ended_meanwhile() {
    let path = std::env::temp_dir().join(format!("launcher-again-{}", std::process::id()));
    let mut launcher = begin("again", Some(seqpacket::listen(&path).unwrap()));
    let _guardian = launcher.guarded();
    launcher.ask(&Request::StartSession { session: 5 });
    let (Reply::SessionStarted { mediator, .. }, fds) = launcher.reply() else { panic!("no session") };
    let note = Bytes::new(*b"of the first broker").unwrap();
    launcher.ask(&Request::Keep { session: 5, note: note.clone() });
    assert_eq!(receive(&fds[0]).0, b"here");
    assert_eq!(receive(&fds[1]).0, b"here");
    drop(fds);
    launcher.broker = Some(seqpacket::connect(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
    launcher.ask(&Request::Adopt);
    let (reply, ends) = launcher.reply();
    assert_eq!(reply, Reply::Living { session: 5, note: note.clone() });
    assert_eq!(launcher.reply().0, Reply::AdoptDone);
    let [control, back, kill, _events] = <[OwnedFd; 4]>::try_from(ends).unwrap();
    assert!(Path::new(&format!("/proc/{mediator}/exe")).exists(), "no end of it was closed meanwhile");
    File::from(kill).write_all(b"1").unwrap();
    let ended = [launcher.reply().0, launcher.reply().0];
    assert!(ended.iter().all(|reply| matches!(reply, Reply::Exited { number: 5, status, .. } if *status == 256 + 9)));
    drop((control, back));
    // Until a broker says so, its note stays: the one before may not have read of the end.
    launcher.ask(&Request::Adopt);
    assert_eq!(launcher.reply().0, Reply::Living { session: 5, note });
    assert_eq!(launcher.reply().0, Reply::AdoptDone);
    launcher.ask(&Request::Forget { number: 5, session: true });
    launcher.ask(&Request::Adopt);
    assert_eq!(launcher.reply().0, Reply::AdoptDone);
    cleared(&launcher, "sessions/5");
}

fn a_launcher_that_follows_another_keeps_what_it_is_given() {
    let first = running("first");
    first.ask(&Request::StartFront { worker: 3 });
    let (Reply::FrontStarted { .. }, fds) = first.reply() else { panic!("no front") };
    assert_eq!(receive(&fds[0]).0, b"here");
    let second = running("second");
    let (control, kill) = (fds[0].as_fd(), fds[3].as_fd());
    let hold = codec::encode(&Request::HoldFront { worker: 3 });
    seqpacket::send(second.broker.as_ref().unwrap().as_fd(), &hold, &[control, kill]).unwrap();
    second.ask(&Request::Adopt);
    let (reply, ends) = second.reply();
    assert_eq!((reply, ends.len()), (Reply::LivingFront { worker: 3 }, 2));
    assert_eq!(second.reply().0, Reply::AdoptDone);
    File::from(ends.into_iter().next_back().unwrap()).write_all(b"1").unwrap();
    assert_eq!(first.reply().0, Reply::Exited { number: 3, part: Part::FrontSsh, status: 256 + 9 });
}

fn a_number_that_lives_is_refused_and_nothing_of_it_is_touched() {
    let launcher = running("twice");
    launcher.ask(&Request::StartFront { worker: 1 });
    let (_reply, fds) = launcher.reply();
    assert_eq!(receive(&fds[0]).0, b"here");
    launcher.ask(&Request::StartFront { worker: 1 });
    let (reply, none) = launcher.reply();
    assert!(matches!(reply, Reply::StartFailed { number: 1, session: false, .. }), "{reply:?}");
    assert!(none.is_empty() && launcher.has("fronts/1"));
    drop(fds);
    launcher.ask(&Request::Forget { number: 1, session: false });
    let ended = Reply::Exited { number: 1, part: Part::FrontSsh, status: 7 };
    assert_eq!(launcher.reply().0, ended);
}

fn no_session_starts_without_a_guardian_and_each_mediator_has_its_lifeline() {
    let launcher = running("lifeline");
    launcher.ask(&Request::StartSession { session: 1 });
    let (Reply::StartFailed { number: 1, session: true, why }, _) = launcher.reply() else { panic!("it started") };
    assert!(why.contains("guardian"), "{why:?}");
    launcher.ask(&Request::StartFront { worker: 1 });
    assert!(matches!(launcher.reply().0, Reply::FrontStarted { .. }), "people can still come and be told");
    let (first, second) = (launcher.guarded(), launcher.guarded());
    drop(first);
    launcher.ask(&Request::StartSession { session: 2 });
    let (Reply::SessionStarted { back, .. }, fds) = launcher.reply() else { panic!("no session") };
    fds[..2].iter().for_each(|control| assert_eq!(receive(control).0, b"here"));
    let backs = std::fs::read_dir(format!("/proc/{back}/fd")).unwrap().flatten();
    let pipes = backs.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to.to_string_lossy().starts_with("pipe:")));
    assert!(pipes.filter(|fd| fd.file_name().len() == 1 && fd.file_name() > *"2").count() == 0, "the machine's side has none");
    drop(second);
    let ended = Reply::Exited { number: 2, part: Part::Mediator, status: 9 };
    assert_eq!(launcher.reply().0, ended, "the newest guardian's end counts, and the older one's did not");
    File::from(fds.into_iter().nth(6).unwrap()).write_all(b"1").unwrap();
    launcher.reply();
}

fn all_sessions_end_by_one_file_and_fronts_by_another() {
    let launcher = running("trees");
    let _guardian = launcher.guarded();
    let mut held = Vec::new();
    for number in 1..=2 {
        launcher.ask(&Request::StartSession { session: number });
        launcher.ask(&Request::StartFront { worker: number });
        for (reply, fds) in [launcher.reply(), launcher.reply()] {
            let controls = if matches!(reply, Reply::SessionStarted { .. }) { 2 } else { 1 };
            fds[..controls].iter().for_each(|control| assert_eq!(receive(control).0, b"here"));
            held.extend(fds);
        }
    }
    let kill = |tree: &str| std::fs::write(launcher.cgroups[0].join(tree).join("cgroup.kill"), "1").unwrap();
    let ended = |count: usize| (0..count).map(|_| launcher.reply().0).collect::<Vec<_>>();
    kill("sessions");
    let sessions = ended(4);
    let killed = |reply: &Reply, front: bool| {
        matches!(reply, Reply::Exited { part, status: 265, .. } if (*part == Part::FrontSsh) == front)
    };
    assert!(sessions.iter().all(|reply| killed(reply, false)), "{sessions:?}");
    kill("fronts");
    let fronts = ended(2);
    assert!(fronts.iter().all(|reply| killed(reply, true)), "{fronts:?}");
}

fn it_tells_each_broker_that_it_lives() {
    let path = std::env::temp_dir().join(format!("launcher-beats-{}", std::process::id()));
    let mut launcher = begin("beats", Some(seqpacket::listen(&path).unwrap()));
    let beat = |broker: &OwnedFd| {
        let mut buffer = [0; 64];
        let got = seqpacket::recv(broker.as_fd(), &mut buffer).unwrap();
        codec::decode::<Reply>(&buffer[..got.len]).unwrap()
    };
    for _ in 0..3 {
        assert_eq!(beat(launcher.broker.as_ref().unwrap()), Reply::Beat);
    }
    let before = launcher.broker.replace(seqpacket::connect(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
    assert_eq!(beat(launcher.broker.as_ref().unwrap()), Reply::Beat, "the next broker hears it too");
    drop(before);
}

fn a_malformed_request_ends_it() {
    let mut launcher = running("malformed");
    seqpacket::send(launcher.broker.as_ref().unwrap().as_fd(), &[9, 9, 9], &[]).unwrap();
    assert_eq!(launcher.launcher.wait().unwrap().code(), Some(1));
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if ["front-ssh", "mediator", "back-ssh"].contains(&arguments[0].as_str()) {
        return worker(arguments[0] == "mediator");
    }
    let claims: [(&str, fn()); 9] = [
        (
            "a_broker_that_comes_back_gets_all_that_lives_and_what_ended_meanwhile",
            a_broker_that_comes_back_gets_all_that_lives_and_what_ended_meanwhile,
        ),
        ("a_launcher_that_follows_another_keeps_what_it_is_given", a_launcher_that_follows_another_keeps_what_it_is_given),
        ("a_front_is_started_shut_in_and_its_end_is_told", a_front_is_started_shut_in_and_its_end_is_told),
        (
            "a_session_is_two_users_in_one_cgroup_and_outlives_broker_and_launcher",
            a_session_is_two_users_in_one_cgroup_and_outlives_broker_and_launcher,
        ),
        (
            "a_number_that_lives_is_refused_and_nothing_of_it_is_touched",
            a_number_that_lives_is_refused_and_nothing_of_it_is_touched,
        ),
        (
            "no_session_starts_without_a_guardian_and_each_mediator_has_its_lifeline",
            no_session_starts_without_a_guardian_and_each_mediator_has_its_lifeline,
        ),
        ("all_sessions_end_by_one_file_and_fronts_by_another", all_sessions_end_by_one_file_and_fronts_by_another),
        ("it_tells_each_broker_that_it_lives", it_tells_each_broker_that_it_lives),
        ("a_malformed_request_ends_it", a_malformed_request_ends_it),
    ];
    // What test runners ask of a test executable: its list, and one test by its name.
    let given = |option: &str| arguments.iter().any(|argument| argument == option);
    if given("--list") {
        let shown = claims.iter().filter(|_| !given("--ignored"));
        shown.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let wanted = arguments.iter().skip(1).find(|argument| !argument.starts_with("--"));
    for (name, claim) in claims.into_iter().filter(|(name, _)| wanted.is_none_or(|wanted| wanted == name)) {
        claim();
        println!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}
