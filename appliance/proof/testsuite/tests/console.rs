//! The screen at the box, by its keys: who stands there cuts off, with the broker stopped too.

use guard::{Hold, Standing, Trigger};
use std::process::Command;
use testsuite::{Terminal, TheBox, signal};

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
