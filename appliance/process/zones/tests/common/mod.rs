//! A box's ports with hosts behind them: network namespaces of this test alone, gone at its end. Needs root.
#![allow(dead_code, reason = "each test uses a part of it")]

use border::zones::Event;
use netlink::filter::{self, CUT_IN, CUT_OUT};
use netlink::{ANSWER_BYTES, Family, Socket, link};
use os::process::{Start, start};
use os::seqpacket;
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};

/// The box's addresses and its neighbours', in the demo's networks.
pub const CLIENT: &str = "10.99.1.2";
pub const PLANT: [&str; 2] = ["10.99.2.10", "fd99:2::10"];

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Runs a program, and wants success. What it printed.
pub fn run(line: &str) -> String {
    let mut words = line.split_whitespace();
    let out = Command::new(words.next().expect("a program")).args(words).output().expect("it is installed");
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text")
}

/// Where NICs are before zones moves them (`host`), a host at each NIC, and names for the box's own zones.
pub struct Lab {
    prefix: String,
    log: PathBuf,
}

impl Lab {
    pub fn new() -> Self {
        let prefix = format!("zt{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let log = std::env::temp_dir().join(format!("{prefix}.log"));
        File::create(&log).expect("a file");
        let lab = Self { prefix, log };
        for name in ["host", "client", "plant"] {
            run(&format!("ip netns add {}", lab.name(name)));
        }
        lab.cable("box0", "client", &["10.99.1.2/24", "fd99:1::2/64"]);
        lab.cable("box1", "plant", &["10.99.2.10/24", "fd99:2::10/64"]);
        lab
    }

    /// The namespace of this name.
    pub fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// A cable from a port of the box to a host.
    pub fn cable(&self, port: &str, host: &str, addresses: &[&str]) {
        let (here, there) = (self.name("host"), self.name(host));
        run(&format!("ip link add {port} netns {here} type veth peer name nic0 netns {there}"));
        for address in addresses {
            let detection = if address.contains(':') { "nodad" } else { "" };
            run(&format!("ip -n {there} addr add {address} dev nic0 {detection}"));
        }
        run(&format!("ip -n {there} link set nic0 up"));
    }

    /// What a program prints inside a namespace.
    pub fn inside(&self, name: &str, line: &str) -> String {
        run(&format!("ip netns exec {} {line}", self.name(name)))
    }

    /// Does something with a thread that lives in a namespace.
    pub fn within<T: Send>(&self, name: &str, work: impl FnOnce() -> T + Send) -> T {
        let network = self.network(name);
        std::thread::scope(|scope| {
            let work = scope.spawn(move || {
                os::netns::enter(network.as_fd()).expect("the tests run as root");
                work()
            });
            work.join().expect("the work is done")
        })
    }

    pub fn network(&self, name: &str) -> File {
        File::open(Path::new("/run/netns").join(self.name(name))).expect("it is laid")
    }

    /// The command line of the whole box.
    pub fn all(&self) -> Vec<String> {
        [self.uplink(""), self.ot(""), format!("--empty {}", self.name("none"))].join(" ").split_whitespace().map(str::to_owned).collect()
    }

    pub fn uplink(&self, more: &str) -> String {
        let name = self.name("uplink");
        format!("--zone {name} --side uplink --port box0 --address 10.99.1.1/24 --address fd99:1::1/64 {more}")
    }

    pub fn ot(&self, more: &str) -> String {
        let name = self.name("ot");
        format!("--zone {name} --side ot --port box1 --address 10.99.2.1/24 --address fd99:2::1/64 {more}")
    }

    /// Starts the real process.
    pub fn start(&self, arguments: &[String], fds: Vec<(OwnedFd, i32)>) -> Child {
        self.start_program(Path::new(env!("CARGO_BIN_EXE_zones")), arguments, fds)
    }

    pub fn start_program(&self, executable: &Path, arguments: &[String], fds: Vec<(OwnedFd, i32)>) -> Child {
        let log = File::options().append(true).open(&self.log).expect("a file");
        let network = self.network("host");
        start(Start { executable, arguments, fds, network: network.as_fd(), uid: None, log }).expect("it starts")
    }

    /// Lays without a guardian. Its exit code, and what it said.
    pub fn try_lay(&self, arguments: &[String]) -> (i32, String) {
        let before = self.log().len();
        let status = self.start(arguments, Vec::new()).wait().expect("our child");
        (status.code().unwrap_or(-1), self.log()[before..].to_owned())
    }

    /// Lays, and wants success without a word.
    pub fn lay(&self, arguments: &[String]) {
        assert_eq!(self.try_lay(arguments), (0, String::new()));
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("a file")
    }

    /// What the guardian does to arm a zone, with its bytes.
    pub fn arm(&self, name: &str, port: &str) {
        self.within(name, || {
            let (routes, filters) = (Socket::open(Family::Route).expect("root"), Socket::open(Family::Netfilter).expect("root"));
            let mut buffer = [0; ANSWER_BYTES];
            let length = routes.ask(&link::named(port), &mut buffer).expect("the port is here");
            let index = link::links(&buffer[..length])[0].index;
            routes.ask(&link::set(index, true), &mut buffer).expect("it goes up");
            for chain in [CUT_IN, CUT_OUT] {
                filters.ask(&filter::set_policy(chain, false), &mut buffer).expect("the chain is there");
                let length = filters.ask(&filter::get_chain(chain), &mut buffer).expect("the chain is there");
                assert_eq!(filter::drops(&buffer[..length]), Some(false));
            }
        });
    }

    /// All that `ip`, `nft` and `sysctl` know of a zone. Handles tell what was made anew.
    pub fn everything(&self, name: &str) -> Vec<String> {
        ["ip -d addr", "ip route show table all", "ip -6 route show table all", "nft -a list ruleset", "sysctl net.ipv4.conf net.ipv6.conf"]
            .map(|line| self.inside(name, line))
            .map(|text| {
                // What passes by itself: timers, and routes that the kernel found out.
                let lasting = |line: &&str| !["expires", "inet6_dev", "cache", "valid_lft"].iter().any(|word| line.contains(word));
                text.lines().filter(lasting).collect::<Vec<_>>().join("\n")
            })
            .to_vec()
    }

    /// `up` or `down`, as `ip` says.
    pub fn link(&self, name: &str, port: &str) -> &'static str {
        let shown = run(&format!("ip -o -n {} link show dev {port}", self.name(name)));
        let flags = shown.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        if flags.split(',').any(|flag| flag == "UP") { "up" } else { "down" }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in ["uplink", "ot", "none", "far", "plant", "client", "host"] {
            let name = self.name(name);
            if Path::new("/run/netns").join(&name).exists() {
                Command::new("ip").args(["netns", "del", &name]).output().ok();
            }
        }
        fs::remove_file(&self.log).ok();
    }
}

/// The next thing that zones says to its guardian; none at its end.
pub fn heard(guardian: &OwnedFd) -> Option<Event> {
    let mut buffer = [0; 64];
    let received = seqpacket::recv(guardian.as_fd(), &mut buffer).expect("a socket");
    (received.len > 0).then(|| codec::decode(&buffer[..received.len]).expect("an event"))
}
