//! The whole box with real peers: the demo's processes, OpenSSH on both sides, real namespaces.
//!
//! Tests reach the box as its users do (`ssh`, `dinlock`) and look at it from outside (`/proc`,
//! namespaces). It must never send a packet but to loopback and the namespaces that the demo made.
//! Needs root. One box at a time: `.config/nextest.toml`.

mod terminal;

pub use terminal::Terminal;

use guard::State;
use outside::Desk;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A running box. It ends with this value.
pub struct TheBox {
    state: PathBuf,
    facts: Value,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).expect("three folders below the root").to_path_buf()
}

fn xtask(arguments: &[&str], state: &Path) -> Output {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--locked", "--package", "xtask", "--", "demo"]).args(arguments);
    command.arg("--state").arg(state).current_dir(root()).stdin(Stdio::null());
    command.output().expect("cargo runs")
}

impl TheBox {
    /// Starts a box with nothing on its disk.
    pub fn start() -> Self {
        Self::start_on(|_| {})
    }

    /// The same, after something was done with its empty state folder.
    pub fn start_on(prepare: impl FnOnce(&Path)) -> Self {
        Self::start_with(prepare, &[])
    }

    /// One whose mediators never end a session by their own clock.
    pub fn start_without_clocks() -> Self {
        let workers = std::env::temp_dir().join(format!("dinlock-workers-{}", std::process::id()));
        fs::remove_dir_all(&workers).ok();
        fs::create_dir_all(&workers).expect("the temporary folder takes a folder");
        let built = root().join("target/release");
        let build = ["build", "--quiet", "--locked", "--release", "--workspace", "--bins"];
        let done = Command::new(env!("CARGO")).args(build).current_dir(root()).status().expect("cargo runs");
        assert!(done.success());
        for (name, from) in [("front-ssh", "front-ssh"), ("back-ssh", "back-ssh"), ("mediator", "mediator-without-clock")] {
            fs::copy(built.join(from), workers.join(name)).expect("it was built");
        }
        Self::start_with(|_| {}, &["--workers", workers.to_str().expect("a plain path")])
    }

    fn start_with(prepare: impl FnOnce(&Path), options: &[&str]) -> Self {
        let state = std::env::temp_dir().join(format!("dinlock-box-{}", std::process::id()));
        fs::remove_dir_all(&state).ok();
        fs::create_dir_all(&state).expect("the temporary folder takes a folder");
        prepare(&state);
        let begun = xtask(&[&["--detach"], options].concat(), &state);
        assert!(begun.status.success(), "{}", String::from_utf8_lossy(&begun.stderr));
        let text = fs::read_to_string(state.join("demo.json")).expect("demo.json is there when the box is ready");
        Self { facts: serde_json::from_str(&text).expect("demo.json is JSON"), state }
    }

    /// Reads `demo.json` again: parts that were started again have other pids.
    pub fn read_facts(&mut self) {
        let text = fs::read_to_string(self.state.join("demo.json")).expect("demo.json stays");
        self.facts = serde_json::from_str(&text).expect("demo.json is JSON");
    }

