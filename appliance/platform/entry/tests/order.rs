//! Children started by `os::process::spawn` go through `entry::run`, or are stopped by it.
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

use entry::{Process, run};
use os::process::{Executable, Resource, Spawn, Status, spawn, wait};

const GOOD: &str = "include worker\nuid workers\nnetwork empty\nfd 3 control # x\nfd 5 more optional # x\n\
    landlock none # x\nlimit nofile 64\n";

/// The child.
fn child(mode: &str) -> ExitCode {
    let policy = match mode {
        "good" | "escapes" => GOOD,
        "no-reason" => "include worker\nuid any\nnetwork empty\nlandlock none # x\nallow openat\n",
        "no-place" => "include worker\nuid any\nnetwork empty\nfd 3 control # x\nlandlock read @data # x\n",
        other => panic!("{other}"),
    };
    let prepare = |given: &mut entry::Descriptors| {
        assert!(std::env::vars().next().is_none(), "the environment is empty");
        assert_eq!(os::process::capabilities().unwrap(), 0, "spawn left no capability");
        assert_eq!(os::process::user_ids().unwrap(), [100_001; 3]);
        assert_eq!(os::fds::open_numbers().unwrap(), [0, 1, 2, 3], "all others are closed");
        let status = std::fs::read_to_string("/proc/self/status").map_err(|e| e.to_string())?;
        for line in ["NoNewPrivs:\t1", "CapBnd:\t0000000000000000", "Groups:\t \n"] {
            assert!(status.contains(line), "{line:?} in {status}");
        }
        assert!(given.take_optional("more").is_none());
        Ok(given.take("control"))
    };
    run(Process { name: "child", policy }, prepare, |control: OwnedFd| {
        os::seqpacket::send(control.as_fd(), b"ready", &[]).unwrap();
        if mode == "escapes" {
            let _ = File::open("/etc/passwd");
        }
        ExitCode::SUCCESS
    })
}

/// How a child ended, what it said on standard error, and whether it got to serve.
fn start(mode: &str, uid: u32, namespaces: bool, control: bool) -> (Status, String, bool) {
    let (ours, theirs) = os::seqpacket::pair().unwrap();
    os::seqpacket::set_nonblocking(ours.as_fd(), true).unwrap();
    let own = File::open("/proc/self/exe").unwrap();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let leaked = File::open("/dev/null").unwrap();
    let mut fds = vec![(writer.into(), 2), (leaked.into(), 9)];
    if control {
        fds.push((theirs, 3));
    }
    let child = spawn(Spawn {
        executable: Executable::File(own.as_fd()),
        arguments: &["order", "child", mode],
        fds,
        uid,
        gid: uid,
        cgroup_procs: vec![],
        namespaces,
        limits: vec![(Resource::Files, 128)],
        parent_death_signal: Some(9),
    })
    .unwrap();
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    let mut buf = [0; 16];
    let ready = os::seqpacket::recv(ours.as_fd(), &mut buf).is_ok_and(|got| got.len == 5);
    (wait(child.pid).unwrap(), said, ready)
}

fn a_right_start_serves_with_no_right_left() {
    assert_eq!(start("good", 100_001, true, true), (Status::Exited(0), String::new(), true));
}

fn the_sandbox_holds_while_serving() {
    assert_eq!(start("escapes", 100_001, true, true), (Status::Killed(31), String::new(), true));
}

fn a_wrong_start_is_one_line_and_never_serves() {
    for (mode, uid, namespaces, control, what) in [
        ("good", 100_001, true, false, "descriptor 3 (control) was not inherited"),
        ("good", 65_534, true, true, "runs as user 65534"),
        ("good", 0, true, true, "runs as user 0"),
        ("good", 100_001, false, true, "its network namespace is not empty"),
        ("no-reason", 100_001, true, true, "needs a reason"),
        ("no-place", 100_001, true, true, "@data"),
    ] {
        let (status, said, served) = start(mode, uid, namespaces, control);
        assert_eq!((status, served), (Status::Exited(1), false), "{what}: {said}");
        assert!(said.starts_with("child: ") && said.contains(what) && said.lines().count() == 1, "{said}");
    }
}

fn a_failed_exec_is_told_to_the_parent() {
    let missing = std::path::Path::new("/nowhere/at/all");
    let error = spawn(Spawn {
        executable: Executable::Path(missing),
        arguments: &["x"],
        fds: vec![],
        uid: 100_001,
        gid: 100_001,
        cgroup_procs: vec![],
        namespaces: false,
        limits: vec![],
        parent_death_signal: None,
    })
    .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    assert!(error.to_string().contains("execute"), "{error}");
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, first, mode] = arguments.as_slice()
        && first == "child"
    {
        return child(mode);
    }
    let claims: [(&str, fn()); 4] = [
        ("a_right_start_serves_with_no_right_left", a_right_start_serves_with_no_right_left),
        ("the_sandbox_holds_while_serving", the_sandbox_holds_while_serving),
        ("a_wrong_start_is_one_line_and_never_serves", a_wrong_start_is_one_line_and_never_serves),
        ("a_failed_exec_is_told_to_the_parent", a_failed_exec_is_told_to_the_parent),
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
