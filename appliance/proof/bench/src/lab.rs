//! The running box, and beside it a client, a jump host and a machine in namespaces of the bench's own.
//!
//! The bench's servers use the plant's own accounts, keys and settings: what differs between the ways
//! is the way. A zone of the demo gets nothing but addresses for more clients, which go with the zone.

use crate::way::Way;
use serde_json::Value;
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const NEAR: &str = "dinlock-bench-near";
const HOP: &str = "dinlock-bench-hop";
const FAR: &str = "dinlock-bench-far";

/// Each wire: namespace, interface and address of both ends.
const WIRES: [[(&str, &str, &str); 2]; 3] = [
    [(NEAR, "hop0", "10.98.1.1"), (HOP, "near0", "10.98.1.2")],
    [(HOP, "far0", "10.98.2.1"), (FAR, "hop0", "10.98.2.2")],
    [(NEAR, "far0", "10.98.3.1"), (FAR, "near0", "10.98.3.2")],
];

/// Settings of all clients; and those with the same key exchange everywhere.
const CONFIG: &str = "ssh_config";
const CONFIG_SAME_KEX: &str = "ssh_config.same_kex";

/// Clients of the uplink zone: the box lets four from one address log in at once, and 4 a second.
pub(crate) const CLIENTS: usize = 10;

/// The plant's second name for its machine, whose conduit records length and hash.
const CONDUITS: &str = r#"
[[conduit]]
id = "bench-content"
people = ["vera"]
targets = ["plc-gw"]
longest = "8h"
idle = "2h"
input = "all"
streams = "content"

[[conduit]]
id = "bench-hash"
people = ["vera"]
targets = ["plc-hash"]
longest = "8h"
idle = "2h"
input = "all"
streams = "length-and-hash"
"#;

/// People who may lift a cut-off.
const KEEPERS: usize = 10;
const PASSWORD: &str = "a password of the bench";

/// A keeper's one-time seed: each their own.
fn seed(number: usize) -> String {
    "JBSWY3DPEHPK3PXP".chars().cycle().skip(number).take(32).collect()
}

/// All that is measured.
pub struct Lab {
    state: PathBuf,
    client: String,
    machines: String,
    dinlock: String,
    socket: String,
    /// Whose turn it is to re-arm: a code is good once, so they take turns.
    keeper: Cell<usize>,
    pids: Vec<(String, u32)>,
    servers: Vec<Child>,
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let out = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let out = out.map_err(|e| format!("can't start {program}: {e}"))?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    let why = String::from_utf8_lossy(&out.stderr);
    Err(format!("{program} {} ended with {}: {}", arguments.join(" "), out.status, why.trim()))
}