    /// A text of `demo.json`.
    pub fn fact(&self, pointer: &str) -> String {
        let value = self.facts.pointer(pointer).unwrap_or_else(|| panic!("demo.json has no {pointer}"));
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// The box's state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Works the board: `contact open`, `key down`, `lamps`, `food`, `power`. Its answer.
    pub fn board(&self, command: &str) -> String {
        let mut board = UnixStream::connect(self.state.join("board.sock")).expect("the demo's board listens");
        writeln!(board, "{command}").expect("it takes a line");
        let mut answer = String::new();
        BufReader::new(board).read_line(&mut answer).expect("it answers");
        answer.trim().to_owned()
    }

    /// A place at the guardian's desk.
    pub fn desk(&self) -> Desk {
        let desk = within(Duration::from_secs(20), || Desk::at(&self.state.join("guardian.sock")).ok());
        desk.expect("a guardian runs")
    }

    /// How the guardian stands; it may be a new one each time.
    pub fn state_of_guardian(&self) -> State {
        let state = within(Duration::from_secs(20), || Desk::at(&self.state.join("guardian.sock")).ok()?.look().ok());
        state.expect("a guardian runs")
    }

    /// Waits until the guardian stands so.
    pub fn until(&self, what: &str, fits: impl Fn(&State) -> bool) -> State {
        let mut last = None;
        let found = within(Duration::from_secs(40), || {
            let state = self.state_of_guardian();
            last = Some(state);
            fits(&state).then_some(state)
        });
        found.unwrap_or_else(|| panic!("not {what} within 40 s: {last:?}"))
    }

    /// Otto lifts a cut-off, with a fresh code.
    pub fn rearm(&self) -> Output {
        let begun = Instant::now();
        loop {
            let done = self.dinlock(&["cutoff", "rearm", "--person", "otto", "--code", &self.code("otto")]);
            // A code is good once, and who was refused has to wait.
            if done.status.success() || begun.elapsed() > Duration::from_secs(60) {
                return done;
            }
            std::thread::sleep(Duration::from_secs(10));
        }
    }

    /// `ssh` as this person, with options.
    pub fn ssh(&self, options: &[&str], user: &str) -> Command {
        let person = user.split('+').next().unwrap_or_default();
        let key = self.state.join("people").join(person);
        let hosts = self.state.join("known_hosts");
        let mut command = Command::new("ssh");
        // Of two values of an option, ssh takes the first: the caller's own.
        command.args(["-F", "none"]).args(options);
        command.args(["-o", "StrictHostKeyChecking=no", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR"]);
        command.args(["-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=20"]);
        command.arg("-o").arg(format!("UserKnownHostsFile={}", hosts.display())).arg("-i").arg(key);
        command.args(["-p", &self.fact("/ssh/port")]);
        command.arg(format!("{user}@{}", self.fact("/ssh/host")));
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command on the machine as Vera.
    pub fn vera(&self, command: &str) -> Output {
        self.ssh(&[], "vera+plc-gw").arg(command).output().expect("ssh runs")
    }

    /// `dinlock` on this box.
    pub fn dinlock(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.fact("/dinlock"));
        command.args(["--socket", &self.fact("/admin/socket")]).args(arguments);
        command.output().expect("dinlock runs")
    }

    /// A listing of `dinlock`.
    pub fn listing(&self, arguments: &[&str]) -> Vec<Value> {
        let out = self.dinlock(&[arguments, &["--json"]].concat());
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).expect("a JSON list")
    }

    /// Audit rows of a kind.
    pub fn audited(&self, kind: &str) -> Vec<Value> {
        self.listing(&["audit", "list"]).into_iter().filter(|row| row["kind"] == kind).collect()
    }

    /// The one living session.
    pub fn living(&self) -> Option<String> {
        let rows = self.listing(&["session", "list"]);
        rows.iter().find(|row| row["state"] == "live" || row["state"] == "paused").map(|row| text(&row["id"]))
    }

    /// Has this command run on a target, with a terminal, and waits for the session to live.
    pub fn begin(&self, user: &str, command: &str) -> (Child, String) {
        let known: Vec<String> = self.listing(&["session", "list"]).iter().map(|row| text(&row["id"])).collect();
        let mut ssh = self.ssh(&["-tt"], user);
        let ssh = ssh.arg(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("ssh runs");
        let id = within(Duration::from_secs(20), || {
            let rows = self.listing(&["session", "list"]);
            rows.iter().find(|row| row["state"] == "live" && !known.contains(&text(&row["id"]))).map(|row| text(&row["id"]))
        });
        (ssh, id.expect("a new session lives within 20 s"))
    }

    /// The same, with a person who types and reads.
    pub fn terminal(&self, user: &str, command: &str) -> (Terminal, String) {
        let known: Vec<String> = self.listing(&["session", "list"]).iter().map(|row| text(&row["id"])).collect();
        let terminal = Terminal::start(self.ssh(&["-tt"], user).arg(command));
        let id = within(Duration::from_secs(20), || {
            let rows = self.listing(&["session", "list"]);
            rows.iter().find(|row| row["state"] == "live" && !known.contains(&text(&row["id"]))).map(|row| text(&row["id"]))
        });
        let id = id.unwrap_or_else(|| panic!("a new session lives within 20 s: {}", terminal.seen()));
        (terminal, id)
    }

    /// Another name for the machine of the demo, as a plant file has it.
    pub fn same_machine(&self, id: &str) -> String {
        target(id, 22, &line(&self.plant(), "host_keys"))
    }

    /// A session's row once it has ended.
    pub fn wait_row(&self, id: &str, time: Duration) -> Value {
        let ended = within(time, || {
            let rows = self.listing(&["session", "list", "--all"]);
            rows.iter().find(|row| row["id"] == id && row["state"] == "ended").cloned()
        });
        ended.unwrap_or_else(|| panic!("{id} ends within {time:?}"))
    }

    /// The plant file, as the box writes it.
    pub fn plant(&self) -> String {
        out(&self.dinlock(&["export"]))
    }

    /// Applies a plant file.
    pub fn apply(&self, plant: &str) -> Output {
        let file = self.state.join("changed.toml");
        fs::write(&file, plant).expect("the state folder takes a file");
        self.dinlock(&["apply", file.to_str().expect("a plain path")])
    }

    /// Changes the box's plant file and applies it.
    pub fn change(&self, edit: impl Fn(&str) -> String) {
        let applied = self.apply(&edit(&self.plant()));
        assert!(applied.status.success(), "{}", err(&applied));
    }

    /// Exports a recording once the ledger says that it is closed, and gives the export's folder.
    pub fn export(&self, id: &str) -> String {
        let closed = within(Duration::from_secs(20), || {
            let over = |row: &Value| row["session"] == id && (row["kind"] == "recording.closed" || row["kind"] == "recording.failed");
            self.listing(&["audit", "list"]).iter().any(over).then_some(())
        });
        closed.unwrap_or_else(|| panic!("the recording of {id} is closed within 20 s"));
        let folder = self.state.join(format!("export-{id}"));
        let folder = folder.to_str().expect("a plain path").to_owned();
        let done = self.dinlock(&["recording", "export", id, "--out", &folder]);
        assert!(done.status.success(), "{}", err(&done));
        folder
    }

    /// An exported recording, read by the auditor.
    pub fn read(&self, folder: &str, format: &str) -> String {
        let identity = self.fact("/auditor/identity");
        let read = self.dinlock(&["recording", "export", folder, "--format", format, "--identity", &identity]);
        assert!(read.status.success(), "{}", err(&read));
        out(&read)
    }

    /// `dinlock verify` of an export, with the box's key and without the box.
    pub fn verify(&self, path: &str) -> Output {
        let mut command = Command::new(self.fact("/dinlock"));
        command.args(["--socket", "/nowhere", "verify", "--box", &self.fact("/box_key"), path]);
        command.output().expect("dinlock runs")
    }

    /// Waits for the one living session.
    pub fn wait_living(&self) -> String {
        let found = within(Duration::from_secs(20), || self.living());
        found.expect("a session lives within 20 s")
    }

    /// How a session ended, once it has; and how long that took from now.
    pub fn wait_ended(&self, id: &str) -> (String, Duration) {
        let start = Instant::now();
        let ended = within(Duration::from_secs(20), || {
            let rows = self.listing(&["session", "list", "--all"]);
            rows.iter().find(|row| row["id"] == id && row["state"] == "ended").map(|row| text(&row["reason"]))
        });
        (ended.expect("it ends within 20 s"), start.elapsed())
    }

    /// Processes of sessions and fronts, by the name of their executable.
    pub fn workers(&self, name: &str) -> Vec<u32> {
        let entries = fs::read_dir("/proc").expect("/proc is there").filter_map(Result::ok);
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let named = |pid: &u32| {
            let first = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            first.split(|b| *b == 0).next() == Some(name.as_bytes())
        };
        pids.filter(named).collect()
    }

    /// The one-time code of a person, now.
    pub fn code(&self, person: &str) -> String {
        let people = self.facts["people"].as_array().expect("people");
        let found = people.iter().find(|p| p["name"] == person).expect("a person of the demo");
        outside::code(found["totp"].as_str().expect("a seed"))
    }
}

impl Drop for TheBox {
    fn drop(&mut self) {
        xtask(&["--stop"], &self.state);
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.state).ok();
        }
    }
}

/// A line of a plant file that begins with this word.
pub fn line(plant: &str, begin: &str) -> String {
    plant.lines().find(|line| line.starts_with(begin)).unwrap_or_else(|| panic!("no {begin}")).to_owned()
}

/// A target on the plant's address, with this port and line of host keys.
pub fn target(id: &str, port: u16, host_keys: &str) -> String {
    format!(
        "\n[[target]]\nid = \"{id}\"\nkind = \"ssh\"\naddress = \"10.99.2.10\"\nport = {port}\n{host_keys}\n\n[[target.account]]\n\
         id = \"maint\"\nuser = \"maint\"\nsecret = \"plc-gw-maint\"\nsecret_kind = \"key\"\n"
    )
}

/// What the box itself said on standard error: not the owner's banner.
pub fn words(output: &Output) -> Vec<String> {
    let text = err(output);
    text.lines().map(|line| line.trim_end_matches('\r').to_owned()).filter(|line| !line.contains("Pump station demo")).collect()
}

/// Ends what the test itself started.
pub fn gone(mut ssh: Child) {
    let left = within(Duration::from_secs(10), || ssh.try_wait().expect("a child"));
    assert!(left.is_some(), "the operator's connection ends too");
}

/// A JSON text.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Asks until there is an answer, or the time is over.
pub fn within<T>(time: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        match ask() {
            Some(answer) => return Some(answer),
            None if start.elapsed() > time => return None,
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Standard output as text.
pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error as text.
pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A signal by name, to one process.
pub fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "{name} to {pid}");
}
