//! `cargo xtask demo`: the box on this machine, each zone a real network namespace, with a plant.

mod board;
mod machines;
mod parts;
mod people;
mod zones;

use crate::run::{output, root, succeed, target};
use crate::setup;
use clap::Args;
use machines::Machines;
use os::poll::Poll;
use os::signal::Terminated;
use parts::{Parts, Plan};
use people::People;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The port on which the box answers SSH in the demo.
const SSH_PORT: u16 = 2222;
/// How long the box may take to come up.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Options of the demo.
#[derive(Args, Clone)]
pub struct Options {
    /// Another plant file than the demo's own.
    #[arg(long)]
    plant: Option<PathBuf>,
    /// Where its state lies.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Return when the box is ready; `--stop` ends it.
    #[arg(long)]
    detach: bool,
    /// Show the box's console in this terminal; leaving it ends the demo.
    #[arg(long)]
    console: bool,
    /// End a detached demo.
    #[arg(long)]
    stop: bool,
    /// Work a running demo's board: contact open, contact closed, contact cut, key down, key up, lamps, food, power.
    #[arg(long, value_name = "COMMAND")]
    board: Option<String>,
    /// Another folder of the workers' executables than the built one: tests plant faults there.
    #[arg(long, hide = true)]
    workers: Option<PathBuf>,
    /// Be the process that stays (used by `--detach`).
    #[arg(long, hide = true)]
    stay: bool,
    /// End with the process that started this one.
    #[arg(long, hide = true)]
    bound: bool,
}

impl Options {
    /// A demo of its own, that another command of xtask begins and stops; it ends with that command.
    pub fn detached(state: PathBuf) -> Self {
        Self { plant: None, state: Some(state), detach: true, console: false, stop: false, board: None, workers: None, stay: false, bound: true }
    }
}

