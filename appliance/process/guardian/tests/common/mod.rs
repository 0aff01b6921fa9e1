//! A guardian with real zones, cgroups and nf_tables; broker, latch and zones are played by the test.
//! Needs root. Names carry the test's pid; what it makes, it removes.

use border::guardian::{Event, Order};
use border::{desk, latch, zones};
use codec::Wire;
use guard::{Slot, State};
use os::process::{Start, start};
use os::seqpacket;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The zones, and the plant behind OT's port.
const ZONES: [&str; 4] = ["ot", "up", "none", "plant"];

/// Zones and cgroups.
pub struct World {
    name: String,
    pub folder: PathBuf,
    pub cgroup: PathBuf,
}

impl World {
    /// Laid and held: OT's port is down, every cut chain drops.
    pub fn new(test: &str) -> Self {
        let name = format!("gt{}{test}", std::process::id());
        let folder = std::env::temp_dir().join(&name);
        fs::create_dir_all(&folder).unwrap();
        let unified = Path::new("/sys/fs/cgroup/unified");
        let top = if unified.exists() { unified } else { Path::new("/sys/fs/cgroup") };
        let cgroup = top.join(&name);
        for tree in ["fronts", "sessions"] {
            fs::create_dir_all(cgroup.join(tree)).unwrap();
        }
        let world = Self { name, folder, cgroup };
        for zone in ZONES {
            run("ip", &["netns", "add", &world.zone(zone)]);
        }
        let (ot, plant) = (world.zone("ot"), world.zone("plant"));
        run("ip", &["link", "add", "port0", "netns", &ot, "type", "veth", "peer", "name", "plant0", "netns", &plant]);
        for zone in ["ot", "up"] {
            world.inside(zone, "nft", &["add table inet dinlock"]);
            for (chain, hook) in [("cut-in", "prerouting"), ("cut-out", "output")] {
                let add = format!("add chain inet dinlock {chain} {{ type filter hook {hook} priority -400; policy drop; }}");
                world.inside(zone, "nft", &[&add]);
            }
        }
        world
    }

    pub fn zone(&self, zone: &str) -> String {
        format!("{}-{zone}", self.name)
    }

    pub fn inside(&self, zone: &str, program: &str, arguments: &[&str]) -> String {
        let zone = self.zone(zone);
        run("ip", &[&["netns", "exec", &zone, program], arguments].concat())
    }

    /// Whether both cut chains of a zone drop, as `nft` says; none if they differ.
    pub fn drops(&self, zone: &str) -> Option<bool> {
        let listed = self.inside(zone, "nft", &["list", "ruleset"]);
        match (listed.matches("policy drop").count(), listed.matches("policy accept").count()) {
            (2, 0) => Some(true),
            (0, 2) => Some(false),
            _ => None,
        }
    }

    pub fn port_is_up(&self) -> bool {
        let shown = run("ip", &["-n", &self.zone("ot"), "-o", "link", "show", "port0"]);
        shown.split('>').next().unwrap().split([',', '<']).any(|flag| flag == "UP")
    }

    /// A process in a cgroup of its own, below `tree`.
    pub fn process(&self, tree: &str, number: u64) -> Work {
        let folder = self.cgroup.join(tree).join(number.to_string());
        fs::create_dir_all(&folder).unwrap();
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        fs::write(folder.join("cgroup.procs"), child.id().to_string()).unwrap();
        Work { child, folder }
    }

