//! A person at the box wins: the real box is cut off, refuses with words, stays so, and is armed again.

use guard::{Hold, Standing, State, Trigger};
use outside::{Load, Packet, Tap};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use testsuite::{TheBox, err, out, signal, text, within};

fn is_cut(state: &State) -> bool {
    state.standing == Standing::Held { why: Hold::CutOff }
}

fn latched(state: &State) -> bool {
    is_cut(state) && state.report.is_some_and(|report| report.steps.latched_us.is_some())
}

fn armed(state: &State) -> bool {
    state.standing == Standing::Armed
}

fn now_ns() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

/// Whether a word reaches a machine from inside the box's OT zone, past every process of the box.
fn ot_reaches(the_box: &TheBox) -> bool {
    let mut ping = Command::new("ip");
    ping.args(["netns", "exec", &the_box.fact("/netns/ot"), "bash", "-c", "exec 3<>/dev/tcp/10.99.2.10/22"]);
    ping.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

#[test]
fn a_press_ends_everything_refuses_with_words_outlives_power_and_is_lifted_by_a_person() {
    let mut the_box = TheBox::start();
    the_box.until("armed", armed);
    let (ssh, id) = the_box.begin("vera+plc-gw", "sleep 600");
    within(Duration::from_secs(5), || the_box.board("lamps").starts_with("connected=1 cut=0").then_some(())).expect("the lamp");
    assert!(ot_reaches(&the_box));

    the_box.board("contact open");
    let state = the_box.until("latched", latched);
    let report = state.report.unwrap();
    assert_eq!((report.trigger, report.sessions), (Trigger::Contact { line: 0 }, 1));
    assert!(state.ot_drops && state.links_up == 0 && !ot_reaches(&the_box));
    let (reason, _) = the_box.wait_ended(&id);
    assert!(reason.starts_with("cut_off"), "{reason}");
    testsuite::gone(ssh);
    within(Duration::from_secs(5), || (the_box.board("lamps") == "connected=0 cut=1 fault=0").then_some(())).expect("the lamps");
    let said = the_box.vera("echo in");
    assert!(!said.status.success() && err(&said).contains("cut off") && err(&said).contains("contact"), "{}", err(&said));

    // Power gone and back: still held, by itself never armed.
    the_box.board("contact closed");
    the_box.board("power");
    std::thread::sleep(Duration::from_secs(4));
    the_box.until("held after the power loss", is_cut);
    the_box.read_facts();
    let said = within(Duration::from_secs(20), || Some(the_box.vera("echo in")).filter(|said| err(said).contains("cut off")));
    assert!(said.is_some(), "it is said after a restart too");

    // Nobody lifts it without the second factor, nor while the contact is open.
    let wrong = the_box.dinlock(&["cutoff", "rearm", "--person", "otto", "--code", "000000"]);
    assert!(!wrong.status.success() && is_cut(&the_box.state_of_guardian()), "{}", out(&wrong));
    std::thread::sleep(Duration::from_secs(5));
    let done = the_box.rearm();
    assert!(done.status.success(), "{}", err(&done));
    the_box.until("armed again", armed);
    let works = within(Duration::from_secs(20), || (out(&the_box.vera("echo in")) == "in\n").then_some(()));
    assert!(works.is_some(), "people work again");

    let cut = the_box.audited("cutoff.begun");
    let row = cut.first().expect("the press is audited");
    assert!(text(&row["detail"]).contains("contact"), "{row}");
    let lifted = the_box.audited("cutoff.rearmed");
    assert!(lifted.iter().any(|row| row["person"] == "otto"), "{lifted:?}");
}

/// From ten addresses of the client's zone: the box lets four people from one address log in at once.
fn load(the_box: &TheBox, count: usize) -> Load {
    let client = the_box.fact("/netns/client");
    for number in 0..10 {
        let address = format!("10.99.1.{}/24", 100 + number);
        Command::new("ip").args(["-n", &client, "addr", "add", &address, "dev", "uplink0"]).status().unwrap();
    }
    let ssh = |number: usize, script: &str| {
        let mut ssh = Command::new("ip");
        ssh.args(["netns", "exec", &client, "ssh", "-F", "none", "-p", "2222", "-b", &format!("10.99.1.{}", 100 + number)]);
        ssh.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]);
        ssh.args(["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i"]).arg(the_box.state().join("people/vera"));
        ssh.args(["vera+plc-gw@10.99.1.1", script]);
        ssh
    };
    Load::open(count, &the_box.state().join("plant/home"), &the_box.state().join("clients"), ssh).unwrap()
}

/// The claim is one of order, not of time: once the guardian says that it is done, nothing passes any more.
#[test]
fn with_100_loaded_sessions_and_a_stopped_broker_nothing_passes_once_the_guardian_has_cut() {
    let the_box = TheBox::start();
    the_box.until("armed", armed);
    let clients = load(&the_box, 100);
    let tap = Tap::begin(&the_box.fact("/netns/machines"), "plant0", "10.99.2.1", &the_box.state().join("tap")).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let desk = the_box.desk();
    let broker: u32 = the_box.fact("/pids/broker").parse().unwrap();
    signal("STOP", broker);
    std::thread::sleep(Duration::from_millis(200));
    let pressed = now_ns();
    let state = desk.cut().unwrap();
    let done = now_ns();
    std::thread::sleep(Duration::from_secs(2));
    signal("CONT", broker);
    let packets = tap.end().unwrap();
    let report = state.report.unwrap();
    assert_eq!(report.sessions, 100);
    let before = Packet::last_of_each(&packets, 0);
    assert!(before.len() >= 90, "they move data, as far as two cores let them: {}", before.len());
    let after: Vec<_> = packets.iter().filter(|packet| packet.at_ns > done).collect();
    assert!(after.is_empty(), "{} packets after the cut, the last {} us after", after.len(), (after.last().unwrap().at_ns - done) / 1000);
    let last = packets.last().unwrap().at_ns;
    println!("last packet {} us after the press; {:?}", last.saturating_sub(pressed) / 1000, report.steps);
    the_box.until("latched", latched);
    assert!(the_box.workers("mediator").is_empty() && the_box.workers("back-ssh").is_empty() && the_box.workers("front-ssh").is_empty());
    drop(clients);
}

#[test]
fn dinlock_cuts_with_the_broker_dead_and_a_drill_restores() {
    let the_box = TheBox::start();
    the_box.until("armed", armed);
    let (ssh, id) = the_box.begin("vera+plc-gw", "sleep 600");
    let refused = the_box.dinlock(&["cutoff", "drill"]);
    assert!(!refused.status.success() && err(&refused).contains("--cut-live"), "{}", err(&refused));
    let drilled = the_box.dinlock(&["cutoff", "drill", "--canary", &id]);
    assert!(drilled.status.success(), "{}", err(&drilled));
    testsuite::gone(ssh);
    the_box.until("armed after the drill", armed);
    let row = the_box.audited("cutoff.drilled");
    assert!(row.iter().any(|row| text(&row["detail"]).contains("1 session")), "{row:?}");

    let broker: u32 = the_box.fact("/pids/broker").parse().unwrap();
    signal("STOP", broker);
    let cut = the_box.dinlock(&["cutoff"]);
    assert!(cut.status.success(), "{}", err(&cut));
    the_box.until("cut", |state| is_cut(state) && matches!(state.report.unwrap().trigger, Trigger::Command { uid: 0 }));
    signal("CONT", broker);
}
