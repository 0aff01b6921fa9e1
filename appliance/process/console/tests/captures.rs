//! Claims: each screen at 80 by 25 is the one in `docs/console`, which somebody has looked at; no text of ours is
//! cut in either language; what has to be seen is seen on it.
//!
//! `DINLOCK_CAPTURES=write` writes the files anew.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks out what it is about")]

mod common;

use border::Name;
use border::console::View;
use codec::List;
use common::{Bench, TOM, VERA, WALL_MS, cut, fault, state, three, view, waiting};
use console::desk::{Event, Settings};
use console::keys::Key;
use guard::{Dog, Hold, Standing, State, Trigger};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::fs;
use std::path::PathBuf;

fn armed() -> State {
    State { faults: 1, ..state(Standing::Armed) }
}

fn at_keyboard(view: View, state: State) -> Bench {
    let mut bench = Bench::new(Settings { own_screen: true, ..Settings::default() });
    bench.view(view);
    bench.guardian(state);
    bench
}

/// With a keyboard that the guardian reads.
fn plain(view: View, state: State) -> Bench {
    at_keyboard(view, State { faults: 0, ..state })
}

fn working(base: &View) -> View {
    let faults = vec![fault("part.lost: the connector stopped; it is started again"), fault("front.not_started: no user is free")];
    View { sessions: List::new(three()).unwrap(), faults: List::new(faults).unwrap(), ..base.clone() }
}

/// Every screen by its name.
fn scenes(language: &str) -> Vec<(&'static str, Bench)> {
    let base = View { language: Name::cut(language), ..view() };
    let three_view = working(&base);
    let mut scenes = vec![("idle", plain(base.clone(), armed()))];

    let mut bench = plain(three_view.clone(), State { sessions: 3, ..armed() });
    bench.key(Key::Down);
    scenes.push(("three-sessions", bench));

    let two = vec![waiting(417, VERA, "plc-gw", 252_000), waiting(418, TOM, "drive-cab-2", 41_000)];
    let unlocked = View { unlocked: Some(Name::cut("anna")), ..three_view.clone() };
    let mut bench = plain(View { waiting: List::new(two).unwrap(), ..unlocked.clone() }, State { sessions: 3, ..armed() });
    bench.key(Key::Down);
    scenes.push(("admission", bench));

    scenes.push(("cut-off", plain(base.clone(), State { contacts: 1, ..cut(Trigger::Key, true) })));
    scenes.push(("cut-off-not-latched", plain(base.clone(), State { contacts: 1, open: 1, ..cut(Trigger::Contact { line: 0 }, false) })));

    let mut bench = plain(three_view.clone(), State { sessions: 3, ..armed() });
    bench.on(Event::BrokerGone);
    bench.pass(1_000);
    bench.guardian(State { sessions: 3, late: 1, faults: 0, ..armed() });
    scenes.push(("broker-dead", bench));

    let mut bench = plain(three_view.clone(), State { sessions: 3, ..armed() });
    bench.on(Event::GuardianGone);
    scenes.push(("guardian-dead", bench));

    let mut bench = plain(base.clone(), armed());
    bench.key(Key::Char('u'));
    scenes.push(("unlock-who", bench));

    let mut bench = plain(base.clone(), armed());
    bench.key(Key::Char('u'));
    bench.key(Key::Enter);
    bench.keys("12345");
    scenes.push(("unlock-pin", bench));

    let mut bench = plain(unlocked.clone(), State { sessions: 3, ..armed() });
    bench.key(Key::Down);
    bench.key(Key::Char('e'));
    scenes.push(("end-session", bench));

    let lacks = state(Standing::Held { why: Hold::Starting });
    scenes.push(("held-at-boot", plain(base.clone(), State { lacks: 2 | 4 | 8, ..lacks })));
    let lacks = state(Standing::Held { why: Hold::Resets });
    scenes.push(("held-after-resets", plain(base.clone(), State { resets: 3, lacks: 0, ..lacks })));

    let mut bench = plain(three_view.clone(), State { sessions: 3, ..armed() });
    bench.guardian(State { sessions: 3, key_ms: 310, faults: 0, ..armed() });
    scenes.push(("key-held", bench));

    // On a serial terminal: no keyboard of the guardian's.
    let mut bench = Bench::with(three_view, State { sessions: 3, faults: 0, dog: Dog::StandIn, ..armed() });
    bench.key(Key::Function(12));
    bench.pass(600);
    scenes.push(("key-pressed-once", bench));

    let all = State { faults: 0x3f, resets: 2, late: 2, ot_drops: true, ..armed() };
    scenes.push(("many-alarms", at_keyboard(View { days_left: Some(3), ..base }, all)));
    scenes
}