    fn network(&self, zone: &str) -> File {
        File::open(format!("/run/netns/{}", self.zone(zone))).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for tree in ["fronts", "sessions"] {
            fs::write(self.cgroup.join(tree).join("cgroup.kill"), "1").ok();
        }
        std::thread::sleep(Duration::from_millis(20));
        for tree in ["fronts", "sessions"] {
            for entry in fs::read_dir(self.cgroup.join(tree)).into_iter().flatten().flatten() {
                fs::remove_dir(entry.path()).ok();
            }
            fs::remove_dir(self.cgroup.join(tree)).ok();
        }
        fs::remove_dir(&self.cgroup).ok();
        for zone in ZONES {
            Command::new("ip").args(["netns", "del", &self.zone(zone)]).status().ok();
        }
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// A process that stands for a front, or for a mediator and its back.
pub struct Work {
    child: Child,
    folder: PathBuf,
}

impl Work {
    pub fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// `cgroup.kill` and `cgroup.events`, as a launcher opens them.
    pub fn ends(&self) -> [OwnedFd; 2] {
        let kill = File::options().write(true).open(self.folder.join("cgroup.kill")).unwrap();
        [kill.into(), File::open(self.folder.join("cgroup.events")).unwrap().into()]
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        fs::remove_dir(&self.folder).ok();
    }
}

/// The guardian between its played peers.
pub struct Box {
    pub guardian: Child,
    pub broker: OwnedFd,
    pub lifeline: Option<OwnedFd>,
    pub latch: Option<OwnedFd>,
    pub zones: OwnedFd,
    pub contact: Option<UnixStream>,
    pub keyboard: UnixStream,
    pub lamps: UnixStream,
    pub watchdog: UnixStream,
    /// What the latch was told last.
    pub slot: Option<Slot>,
    pub state: Option<State>,
    pub told: Vec<guard::Note>,
    pub watching: Vec<u64>,
    pub answers: Vec<Event>,
    pub food: usize,
    pub lit: Option<u8>,
    /// Whether the played broker beats.
    pub beats: bool,
    /// Whether the played latch answers.
    pub writes: bool,
    last_beat: Option<Instant>,
    pub desk: PathBuf,
    pub log: PathBuf,
}

fn say<T: Wire>(fd: BorrowedFd<'_>, message: &T, fds: &[BorrowedFd<'_>]) {
    seqpacket::send(fd, &codec::encode(message), fds).unwrap();
}

impl Box {
    /// Starts it, with one contact that is closed.
    pub fn start(world: &World) -> Self {
        Self::start_with(world, Some(b'1'), None)
    }

    pub fn start_with(world: &World, contact: Option<u8>, boot: Option<&str>) -> Self {
        let listen = |name: &str| {
            let path = world.folder.join(name);
            fs::remove_file(&path).ok();
            (seqpacket::listen(&path).unwrap(), path)
        };
        let (broker, broker_end) = seqpacket::pair().unwrap();
        let (again, _) = listen("again");
        let (latch_door, latch_path) = listen("latch");
        let (zones_door, zones_path) = listen("zones");
        let (desk, desk_path) = listen("desk");
        let latch = seqpacket::connect(&latch_path).unwrap();
        let zones = seqpacket::connect(&zones_path).unwrap();
        let stream = || UnixStream::pair().unwrap();
        let ((keyboard, keyboard_end), (lamps, lamps_end), (watchdog, watchdog_end)) = (stream(), stream(), stream());
        let mut fds = vec![
            (broker_end, 3), (again, 4), (latch_door, 5), (zones_door, 6), (desk, 7),
            (world.network("none").into(), 8), (world.network("up").into(), 9), (watchdog_end.into(), 11),
            (keyboard_end.into(), 12), (lamps_end.into(), 13),
        ];
        let contact = contact.map(|says| {
            let (ours, theirs) = stream();
            fds.push((theirs.into(), 14));
            (&ours).write_all(&[says]).unwrap();
            ours
        });
        let mut arguments = vec!["--cgroup2".to_owned(), world.cgroup.display().to_string()];
        arguments.extend(boot.iter().flat_map(|boot| ["--boot".to_owned(), (*boot).to_owned()]));
        let guardian = start(Start {
            executable: Path::new(env!("CARGO_BIN_EXE_guardian")),
            arguments: &arguments,
            fds,
            network: world.network("ot").as_fd(),
            uid: None,
            log: File::create(world.folder.join("guardian.log")).unwrap(),
        });
        for fd in [broker.as_fd(), latch.as_fd(), zones.as_fd()] {
            seqpacket::set_nonblocking(fd, true).unwrap();
        }
        for stream in [&lamps, &watchdog] {
            stream.set_nonblocking(true).unwrap();
        }
        Self {
            guardian: guardian.unwrap(), broker, lifeline: None, latch: Some(latch), zones, contact, keyboard, lamps, watchdog,
            slot: None, state: None, told: Vec::new(), watching: Vec::new(), answers: Vec::new(), food: 0, lit: None,
            beats: true, writes: true, last_beat: None, desk: desk_path, log: world.folder.join("guardian.log"),
        }
    }

    /// The latch's first word.
    pub fn slots(&self, a: Option<Slot>, b: Option<Slot>, empty: bool) {
        say(self.latch.as_ref().unwrap().as_fd(), &latch::Event::Slots { a, b, empty }, &[]);
    }

