//! The screen at the box, by its keys: who stands there admits, refuses, and cuts off, with the broker stopped too.

use guard::{Hold, Standing, Trigger};
use std::process::Command;
use testsuite::{Terminal, TheBox, signal, text};

/// Draws everything anew.
const REDRAW: &str = "\u{c}";
const F12: &str = "\u{1b}[24~";

/// `dinlock console` in a terminal of 80 by 25.
fn console(the_box: &TheBox) -> Terminal {
    let attach = format!("{} --socket {} console", the_box.fact("/dinlock"), the_box.fact("/admin/socket"));
    let screen = Terminal::start(Command::new("script").args(["-q", "-f", "-c", &attach, "/dev/null"]));
    screen.wait_for("F12 twice: CUT OFF");
    screen
}

fn vera(the_box: &TheBox) -> Terminal {
    let ssh = Terminal::start(the_box.ssh(&["-tt"], "vera+plc-gw").arg("echo she is in; read x"));
    ssh.wait_for("waiting for somebody at the box");
    ssh
}

#[test]
fn who_stands_at_the_box_admits_by_their_pin_and_refuses() {
    let the_box = TheBox::start();
    the_box.until("armed", |state| state.standing == Standing::Armed);
    the_box.change(|plant| plant.replace("presence = false", "presence = true"));
    let mut screen = console(&the_box);
    let mut admitted = vera(&the_box);
    screen.wait_for("WAITING TO BE ADMITTED");
    screen.keys("a");
    screen.wait_for("PIN of Otto Operator");
    screen.keys("111111\r");
    screen.wait_for("The PIN is wrong.");
    assert!(!admitted.seen().contains("she is in"));
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    screen.keys("246810\r");
    screen.wait_for("Admit Vera Vendor to plc-gw?");
    assert!(!admitted.seen().contains("she is in"), "unlocked is not admitted");
    screen.keys("\r");
    admitted.wait_for("she is in");
    let rows = the_box.audited("session.admitted");
    assert!(rows.len() == 1 && text(&rows[0]["detail"]).contains("otto"), "{rows:?}");

    let mut refused = vera(&the_box);
    // The screen asks the broker twice a second, and a line that has just come takes no order yet.
    std::thread::sleep(std::time::Duration::from_secs(2));
    screen.keys("d");
    screen.wait_for("Refuse Vera Vendor");
    screen.keys("\r");
    refused.wait_for("the person at the box did not admit you");
    assert!(!refused.seen().contains("she is in"));
    refused.wait_end();
    assert_eq!(the_box.audited("session.not_admitted").len(), 1);
    screen.keys("\u{1b}[21~");
    assert_eq!(screen.wait_end(), Some(0));
    admitted.close_keys();
}

#[test]
fn the_cut_off_key_of_a_console_works_with_the_broker_stopped() {
    let the_box = TheBox::start();
    the_box.until("armed", |state| state.standing == Standing::Armed);
    let mut screen = console(&the_box);
    signal("STOP", the_box.fact("/pids/broker").parse().expect("a pid"));
    screen.wait_for("THE BROKER DOES NOT ANSWER");
    screen.keys(F12);
    screen.wait_for("PRESS IT AGAIN");
    screen.keys(F12);
    let state = the_box.until("cut off", |state| state.standing == Standing::Held { why: Hold::CutOff });
    assert_eq!(state.report.map(|report| report.trigger), Some(Trigger::Console));
    screen.keys(REDRAW);
    screen.wait_for("a restart does not undo this");
    signal("CONT", the_box.fact("/pids/broker").parse().expect("a pid"));
}