fn drawn(bench: &Bench) -> (String, Vec<String>) {
    let mut cells = Buffer::empty(Rect::new(0, 0, 80, 25));
    let cut = console::screen::draw(&bench.desk, &mut cells);
    let row = |y: u16| (0..80).map(|x| cells[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    ((0..25).map(|y| row(y) + "\n").collect(), cut)
}

fn file(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).expect("three folders below").to_path_buf();
    root.join("docs/console").join(format!("{name}.txt"))
}

#[test]
fn each_screen_is_the_one_that_was_looked_at() {
    let write = std::env::var("DINLOCK_CAPTURES").is_ok_and(|value| value == "write");
    let german = scenes("de").into_iter().filter(|(name, _)| ["admission", "three-sessions", "cut-off"].contains(name));
    let named = german.map(|(name, bench)| (format!("{name}.de"), bench));
    for (name, bench) in scenes("en").into_iter().map(|(name, bench)| (name.to_owned(), bench)).chain(named) {
        let (text, _) = drawn(&bench);
        let file = file(&name);
        if write {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &text).unwrap();
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert!(kept == text, "{} differs; look at it, then DINLOCK_CAPTURES=write\n{text}", file.display());
    }
}

#[test]
fn no_text_of_ours_is_cut_in_either_language() {
    for language in ["en", "de"] {
        for (name, bench) in scenes(language) {
            let (text, cut) = drawn(&bench);
            assert!(cut.is_empty(), "{name} in {language}: {cut:?}\n{text}");
        }
    }
}

#[test]
fn every_alarm_has_its_place_whatever_else_is_on_the_screen() {
    let (alone, _) = drawn(&plain(view(), armed()));
    assert!(!alone.contains('▲'), "no alarm without a cause");
    let many: Vec<_> = (0..32).map(|n| common::session(n, VERA, "plc-gw", "live")).collect();
    let waiting: Vec<_> = (100..116).map(|n| waiting(n, TOM, "plc-gw", 9_000)).collect();
    let full = View { sessions: List::new(many).unwrap(), waiting: List::new(waiting).unwrap(), days_left: Some(2), ..view() };
    let mut bench = at_keyboard(full, State { faults: 0x3f, ..armed() });
    let (text, _) = drawn(&bench);
    assert!(text.lines().nth(4).unwrap().contains("▲ No keyboard"), "{text}");
    assert!(text.contains("and 4 more"), "{text}");
    bench.key(Key::Char('u'));
    let (text, _) = drawn(&bench);
    assert!(text.lines().nth(4).unwrap().contains("▲ No keyboard"), "a dialog lies over no alarm: {text}");
    bench.on(Event::BrokerGone);
    let (text, _) = drawn(&bench);
    assert!(text.lines().nth(4).unwrap().contains("BROKER DOES NOT ANSWER"), "the worst stands first: {text}");
}

#[test]
fn latched_is_said_only_of_what_is_on_disk() {
    let seen = |latched| drawn(&plain(view(), cut(Trigger::Key, latched))).0;
    assert!(seen(true).contains("a restart does not undo this"));
    assert!(!seen(false).contains("a restart does not undo this"));
    assert!(seen(false).contains("NOT ON DISK YET"));
}

#[test]
fn the_pin_is_nowhere_on_the_screen() {
    let (_, bench) = scenes("en").into_iter().find(|(name, _)| *name == "unlock-pin").unwrap();
    let (text, _) = drawn(&bench);
    assert!(text.contains("• • • • •") && !text.contains("12345"), "{text}");
}

#[test]
fn any_size_and_any_words_are_drawn_without_a_fall() {
    let long = common::session(7, ("v", "Väinämöinen 漢字漢字漢字漢字漢字漢字漢字漢字漢字", "\u{1b}[2J\nInc", "+"), "t", "live");
    let odd = View { sessions: List::new(vec![long]).unwrap(), wall_ms: WALL_MS, ..view() };
    let bench = plain(odd, armed());
    for (columns, rows) in [(1, 1), (80, 24), (79, 25), (20, 5), (300, 300), (80, 3)] {
        let mut cells = Buffer::empty(Rect::new(0, 0, columns, rows));
        console::screen::draw(&bench.desk, &mut cells);
        let control = cells.content().iter().any(|cell| cell.symbol().chars().any(char::is_control));
        assert!(!control, "what somebody calls themselves moves no cursor");
    }
}

#[test]
fn a_serial_line_at_115200_keeps_up() {
    // 11,520 bytes a second: a start bit, eight of data, a stop bit.
    let cells = |bench: &Bench| {
        let mut cells = Buffer::empty(Rect::new(0, 0, 80, 25));
        console::screen::draw(&bench.desk, &mut cells);
        cells
    };
    for (name, mut bench) in scenes("en") {
        let mut painter = console::paint::Painter::default();
        let whole = painter.paint(cells(&bench)).len();
        assert!(whole < 5_760, "{name}: {whole} bytes, more than half a second");
        bench.pass(1_000);
        let second = painter.paint(cells(&bench)).len();
        assert!(second < 576, "{name}: {second} bytes a second, more than a twentieth of the line");
    }
}
