//! What the guardian ends when something else fails, and what ends when the guardian does.

use guard::{Dog, Hold, Standing, State};
use std::time::{Duration, Instant};
use testsuite::{TheBox, signal, text, within};

fn armed(state: &State) -> bool {
    state.standing == Standing::Armed
}

fn pid(the_box: &TheBox, part: &str) -> u32 {
    the_box.fact(&format!("/pids/{part}")).parse().unwrap()
}

/// How often the watchdog was fed.
fn fed(the_box: &TheBox) -> u64 {
    the_box.board("food").split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_part_that_is_silent_ends_the_sessions_and_not_the_box() {
    let the_box = TheBox::start();
    for part in ["vault", "launcher", "broker"] {
        the_box.until("armed", armed);
        let (ssh, _) = the_box.begin("vera+plc-gw", "sleep 600");
        signal("STOP", pid(&the_box, part));
        let ended = within(Duration::from_secs(15), || the_box.workers("mediator").is_empty().then_some(()));
        let before = fed(&the_box);
        std::thread::sleep(Duration::from_secs(3));
        let after = fed(&the_box);
        signal("CONT", pid(&the_box, part));
        assert!(ended.is_some(), "{part}: its session ends");
        assert!(after > before, "{part}: the watchdog is fed");
        testsuite::gone(ssh);
        let works = within(Duration::from_secs(30), || the_box.vera("true").status.success().then_some(()));
        assert!(works.is_some(), "{part}: people work again");
    }
    assert!(the_box.audited("guardian.part_late").len() >= 3);
}

#[test]
fn a_dead_guardian_ends_sessions_at_once_and_the_box_comes_back_by_itself() {
    let the_box = TheBox::start();
    the_box.until("armed", armed);
    let (ssh, id) = the_box.begin("vera+plc-gw", "sleep 600");
    signal("KILL", pid(&the_box, "guardian"));
    let (reason, _) = the_box.wait_ended(&id);
    assert!(reason.starts_with("guardian_lost") || reason.starts_with("part_died"), "{reason}");
    testsuite::gone(ssh);
    the_box.until("armed again", armed);
    let works = within(Duration::from_secs(30), || the_box.vera("true").status.success().then_some(()));
    assert!(works.is_some(), "people work again");
}

/// Three times: each time the board is reset and held, and the fourth time it stays up.
#[test]
fn a_stopped_guardian_ends_sessions_starves_the_watchdog_and_three_resets_are_the_last() {
    let mut the_box = TheBox::start();
    the_box.until("armed", armed);
    let (ssh, _) = the_box.begin("vera+plc-gw", "sleep 600");
    signal("STOP", pid(&the_box, "guardian"));
    let ended = within(Duration::from_secs(10), || the_box.workers("mediator").is_empty().then_some(()));
    assert!(ended.is_some(), "the broker ends what the guardian no longer guards");
    testsuite::gone(ssh);
    for (resets, why) in [(1, Hold::Reset), (2, Hold::Reset), (3, Hold::Resets)] {
        if resets > 1 {
            let before = pid(&the_box, "guardian");
            let new = within(Duration::from_secs(20), || {
                the_box.read_facts();
                Some(pid(&the_box, "guardian")).filter(|pid| *pid != before)
            });
            signal("STOP", new.expect("the guardian of the next boot"));
        }
        let begun = Instant::now();
        let log = the_box.state().join("log/board.log");
        let times = || std::fs::read_to_string(&log).unwrap().matches("reset: the watchdog").count();
        within(Duration::from_secs(40), || (times() == resets).then_some(())).expect("the watchdog resets the board");
        assert!(begun.elapsed() > Duration::from_secs(10), "not before it starved");
        let state = the_box.until("held after the reset", |state| usize::from(state.resets) == resets);
        let held = if resets == 3 { Standing::Held { why } } else { Standing::Held { why: Hold::Reset } };
        assert_eq!(state.standing, held);
    }
    the_box.read_facts();
    let state = the_box.state_of_guardian();
    assert_eq!(state.dog, Dog::StandIn, "fed, whatever happens");
    let unclean = within(Duration::from_secs(20), || Some(the_box.audited("boot.unclean")).filter(|rows| rows.len() >= 3));
    assert!(unclean.is_some(), "each is audited on the boot after it");
    let said = the_box.vera("true");
    assert!(!said.status.success() && testsuite::err(&said).contains("watchdog"), "{}", testsuite::err(&said));
}

/// The mediator never ends by its clock: the broker does it a second later, and without the broker the guardian.
#[test]
fn a_session_whose_mediator_has_no_clock_is_ended_by_rung_2_or_rung_3() {
    let the_box = TheBox::start_without_clocks();
    the_box.until("armed", armed);
    the_box.change(|plant| plant.replace("longest = \"8h\"", "longest = \"1m\""));
    let started = |id: &str| {
        let rows = the_box.listing(&["session", "list", "--all"]);
        rows.iter().find(|row| row["id"] == id).expect("it is listed")["started"].as_i64().unwrap()
    };
    let (first, one) = the_box.begin("vera+plc-gw", "sleep 600");
    let row = the_box.wait_row(&one, Duration::from_secs(90));
    assert!(text(&row["reason"]).starts_with("overdue"), "{row}");
    let late = row["ended"].as_i64().unwrap() - started(&one) - 60_000;
    assert!((1_000..2_000).contains(&late), "rung 2 comes 1 s after the end: {late} ms");
    testsuite::gone(first);

    let (second, two) = the_box.begin("vera+plc-gw", "sleep 600");
    let due = started(&two) + 60_000;
    let now = || i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap();
    std::thread::sleep(Duration::from_millis(u64::try_from(due - now()).unwrap() + 200));
    assert!(!the_box.workers("mediator").is_empty(), "it has no clock");
    signal("STOP", pid(&the_box, "broker"));
    let ended = within(Duration::from_secs(10), || the_box.workers("mediator").is_empty().then(now));
    signal("CONT", pid(&the_box, "broker"));
    let late = ended.expect("rung 3") - due;
    assert!((1_900..3_000).contains(&late), "rung 3 comes 2 s after the end: {late} ms");
    testsuite::gone(second);
    let killed = within(Duration::from_secs(10), || the_box.audited("guardian.killed").pop());
    assert_eq!(text(&killed.expect("it is audited")["session"]), two);
}

/// What no signal ends: a process frozen by version 1 of cgroups dies only when it is thawed.
struct Frozen(std::path::PathBuf);

impl Frozen {
    fn new(pid: u32) -> Self {
        let folder = std::path::PathBuf::from(format!("/sys/fs/cgroup/freezer/dinlock-test-{pid}"));
        std::fs::create_dir(&folder).expect("this test needs a host with the freezer of cgroups version 1");
        let frozen = Self(folder);
        std::fs::write(frozen.0.join("cgroup.procs"), pid.to_string()).unwrap();
        std::fs::write(frozen.0.join("freezer.state"), "FROZEN").unwrap();
        frozen
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        std::fs::write(self.0.join("freezer.state"), "THAWED").ok();
        within(Duration::from_secs(5), || std::fs::remove_dir(&self.0).ok());
    }
}

/// Broker and launcher are stopped too: the guardian is alone, and what it kills does not die.
#[test]
fn a_session_that_nothing_ends_takes_ot_down_and_starves_the_watchdog() {
    let the_box = TheBox::start();
    the_box.until("armed", armed);
    let (ssh, _) = the_box.begin("vera+plc-gw", "sleep 600");
    let frozen = Frozen::new(the_box.workers("mediator")[0]);
    signal("STOP", pid(&the_box, "launcher"));
    signal("STOP", pid(&the_box, "broker"));
    let state = the_box.until("held", |state| state.standing == Standing::Held { why: Hold::Overdue });
    assert!(state.ot_drops && state.links_up == 0, "{state:?}");
    the_box.until("starving", |state| state.dog == Dog::Starving);
    let before = fed(&the_box);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(fed(&the_box), before, "no more food");
    let log = the_box.state().join("log/board.log");
    let reset = within(Duration::from_secs(30), || std::fs::read_to_string(&log).unwrap().contains("reset: the watchdog").then_some(()));
    assert!(reset.is_some(), "the board is reset");
    drop(frozen);
    the_box.until("held after the reset", |state| state.resets == 1 && matches!(state.standing, Standing::Held { .. }));
    testsuite::gone(ssh);
}