/// Runs, detaches or stops the demo.
pub fn demo(options: &Options) -> Result<(), String> {
    let state = std::path::absolute(options.state.clone().unwrap_or_else(|| root().join("target/demo")))
        .map_err(|e| format!("state folder: {e}"))?;
    if output(Command::new("id").arg("-u"))?.trim() != "0" {
        return Err("the demo makes network namespaces, which needs root: run it as root (sudo cargo xtask demo)".into());
    }
    if options.stop {
        return stop(&state);
    }
    if let Some(command) = &options.board {
        println!("{}", board::ask(&state, command)?);
        return Ok(());
    }
    if options.stay {
        return stay(&state, options);
    }
    setup::ensure()?;
    println!("building the box (release, as it ships)");
    succeed(Command::new("cargo").args(["build", "--locked", "--release", "--workspace", "--bins"]))?;
    stop(&state).ok();
    let mut child = begin(&state, options)?;
    let described = wait_ready(&state, &mut child)?;
    banner(&described);
    if options.console {
        let socket = parts::socket(&state, "admin");
        let dinlock = target().join("release/dinlock");
        let shown = Command::new(dinlock).arg("--socket").arg(socket).arg("console").status();
        if !options.detach {
            stop(&state)?;
        }
        let shown = shown.map_err(|e| format!("can't start dinlock: {e}"))?;
        return if shown.success() { Ok(()) } else { Err(format!("the console ended with {shown}")) };
    }
    if !options.detach {
        println!("\nCtrl-C ends it.");
        child.wait().map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn begin(state: &Path, options: &Options) -> Result<Child, String> {
    fs::create_dir_all(state.join("log")).map_err(|e| format!("{}: {e}", state.display()))?;
    fs::remove_file(state.join("demo.json")).ok();
    let log = fs::File::create(state.join("log/demo.log")).map_err(|e| format!("demo.log: {e}"))?;
    let mut command = Command::new(std::env::current_exe().map_err(|e| e.to_string())?);
    command.args(["demo", "--stay", "--state"]).arg(state);
    if let Some(plant) = &options.plant {
        command.arg("--plant").arg(std::path::absolute(plant).map_err(|e| e.to_string())?);
    }
    if let Some(workers) = &options.workers {
        command.arg("--workers").arg(workers);
    }
    let errors = log.try_clone().map_err(|e| e.to_string())?;
    command.current_dir(root()).stdin(Stdio::null()).stdout(log).stderr(errors);
    if !options.detach || options.bound {
        command.arg("--bound");
    }
    // Its own group: Ctrl-C shall reach it through us, so that it ends what it started.
    command.process_group(0);
    command.spawn().map_err(|e| format!("can't start the demo: {e}"))
}

fn wait_ready(state: &Path, child: &mut Child) -> Result<Value, String> {
    let start = Instant::now();
    while start.elapsed() < READY_WITHIN {
        if let Ok(text) = fs::read_to_string(state.join("demo.json")) {
            return serde_json::from_str(&text).map_err(|e| format!("demo.json: {e}"));
        }
        if let Ok(Some(status)) = child.try_wait() {
            let log = fs::read_to_string(state.join("log/demo.log")).unwrap_or_default();
            return Err(format!("the demo ended with {status}:\n{log}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    stop(state).ok();
    Err(format!("the box was not ready within {} s; see {}", READY_WITHIN.as_secs(), state.join("log").display()))
}

fn banner(described: &Value) {
    let text = |pointer: &str| described.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let port = described.pointer("/ssh/port").and_then(Value::as_u64).unwrap_or_default();
    println!(
        "\nDinlock runs. Real here: zones, processes, sandboxes, SSH on both sides, records and audit.\n\
         Stand-ins here: the disk encryption, and a board's watchdog, wired contact, keyboard and lamps.\n\n\
         Work on the machine as Vera, a vendor:\n  \
         ssh -p {port} -i {} -o UserKnownHostsFile={}/known_hosts -o IdentitiesOnly=yes vera+plc-gw@127.0.0.1\n\n\
         See who works:   {} session list\n\
         Read the audit:  {} audit list\n\
         (both with DINLOCK_SOCKET={})",
        text("/people/0/ssh_key"),
        text("/state"),
        text("/dinlock"),
        text("/dinlock"),
        text("/admin/socket"),
    );
}

/// The process that stays: it holds the machines and the parts, and ends them.
fn stay(state: &Path, options: &Options) -> Result<(), String> {
    let (plant, bound) = (options.plant.as_deref(), options.bound);
    let starter = bound.then(parent_id);
    let told = Terminated::new().map_err(|e| format!("signals: {e}"))?;
    let pids = Pids::new(state)?;
    pids.add("xtask", std::process::id())?;
    let executables = target().join("release");
    zones::lay().inspect_err(|_| zones::remove())?;
    let machines = Machines::prepare(state)?;
    let people = People::prepare(state)?;
    let mut servers = machines.start()?;
    pids.add("sshd", servers.id())?;
    let dinlock = executables.join("dinlock");
    let (auditor, recipient) = people.auditor(&dinlock)?;

    let data = state.join("data");
    fs::create_dir_all(&data).map_err(|e| format!("{}: {e}", data.display()))?;
    succeed(Command::new("chown").arg("-R").arg(format!("{0}:{0}", parts::VAULT_UID)).arg(&data))?;
    let local = os::tcp::listen(([127, 0, 0, 1], SSH_PORT).into()).map_err(|e| format!("127.0.0.1:{SSH_PORT}: {e}"))?;
    let bind = [format!("10.99.1.1:{SSH_PORT}"), format!("[fd99:1::1]:{SSH_PORT}")];
    let workers = options.workers.clone().unwrap_or_else(|| executables.clone());
    let plan = Plan { executables, workers, state: state.to_path_buf(), bind: bind.to_vec(), inherited: vec![local] };
    let mut parts = Parts::prepare(plan)?;
    let mut facts = Facts { state, dinlock: &dinlock, people: &people, auditor: &auditor, box_key: String::new() };

    let outcome = parts
        .start()
        .and_then(|()| parts.pids().try_for_each(|(name, pid)| pids.add(name, pid)))
        .and_then(|()| fill(state, &dinlock, &machines, &people, &recipient, plant))
        .and_then(|box_key| {
            facts.box_key = box_key;
            facts.describe(&parts)
        })
        .and_then(|()| watch(&mut parts, &facts, &pids, starter, &told));
    parts.end();
    servers.kill().ok();
    servers.wait().ok();
    kill_workers();
    zones::remove();
    outcome
}

/// `dinlock` with this demo's socket.
fn ask(state: &Path, dinlock: &Path) -> Command {
    let mut command = Command::new(dinlock);
    command.arg("--socket").arg(parts::socket(state, "admin"));
    command
}

/// Waits for the box and gives it its plant and secrets. Returns the box's public key.
fn fill(
    state: &Path,
    dinlock: &Path,
    machines: &Machines,
    people: &People,
    recipient: &str,
    plant: Option<&Path>,
) -> Result<String, String> {
    let start = Instant::now();
    let status = loop {
        match output(ask(state, dinlock).args(["status", "--json"])) {
            Ok(status) => break status,
            Err(why) if start.elapsed() > READY_WITHIN => return Err(format!("the box does not answer: {why}")),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    };
    let file = state.join("plant.toml");
    let text = match plant {
        Some(path) => fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?,
        None => people.plant_file(machines, recipient)?,
    };
    fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
    succeed(ask(state, dinlock).arg("apply").arg(&file))?;
    succeed(ask(state, dinlock).args(["secret", "set", "plc-gw-maint", "--file"]).arg(machines.file("account_key")))?;
    succeed(ask(state, dinlock).args(["person", "set", "otto", "--totp", people.otto_seed(), "--password", people.otto_password()]))?;
    if plant.is_none() {
        people::set_pin(&mut ask(state, dinlock), "otto", people::OTTO_PIN)?;
    }
    // Armed, or held for a reason that a person has to lift.
    while start.elapsed() < READY_WITHIN {
        let now = output(ask(state, dinlock).args(["status", "--json"])).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let now = now.unwrap_or_default();
        let held = now["held"].as_str().unwrap_or_default();
        if now["armed"] == true || (!held.is_empty() && !held.contains("not armed yet")) {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let status: Value = serde_json::from_str(&status).map_err(|e| format!("status: {e}"))?;
    Ok(status["box_key"].as_str().unwrap_or_default().to_owned())
}

/// What `demo.json` says.
struct Facts<'a> {
    state: &'a Path,
    dinlock: &'a Path,
    people: &'a People,
    auditor: &'a Path,
    box_key: String,
}

impl Facts<'_> {
    /// Writes it; again when a part has another pid.
    fn describe(&self, parts: &Parts) -> Result<(), String> {
        let pids: serde_json::Map<String, Value> = parts.pids().map(|(name, pid)| (name.to_owned(), json!(pid))).collect();
        let described = json!({
            "state": self.state,
            "ssh": {"host": "127.0.0.1", "port": SSH_PORT},
            "portal": null,
            "rdp": null,
            "netns": {"client": zones::CLIENT, "uplink": zones::UPLINK, "ot": zones::OT, "machines": zones::MACHINES},
            "people": self.people.describe(),
            "targets": [{"name": "plc-gw", "kind": "ssh", "address": format!("{}:22", machines::PLC_GW)}],
            "forbidden": People::forbidden(),
            "admin": {"cert": null, "key": null, "socket": parts::socket(self.state, "admin")},
            "auditor": {"identity": self.auditor},
            "box_key": self.box_key,
            "pids": pids,
            "dinlock": self.dinlock,
        });
        let path = self.state.join("demo.json");
        let text = serde_json::to_string_pretty(&described).map_err(|e| e.to_string())?;
        let partial = self.state.join("demo.json.new");
        let written = fs::write(&partial, text + "\n").and_then(|()| fs::rename(&partial, &path));
        written.map_err(|e| format!("{}: {e}", path.display()))
    }
}

/// Starts parts again that end, until it is told to stop: by its starter's end (Ctrl-C), or SIGTERM.
fn watch(parts: &mut Parts, facts: &Facts<'_>, pids: &Pids, starter: Option<u32>, told: &Terminated) -> Result<(), String> {
    let poll = Poll::new().map_err(|e| format!("epoll: {e}"))?;
    poll.add(told, 0, true, false).map_err(|e| format!("epoll: {e}"))?;
    let mut ready = Vec::new();
    loop {
        poll.wait(&mut ready, Some(Duration::from_millis(100))).map_err(|e| format!("epoll: {e}"))?;
        if !ready.is_empty() || starter.is_some_and(|starter| starter != parent_id()) {
            return Ok(());
        }
        let reset = parts.reset()?;
        let revived = parts.revive()?;
        for (name, pid) in parts.pids().filter(|(name, _)| reset || revived.contains(name)) {
            pids.add(name, pid)?;
        }
        if reset || !revived.is_empty() {
            facts.describe(parts)?;
        }
    }
}

/// Workers outlive the launcher by design; the demo's end is theirs too.
fn kill_workers() {
    for hierarchy in ["/sys/fs/cgroup/unified/dinlock", "/sys/fs/cgroup/dinlock"] {
        fs::write(Path::new(hierarchy).join("cgroup.kill"), "1").ok();
    }
}

/// What the demo started, a line each: name and pid. It outlives a demo that was killed.
struct Pids {
    path: PathBuf,
}

impl Pids {
    const FILE: &str = "demo.pids";

    fn new(state: &Path) -> Result<Self, String> {
        let path = state.join(Self::FILE);
        fs::write(&path, "").map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self { path })
    }

    fn add(&self, name: &str, pid: u32) -> Result<(), String> {
        let file = fs::File::options().append(true).open(&self.path);
        file.and_then(|mut file| writeln!(file, "{name} {pid}")).map_err(|e| format!("{}: {e}", self.path.display()))
    }
}

/// Whether this pid is still that program: numbers are used again.
fn is_still(name: &str, pid: &str) -> bool {
    let executable = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    executable.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.trim_end_matches(" (deleted)") == name)
}

/// Ends the demo of this state, and everything that it started.
pub fn stop(state: &Path) -> Result<(), String> {
    let path = state.join(Pids::FILE);
    let text = fs::read_to_string(&path).map_err(|_| format!("no demo runs on {}", state.display()))?;
    let named: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(' ')).collect();
    // The process that stays ends all others in their order; what is then left ends too.
    for first in [true, false] {
        let these: Vec<_> = named.iter().filter(|(name, _)| !first || *name == "xtask").collect();
        for (name, pid) in &these {
            if is_still(name, pid) {
                Command::new("kill").args(["-TERM", pid]).stderr(Stdio::null()).status().ok();
            }
        }
        let start = Instant::now();
        while these.iter().any(|(name, pid)| is_still(name, pid)) && start.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    kill_workers();
    // Sessions that a machine serves still: they are in its namespace and nowhere else.
    for pid in output(Command::new("ip").args(["netns", "pids", zones::MACHINES])).unwrap_or_default().lines() {
        Command::new("kill").args(["-KILL", pid]).stderr(Stdio::null()).status().ok();
    }
    zones::remove();
    fs::remove_file(&path).ok();
    fs::remove_file(state.join("demo.json")).ok();
    Ok(())
}