fn ip(arguments: &[&str]) -> Result<String, String> {
    run("ip", arguments)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

impl Lab {
    /// Lays everything beside a box whose `demo.json` says `facts`.
    ///
    /// # Errors
    /// In words; what was laid until then is removed.
    pub fn lay(facts: &Value) -> Result<Self, String> {
        let fact = |pointer: &str| {
            let found = facts.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            found.ok_or_else(|| format!("demo.json has no {pointer}"))
        };
        let pids = facts["pids"].as_object().into_iter().flatten();
        let pids = pids.filter_map(|(name, pid)| Some((name.clone(), u32::try_from(pid.as_u64()?).ok()?)));
        let mut lab = Self {
            state: PathBuf::from(fact("/state")?),
            client: fact("/netns/client")?,
            machines: fact("/netns/machines")?,
            dinlock: fact("/dinlock")?,
            socket: fact("/admin/socket")?,
            keeper: Cell::new(0),
            pids: pids.collect(),
            servers: Vec::new(),
        };
        remove();
        fs::create_dir_all(lab.folder()).map_err(|e| format!("{}: {e}", lab.folder().display()))?;
        lab.wire()?;
        lab.plant()?;
        lab.configure()?;
        let hop = lab.serve(HOP, "10.98.1.2", "hop")?;
        let group = hop_group();
        fs::create_dir_all(&group).map_err(|e| format!("{}: {e}", group.display()))?;
        write(&group.join("cgroup.procs"), &hop.to_string())?;
        lab.serve(FAR, "10.98.2.2\nListenAddress 10.98.3.2", "far")?;
        for way in Way::ALL {
            lab.wait_for(way)?;
        }
        Ok(lab)
    }

    fn folder(&self) -> PathBuf {
        self.state.join("bench")
    }

    /// A file that the machine's account can read, and where the client's side finds it too.
    pub(crate) fn shared(&self, name: &str) -> PathBuf {
        self.state.join("plant/home").join(name)
    }

    /// Where the box keeps its recordings.
    pub(crate) fn recordings(&self) -> PathBuf {
        self.state.join("data")
    }

    /// The box's long-lived processes.
    pub(crate) fn parts(&self) -> impl Iterator<Item = u32> + '_ {
        self.pids.iter().filter(|(name, _)| name != "xtask" && name != "sshd").map(|(_, pid)| *pid)
    }

    /// Processor time that the jump host has taken so far, in seconds.
    pub(crate) fn hop_cpu_s(&self) -> Result<f64, String> {
        let text = read(&hop_group().join("cpu.stat"))?;
        let micros = text.lines().find_map(|line| line.strip_prefix("usage_usec ")?.parse::<f64>().ok());
        micros.map(|micros| micros / 1e6).ok_or_else(|| format!("cpu.stat is not as expected: {text}"))
    }

    fn wire(&self) -> Result<(), String> {
        for name in [NEAR, HOP, FAR] {
            ip(&["netns", "add", name])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
        }
        for [(left, left_name, left_address), (right, right_name, right_address)] in WIRES {
            ip(&["link", "add", left_name, "netns", left, "type", "veth", "peer", "name", right_name, "netns", right])?;
            for (namespace, name, address) in [(left, left_name, left_address), (right, right_name, right_address)] {
                ip(&["-n", namespace, "addr", "add", &format!("{address}/24"), "dev", name])?;
                ip(&["-n", namespace, "link", "set", name, "up"])?;
            }
        }
        for client in 0..CLIENTS {
            ip(&["-n", &self.client, "addr", "add", &format!("{}/24", client_address(client)), "dev", "uplink0"])?;
        }
        Ok(())
    }

    /// The demo's plant, with the bench's conduits instead of its own.
    fn plant(&self) -> Result<(), String> {
        let text = read(&self.state.join("plant.toml"))?;
        let head = text.split("[[conduit]]").next().unwrap_or_default();
        let target = head.find("[[target]]").map(|at| head[at..].replacen("\"plc-gw\"", "\"plc-hash\"", 1));
        let target = target.ok_or("the demo's plant has no target")?;
        let file = self.folder().join("plant.toml");
        let keepers: String = (0..KEEPERS)
            .map(|number| format!("\n[[person]]\nid = \"keeper{number}\"\nname = \"Keeper {number}\"\nlogin = \"password+totp\"\n"))
            .collect();
        write(&file, &format!("{head}\n{target}\n{keepers}{CONDUITS}"))?;
        self.dinlock(&["apply", &file.display().to_string()])?;
        for number in 0..KEEPERS {
            self.dinlock(&["person", "set", &format!("keeper{number}"), "--totp", &seed(number), "--password", PASSWORD])?;
        }
        Ok(())
    }

    fn dinlock(&self, arguments: &[&str]) -> Result<String, String> {
        run(&self.dinlock, &[&["--socket", &self.socket], arguments].concat())
    }

    /// Lifts a cut-off, and waits until the box is armed.
    pub(crate) fn rearm(&self) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let keeper = self.keeper.get();
            self.keeper.set((keeper + 1) % KEEPERS);
            let (person, code) = (format!("keeper{keeper}"), outside::code(&seed(keeper)));
            let password = self.folder().join("password");
            write(&password, PASSWORD)?;
            let file = password.display().to_string();
            match self.dinlock(&["cutoff", "rearm", "--person", &person, "--code", &code, "--password-file", &file]) {
                Ok(_) => return Ok(()),
                // A code that was used already, a broker that is only waking up.
                Err(why) if begun.elapsed() > Duration::from_secs(90) => return Err(why),
                Err(_) => std::thread::sleep(Duration::from_millis(500)),
            }
        }
    }

    /// The namespace of the machines.
    pub(crate) fn machines(&self) -> &str {
        &self.machines
    }

    /// The guardian's desk.
    pub(crate) fn desk(&self) -> PathBuf {
        self.state.join("guardian.sock")
    }

    /// A file of the bench's own.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The pid of one of the box's long-lived processes.
    pub(crate) fn part(&self, name: &str) -> Result<u32, String> {
        let found = self.pids.iter().find(|(known, _)| known == name).map(|(_, pid)| *pid);
        found.ok_or_else(|| format!("the demo does not say which process its {name} is"))
    }

    fn configure(&self) -> Result<(), String> {
        let plant = self.state.join("plant");
        let host_key = read(&plant.join("host_key.pub"))?;
        let known = self.folder().join("known_hosts");
        let lines = ["10.98.1.2", "10.98.2.2", "10.98.3.2"].map(|address| format!("{address} {host_key}"));
        write(&known, &lines.concat())?;
        let (known, account) = (known.display().to_string(), plant.join("account_key").display().to_string());
        let vera = self.state.join("people/vera").display().to_string();
        // The first value counts, so the settings for all come last.
        let text = format!(
            "Host direct\n  HostName 10.98.3.2\n  User maint\n  IdentityFile {account}\n\
             Host hop\n  HostName 10.98.1.2\n  User maint\n  IdentityFile {account}\n\
             Host jump\n  HostName 10.98.2.2\n  User maint\n  IdentityFile {account}\n  ProxyJump hop\n\
             Host content\n  HostName 10.99.1.1\n  Port 2222\n  User vera+plc-gw\n  IdentityFile {vera}\n\
             Host hash\n  HostName 10.99.1.1\n  Port 2222\n  User vera+plc-hash\n  IdentityFile {vera}\n\
             Host *\n  UserKnownHostsFile {known}\n  GlobalKnownHostsFile none\n  StrictHostKeyChecking accept-new\n  \
             IdentitiesOnly yes\n  IdentityAgent none\n  BatchMode yes\n  ConnectTimeout 30\n  LogLevel ERROR\n  \
             IgnoreUnknown ObscureKeystrokeTiming\n  ObscureKeystrokeTiming no\n"
        );
        write(&self.folder().join(CONFIG), &text)?;
        write(&self.folder().join(CONFIG_SAME_KEX), &format!("{text}  KexAlgorithms curve25519-sha256\n"))
    }

    /// A server with the plant's settings, its accounts and its machine's keys.
    fn serve(&mut self, namespace: &str, listen: &str, name: &str) -> Result<u32, String> {
        let plant = self.state.join("plant");
        let text = read(&plant.join("sshd_config"))?;
        let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("ListenAddress")).collect();
        let file = self.folder().join(format!("sshd_config.{name}"));
        write(&file, &format!("{}\nListenAddress {listen}\n", kept.join("\n")))?;
        let log = fs::File::create(self.folder().join(format!("sshd.{name}.log"))).map_err(|e| format!("sshd's log: {e}"))?;
        let script = format!(
            "for f in passwd group shadow; do mount --bind {0}/$f /etc/$f || exit 1; done; exec /usr/sbin/sshd -D -e -f {1}",
            plant.display(),
            file.display()
        );
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, "/bin/sh", "-c", &script]);
        let server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let server = server.map_err(|e| format!("can't start sshd: {e}"))?;
        let pid = server.id();
        self.servers.push(server);
        Ok(pid)
    }

    fn wait_for(&self, way: Way) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let out = self.ssh(way, &[], &["true"]).stdin(Stdio::null()).output();
            let out = out.map_err(|e| format!("can't start ssh: {e}"))?;
            if out.status.success() {
                return Ok(());
            }
            if begun.elapsed() > Duration::from_secs(20) {
                let why = String::from_utf8_lossy(&out.stderr).trim().to_owned();
                return Err(format!("{} does not work: {why}", way.name()));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// A client on this way, as it is.
    pub(crate) fn ssh(&self, way: Way, options: &[&str], command: &[&str]) -> Command {
        self.client(way, CONFIG, options, command)
    }

    /// The same with the one key exchange that every version of OpenSSH shares with the box.
    pub(crate) fn ssh_same_kex(&self, way: Way, options: &[&str], command: &[&str]) -> Command {
        self.client(way, CONFIG_SAME_KEX, options, command)
    }

    fn client(&self, way: Way, config: &str, options: &[&str], command: &[&str]) -> Command {
        let namespace = if way.is_box() { &self.client } else { NEAR };
        let mut ssh = Command::new("ip");
        ssh.args(["netns", "exec", namespace, "ssh", "-F"]).arg(self.folder().join(config));
        ssh.args(options).arg(way.host()).args(command);
        ssh
    }
}

/// The jump host's own cgroup: its server leaves processes behind whose time nobody else adds up.
fn hop_group() -> PathBuf {
    let hybrid = Path::new("/sys/fs/cgroup/unified");
    if hybrid.exists() { hybrid } else { Path::new("/sys/fs/cgroup") }.join(HOP)
}

/// The address of one of the clients in the uplink zone.
pub(crate) fn client_address(client: usize) -> String {
    format!("10.99.1.{}", 100 + client)
}

/// Ends what still runs in the bench's namespaces, and removes them.
fn remove() {
    let listed = ip(&["netns", "list"]).unwrap_or_default();
    for name in [NEAR, HOP, FAR] {
        if listed.lines().any(|line| line.split_whitespace().next() == Some(name)) {
            for pid in ip(&["netns", "pids", name]).unwrap_or_default().lines() {
                run("kill", &["-KILL", pid]).ok();
            }
            ip(&["netns", "del", name]).ok();
        }
    }
    fs::remove_dir(hop_group()).ok();
}

impl Drop for Lab {
    fn drop(&mut self) {
        for server in &mut self.servers {
            server.kill().ok();
            server.wait().ok();
        }
        remove();
    }
}
