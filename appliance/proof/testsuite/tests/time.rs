//! Deadline and window end a session by the clock: while the machine floods, while all is silent, and
//! while its mediator is stopped. Times are those of the box's own record, not of who looks on.

use serde_json::Value;
use std::process::Child;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use testsuite::{TheBox, err, gone, line, signal, target, text};

/// The shortest `longest` that a plant file may say, ms.
const LONGEST: i64 = 60_000;
/// Rung 1 has a second, rung 2 another, ms.
const RUNG: i64 = 1_000;
const MINUTE: i64 = 60_000;

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// The same machine under two more names: one behind a window that closes then, one that is long.
fn plant(base: &str, closes_ms: i64) -> String {
    let machine = |id: &str| target(id, 22, &line(base, "host_keys"));
    let clock = |ms: i64| format!("{:02}:{:02}", ms / 3_600_000 % 24, ms / MINUTE % 60);
    let conduits = format!(
        "\n[[conduit]]\nid = \"windowed\"\npeople = [\"vera\"]\ntargets = [\"windowed\"]\nwindows = [\"daily {}-{}\"]\n\
         \n[[conduit]]\nid = \"long\"\npeople = [\"vera\"]\ntargets = [\"long\"]\nlongest = \"2h\"\n",
        clock(closes_ms - 3_600_000),
        clock(closes_ms)
    );
    base.replace("longest = \"8h\"", "longest = \"1m\"") + &machine("windowed") + &machine("long") + &conduits
}

/// When it ended: by the broker's row of it, and by the ledger.
fn ended(the_box: &TheBox, id: &str) -> (Value, i64, i64) {
    let row = the_box.wait_row(id, Duration::from_secs(120));
    let audited = the_box.audited("session.ended").into_iter().find(|row| row["session"] == id).expect("its end is audited");
    let (listed, at) = (row["ended"].as_i64().unwrap(), audited["at"].as_i64().unwrap());
    (row, listed, at)
}

fn ends_in(the_box: &TheBox, (ssh, id): (Child, String), reason: &str, due_ms: i64, rung: i64) -> String {
    let (row, listed, audited) = ended(the_box, &id);
    assert!(text(&row["reason"]).starts_with(reason), "{row}");
    for at in [listed, audited] {
        let late = at - due_ms;
        assert!((-1..=rung).contains(&late), "{id}, {reason}: {late} ms late");
    }
    gone(ssh);
    id
}

fn started(the_box: &TheBox, id: &str) -> i64 {
    let rows = the_box.listing(&["session", "list", "--all"]);
    rows.iter().find(|row| row["id"] == id).expect("it is listed")["started"].as_i64().unwrap()
}

#[test]
fn deadline_and_window_end_a_session_within_a_second_whatever_machine_or_mediator_do() {
    let the_box = TheBox::start();
    // Far enough for the sessions to begin before it, and the next whole minute after that.
    let closes = (now_ms() + 25_000).div_euclid(MINUTE) * MINUTE + MINUTE;
    let base = the_box.plant();
    let first = plant(&base, closes);
    let applied = the_box.apply(&first);
    assert!(applied.status.success(), "{}", err(&applied));

    let stuck = the_box.begin("vera+plc-gw", "sleep 100");
    the_box.workers("mediator").into_iter().for_each(|pid| signal("STOP", pid));
    let flooding = the_box.begin("vera+plc-gw", "yes");
    let silent = the_box.begin("vera+plc-gw", "sleep 100");
    let windowed = (the_box.begin("vera+windowed", "yes"), the_box.begin("vera+windowed", "sleep 100"));
    let shortened = the_box.begin("vera+long", "sleep 100");
    // A new plant file takes from the living, and gives them nothing.
    assert!(the_box.apply(&first.replace("longest = \"2h\"", "longest = \"1m\"")).status.success());
    assert!(the_box.apply(&first.replace("longest = \"1m\"", "longest = \"9h\"")).status.success());
    let taken: Vec<Value> = the_box.audited("session.shortened");
    assert_eq!(taken.iter().map(|row| text(&row["session"])).collect::<Vec<_>>(), std::slice::from_ref(&shortened.1), "{taken:?}");

    let due = |session: &(Child, String)| started(&the_box, &session.1) + LONGEST;
    let dues = [due(&stuck), due(&flooding), due(&silent), due(&shortened)];
    let mut read = Vec::new();
    ends_in(&the_box, windowed.0, "window_closed", closes, RUNG);
    read.push((ends_in(&the_box, windowed.1, "window_closed", closes, RUNG), "window_closed"));
    ends_in(&the_box, flooding, "deadline", dues[1], RUNG);
    read.push((ends_in(&the_box, silent, "deadline", dues[2], RUNG), "deadline"));
    read.push((ends_in(&the_box, shortened, "deadline", dues[3], RUNG), "deadline"));
    ends_in(&the_box, stuck, "overdue", dues[0], 2 * RUNG);
    assert!(the_box.workers("mediator").is_empty() && the_box.workers("back-ssh").is_empty());

    // The recording names the same reason as listing and ledger.
    for (id, reason) in read {
        let transcript = the_box.read(&the_box.export(&id), "txt");
        let last = transcript.lines().rfind(|line| line.contains("\"ended\"")).unwrap_or_default().to_owned();
        assert!(last.contains(&format!("\"{reason}: ")), "{id}: {transcript}");
    }
    let open = the_box.vera("echo open");
    assert!(open.status.success(), "the negative: what has no end yet is let in: {}", err(&open));
    let shut = the_box.ssh(&[], "vera+windowed").arg("true").output().unwrap();
    assert!(err(&shut).contains("closed now"), "{}", err(&shut));
}
