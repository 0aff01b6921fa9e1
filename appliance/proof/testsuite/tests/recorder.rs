//! The recorder stalls, or its disk is full: input freezes, sessions end with their reason, and nothing
//! is called kept that is not.

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use testsuite::{TheBox, err, out, signal, text, words};

/// How long the vault is stopped.
const STALL: Duration = Duration::from_secs(30);

fn rows(the_box: &TheBox, kind: &str, id: &str) -> Vec<Value> {
    the_box.audited(kind).into_iter().filter(|row| row["session"] == id).collect()
}

/// The export verifies without the box, and holds all that the ledger calls kept.
fn holds_what_was_kept(the_box: &TheBox, id: &str) -> String {
    let folder = the_box.export(id);
    let verified = the_box.verify(&folder);
    assert!(verified.status.success(), "{id}: {}", err(&verified));
    let marks = rows(the_box, "recording.kept", id).into_iter();
    let lengths = marks.filter_map(|row| text(&row["detail"]).split_ascii_whitespace().nth(1)?.parse::<u64>().ok());
    let file = Path::new(&folder).join(format!("{id}.dlr"));
    let whole = std::fs::metadata(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())).len();
    assert!(lengths.max().is_some_and(|kept| 0 < kept && kept <= whole), "{id}: {whole} bytes hold what was kept");
    folder
}

/// Sends what can't be compressed until nobody takes it any more.
fn upload(ssh: &mut Child) -> JoinHandle<()> {
    let mut into = ssh.stdin.take().unwrap();
    std::thread::spawn(move || {
        let mut seed = 1_u32;
        let mut block = vec![0_u8; 32 * 1024];
        loop {
            block.fill_with(|| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                seed.to_be_bytes()[0]
            });
            if into.write_all(&block).is_err() {
                return;
            }
        }
    })
}

#[test]
fn a_recorder_that_stalls_for_30_s_freezes_input_at_once_and_ends_what_has_no_more_grace() {
    let the_box = TheBox::start();
    let patient = "\n[[conduit]]\nid = \"patient\"\npeople = [\"vera\"]\ntargets = [\"patient\"]\nrecorder_grace = \"60s\"\n";
    let plant = the_box.plant().replace("recorder_grace = \"10s\"", "recorder_grace = \"3s\"");
    assert!(plant.contains("recorder_grace = \"3s\""), "{plant}");
    let applied = the_box.apply(&(plant + &the_box.same_machine("patient") + patient));
    assert!(applied.status.success(), "{}", err(&applied));

    // Load: one machine floods a terminal, one byte stream goes up without an end.
    let (flood, flood_id) = the_box.begin("vera+patient", "yes");
    let mut bulk = the_box.ssh(&[], "vera+patient").arg("cat > /dev/null").stdin(Stdio::piped()).spawn().unwrap();
    let two = || (the_box.listing(&["session", "list"]).iter().filter(|row| row["state"] == "live").count() == 2).then_some(());
    testsuite::within(Duration::from_secs(20), two).expect("both loads live");
    let upload = upload(&mut bulk);
    let (mut short, short_id) = the_box.terminal("vera+plc-gw", "cat");
    let (mut long, long_id) = the_box.terminal("vera+patient", "cat");
    for terminal in [&mut short, &mut long] {
        terminal.keys("before\r");
        terminal.wait_for("before\r\nbefore");
    }

    let vault: u32 = the_box.fact("/pids/vault").parse().unwrap();
    signal("STOP", vault);
    let stalled = Instant::now();
    for terminal in [&mut short, &mut long] {
        terminal.keys("during\r");
        terminal.wait_for("input is frozen");
    }
    short.close_keys();
    short.wait_end();
    assert!(short.seen().contains("its recording could not be kept"), "{}", short.seen());
    let ended = the_box.wait_row(&short_id, Duration::from_secs(5));
    assert!(text(&ended["reason"]).starts_with("recorder_lost"), "who may look still sees it: {ended}");
    std::thread::sleep(STALL.saturating_sub(stalled.elapsed()));
    for terminal in [&short, &long] {
        assert!(!terminal.seen().contains("during"), "what was never on record was never typed: {}", terminal.seen());
    }
    signal("CONT", vault);

    long.wait_for("The recorder answers again");
    long.keys("carry on\r");
    long.wait_for("carry on\r\ncarry on");
    assert_eq!((rows(&the_box, "session.recorder_slow", &short_id).len(), rows(&the_box, "session.recorder_slow", &long_id).len()), (1, 1));
    let back = [&short_id, &long_id].map(|id| rows(&the_box, "session.recorder_back", id).len());
    assert_eq!(back, [0, 1]);
    let ends = rows(&the_box, "session.ended", &short_id);
    assert!(ends.len() == 1 && text(&ends[0]["detail"]).starts_with("recorder_lost: "), "{ends:?}");

    let living: Vec<String> = the_box.listing(&["session", "list"]).iter().map(|row| text(&row["id"])).collect();
    assert_eq!(living.len(), 3, "the patient ones live: {living:?}");
    for id in &living {
        assert!(the_box.dinlock(&["session", "end", id]).status.success());
        the_box.wait_row(id, Duration::from_secs(10));
    }
    testsuite::gone(flood);
    testsuite::gone(bulk);
    upload.join().unwrap();
    for id in living.iter().chain([&short_id]) {
        let folder = holds_what_was_kept(&the_box, id);
        if *id == short_id || *id == long_id {
            let read = the_box.read(&folder, "txt");
            assert!(read.contains("before") && read.contains("\"frozen\"") && !read.contains("during"), "{read}");
            assert_eq!(read.contains("carry on"), *id == long_id);
        }
    }
    assert!(living.contains(&flood_id));
}