    /// Plays the peers until `done` says so, 10 s at most.
    pub fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let late = Instant::now() + Duration::from_secs(10);
        while !done(self) {
            assert!(Instant::now() < late, "not within 10 s: {what}; state {:?}; told {:?}", self.state, self.told);
            if let Some(status) = self.guardian.try_wait().unwrap() {
                panic!("the guardian is gone, {status}: {what}; {}", fs::read_to_string(&self.log).unwrap());
            }
            self.play();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn for_a_while(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.play();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn play(&mut self) {
        if self.beats && self.last_beat.is_none_or(|at| at.elapsed() > Duration::from_millis(250)) {
            self.last_beat = Some(Instant::now());
            let beat = Order::Beat { ready: true, vault_ms: 0, launcher_ms: 0, power_loss_holds: false };
            self.order(&beat, &[]);
        }
        let mut buffer = [0; 2048];
        while let Ok(got) = seqpacket::recv(self.broker.as_fd(), &mut buffer) {
            if got.len == 0 {
                break;
            }
            let event: Event = codec::decode(&buffer[..got.len]).unwrap();
            match event {
                Event::Hello { state } => {
                    self.lifeline = got.fds.into_iter().next();
                    self.state = Some(state);
                }
                Event::Beat { state } => self.state = Some(state),
                Event::Watching { session } => self.watching.push(session),
                Event::Told { number, note, .. } => {
                    self.told.push(note);
                    // A guardian that has sent this broker away hears nothing.
                    seqpacket::send(self.broker.as_fd(), &codec::encode(&Order::Noted { number }), &[]).ok();
                }
                Event::NotWatching { .. } | Event::Rearmed { .. } | Event::NotRearmed { .. } => self.answers.push(event),
            }
        }
        while let Some(Ok(got)) = self.latch.as_ref().map(|latch| seqpacket::recv(latch.as_fd(), &mut buffer)) {
            if got.len == 0 {
                break;
            }
            match codec::decode::<latch::Order>(&buffer[..got.len]).unwrap() {
                latch::Order::Beat => {}
                latch::Order::Write { slot } => {
                    self.slot = Some(slot);
                    if self.writes {
                        say(self.latch.as_ref().unwrap().as_fd(), &latch::Event::Written { sequence: slot.sequence }, &[]);
                    }
                }
            }
        }
        while let Ok(got) = seqpacket::recv(self.zones.as_fd(), &mut buffer) {
            if got.len == 0 {
                break;
            }
            say(self.zones.as_fd(), &zones::Event::Laid, &[]);
        }
        self.food += (&self.watchdog).read(&mut buffer).unwrap_or(0);
        if let Ok(length @ 1..) = (&self.lamps).read(&mut buffer) {
            self.lit = Some(buffer[length - 1]);
        }
    }

    pub fn order(&self, order: &Order, fds: &[BorrowedFd<'_>]) {
        say(self.broker.as_fd(), order, fds);
    }

    /// A session with this work, from now on for `time`.
    pub fn watch(&self, session: u64, time: Duration, work: &Work) {
        let deadline_ms = u64::try_from((os::clock::boottime() + time).as_millis()).unwrap();
        let ends = work.ends();
        self.order(&Order::Watch { session, deadline_ms }, &[ends[0].as_fd(), ends[1].as_fd()]);
    }

    pub fn armed(&mut self) {
        self.slots(None, None, true);
        self.until("armed", |b| b.state.is_some_and(|s| s.standing == guard::Standing::Armed));
    }

    pub fn contact(&self, says: u8) {
        self.contact.as_ref().unwrap().write_all(&[says]).unwrap();
    }

    /// One event of the keyboard.
    pub fn key(&self, code: u16, value: i32) {
        let event = [&[0; 16][..], &1_u16.to_ne_bytes(), &code.to_ne_bytes(), &value.to_ne_bytes()].concat();
        (&self.keyboard).write_all(&event).unwrap();
    }

    /// At the desk, as `dinlock cutoff` is.
    pub fn ask(&self, request: &desk::Request) -> State {
        let desk = seqpacket::connect(&self.desk).unwrap();
        say(desk.as_fd(), request, &[]);
        let mut buffer = [0; 2048];
        let got = seqpacket::recv(desk.as_fd(), &mut buffer).unwrap();
        let desk::Reply::Is { state, .. } = codec::decode(&buffer[..got.len]).unwrap();
        state
    }

    pub fn signal(&self, name: &str) {
        run("kill", &[&format!("-{name}"), &self.guardian.id().to_string()]);
    }
}

impl Drop for Box {
    fn drop(&mut self) {
        self.guardian.kill().ok();
        self.guardian.wait().ok();
    }
}