/// A small data disk of its own, as long as this value lives.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path, options: &str) {
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", options, "dinlock-data"]).arg(folder).status();
        assert!(done.is_ok_and(|status| status.success()), "a tmpfs on {}", folder.display());
    }

    fn new(state: &Path) -> Self {
        let folder = state.join("data");
        std::fs::create_dir_all(&folder).unwrap();
        Self::mount(&folder, "size=96m");
        Self(folder)
    }

    fn grow(&self) {
        Self::mount(&self.0, "remount,size=400m");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").args(["-l"]).arg(&self.0).status().ok();
        if !std::thread::panicking() {
            self.0.parent().map(std::fs::remove_dir_all).and_then(Result::ok);
        }
    }
}

/// Asks `dinlock status` until this member has this value.
fn wait_status(the_box: &TheBox, member: &str, wanted: &Value) -> Value {
    let status = testsuite::within(Duration::from_secs(20), || {
        let status: Value = serde_json::from_slice(&the_box.dinlock(&["status", "--json"]).stdout).unwrap();
        (status[member] == *wanted).then_some(status)
    });
    status.unwrap_or_else(|| panic!("{member} becomes {wanted}"))
}

#[test]
fn a_disk_that_fills_warns_refuses_new_sessions_and_ends_the_living_before_it_loses_anything() {
    let mut disk = None;
    let the_box = TheBox::start_on(|state| disk = Some(SmallDisk::new(state)));
    let disk = disk.unwrap();
    let plant = the_box.plant().replace("refuse_below_mb = 64", "refuse_below_mb = 40").replace("warn_below_mb = 256", "warn_below_mb = 60");
    assert!(plant.contains("refuse_below_mb = 40") && plant.contains("warn_below_mb = 60"), "{plant}");
    assert!(the_box.apply(&plant).status.success());
    wait_status(&the_box, "taking_sessions", &true.into());
    let (mut living, living_id) = the_box.terminal("vera+plc-gw", "read go; head -c 200000000 /dev/urandom | od -v -tx1");
    // What can't be compressed, until the second threshold is crossed.
    let fill = |megabytes: u32| {
        let done = the_box.vera(&format!("head -c {megabytes}000000 /dev/urandom"));
        assert_eq!((done.status.success(), done.stdout.len()), (true, megabytes as usize * 1_000_000), "{}", err(&done));
    };
    fill(40);
    let low = testsuite::within(Duration::from_secs(10), || (!the_box.audited("disk.low").is_empty()).then_some(()));
    low.expect("the first threshold warns");
    assert_eq!(out(&the_box.vera("echo in")), "in\n", "the negative: a low disk still takes sessions");
    fill(22);
    let status = wait_status(&the_box, "taking_sessions", &false.into());
    assert_eq!((&status["warn_below_mb"], &status["refuse_below_mb"], &status["days_left"]), (&60.into(), &40.into(), &0.into()));
    let shown = out(&the_box.dinlock(&["status"]));
    assert!(shown.contains("refused below 40 MB; free the disk"), "{shown}");
    assert_eq!(the_box.audited("disk.refusing_sessions").len(), 1);

    let refused = the_box.vera("echo in");
    assert_eq!((refused.status.code(), words(&refused).len()), (Some(255), 1), "{}", err(&refused));
    assert!(words(&refused)[0].contains("no room to record you"), "{}", err(&refused));
    // People can still log in and look.
    let menu = the_box.ssh(&[], "vera").arg("menu").output().unwrap();
    assert!((out(&menu) + &err(&menu)).contains("plc-gw"), "{}", err(&menu));
    assert_eq!(the_box.living().as_ref(), Some(&living_id), "who works goes on");

    living.keys("go\r");
    living.close_keys();
    living.wait_end();
    let tail: String = living.seen().chars().rev().take(400).collect::<Vec<_>>().into_iter().rev().collect();
    assert!(tail.contains("its recording could not be kept: the disk is full"), "{tail}");
    let row = the_box.wait_row(&living_id, Duration::from_secs(10));
    assert!(text(&row["reason"]).starts_with("recorder_lost"), "{row}");
    let failed = rows(&the_box, "recording.failed", &living_id);
    assert!(failed.len() == 1 && text(&failed[0]["detail"]).contains("disk is full"), "{failed:?}");
    for row in the_box.listing(&["session", "list", "--all"]) {
        holds_what_was_kept(&the_box, &text(&row["id"]));
    }

    disk.grow();
    wait_status(&the_box, "taking_sessions", &true.into());
    assert_eq!(out(&the_box.vera("echo in")), "in\n", "with room again, sessions are taken again");
    drop(the_box);
    drop(disk);
}
