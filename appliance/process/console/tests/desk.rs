//! Claims of the console's rules: the cut-off key works in every state; nothing is done without a PIN and a
//! confirmation; what does not answer is said.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks out what it is about")]

mod common;

use border::console::{Reply, Request, View, Why};
use border::{Line, Name, desk as border_desk};
use codec::List;
use common::{Bench, TOM, VERA, asked, cut, cuts, session, state, three, view, waiting};
use console::desk::{AGAIN_MS, ANSWER_MS, Act, Event, GUARDIAN_FAST_MS, GUARDIAN_LOOK_MS, LATE_MS, STAY_MS, Settings};
use console::keys::Key;
use guard::{Hold, Standing, State, Trigger};

const F12: Key = Key::Function(12);

fn armed() -> State {
    state(Standing::Armed)
}

fn working() -> View {
    View { sessions: List::new(three()).unwrap(), ..view() }
}

/// Anna has unlocked, and chose the first session.
fn at_work() -> Bench {
    let mut bench = Bench::with(View { unlocked: Some(Name::cut("anna")), ..working() }, armed());
    bench.key(Key::Down);
    bench
}

#[test]
fn the_cut_off_key_twice_cuts_whatever_lies_over_the_screen() {
    type Made = (&'static str, fn() -> Bench);
    let states: [Made; 6] = [
        ("locked", || Bench::with(working(), armed())),
        ("unlocked", at_work),
        ("a question", || {
            let mut bench = at_work();
            bench.key(Key::Char('e'));
            bench
        }),
        ("a PIN", || {
            let mut bench = Bench::with(working(), armed());
            bench.key(Key::Char('u'));
            bench.key(Key::Enter);
            bench.keys("12");
            bench
        }),
        ("the broker dead", || {
            let mut bench = Bench::with(working(), armed());
            bench.on(Event::BrokerGone);
            bench
        }),
        ("nobody was ever heard", || Bench::new(Settings::default())),
    ];
    for (what, make) in states {
        let mut bench = make();
        assert_eq!(cuts(&bench.key(F12)), 0, "{what}: once is a slip");
        assert_eq!(cuts(&bench.pass(AGAIN_MS)), 0, "{what}: time alone cuts nothing");
        assert_eq!(cuts(&bench.key(F12)), 1, "{what}");
    }
}

#[test]
fn the_second_press_has_to_come_in_time_and_no_other_key_counts() {
    let mut bench = Bench::with(working(), armed());
    bench.key(F12);
    bench.pass(AGAIN_MS + 1);
    assert_eq!(cuts(&bench.key(F12)), 0, "too late: it is a first one");
    assert_eq!(cuts(&bench.key(Key::Function(11))), 0);
    assert_eq!(cuts(&bench.keys("xyz12")), 0);
    assert_eq!(cuts(&bench.key(F12)), 1);
}

#[test]
fn where_the_guardian_reads_the_keyboard_it_measures_and_a_repeat_cuts_nothing() {
    let mut bench = Bench::new(Settings { own_screen: true, ..Settings::default() });
    bench.view(working());
    bench.guardian(armed());
    let presses: usize = (0..20).map(|_| cuts(&bench.key(F12))).sum();
    assert_eq!(presses, 0, "a key that is held repeats long before 0.5 s");
    bench.guardian(State { faults: 1, ..armed() });
    bench.key(F12);
    assert_eq!(cuts(&bench.key(F12)), 1, "a keyboard that the guardian does not see is counted here");
}

#[test]
fn a_guardian_that_is_late_is_said_and_one_that_is_late_is_still_told_to_cut() {
    let mut bench = Bench::with(view(), armed());
    bench.pass(LATE_MS);
    assert!(bench.desk.guardian_away() && bench.desk.state().is_none(), "an old state is not shown as the present one");
    bench.key(F12);
    assert_eq!(cuts(&bench.key(F12)), 1);
    let mut bench = Bench::with(view(), armed());
    bench.on(Event::GuardianGone);
    assert!(bench.desk.guardian_away());
}

#[test]
fn a_broker_that_does_not_answer_is_late_after_two_seconds_and_not_before() {
    let mut bench = Bench::with(working(), armed());
    bench.pass(LATE_MS - 1);
    assert!(!bench.desk.broker_away());
    bench.pass(1);
    assert!(bench.desk.broker_away() && bench.desk.view().is_none());
    bench.view(working());
    assert!(!bench.desk.broker_away(), "it is back");
}

#[test]
fn nobody_does_anything_to_a_session_without_a_pin() {
    let mut bench = Bench::with(working(), armed());
    bench.key(Key::Down);
    for letter in ['e', 'p'] {
        bench.key(Key::Char(letter));
        let acts = [bench.key(Key::Enter), bench.key(Key::Enter), bench.key(Key::Enter)].concat_all();
        let ordered = acts.iter().any(|act| matches!(act, Act::ToBroker(ask) if ask.0 != Request::Look));
        assert!(!ordered, "{letter}: {acts:?}");
        (0..3).for_each(|_| drop(bench.key(Key::Escape)));
    }
}

trait ConcatAll {
    fn concat_all(self) -> Vec<Act>;
}

impl<const N: usize> ConcatAll for [Vec<Act>; N] {
    fn concat_all(self) -> Vec<Act> {
        self.into_iter().flatten().collect()
    }
}

#[test]
fn an_order_is_confirmed_once_and_escape_takes_it_back() {
    let end = |block| Request::End { session: 412, block };
    let mut bench = at_work();
    assert!(bench.key(Key::Char('e')).iter().all(|act| !matches!(act, Act::ToBroker(ask) if ask.0 == end(false))));
    assert!(!asked(&bench.key(Key::Escape), &end(false)));
    assert!(!asked(&bench.key(Key::Enter), &end(false)), "the question is gone");
    bench.key(Key::Char('e'));
    assert!(asked(&bench.key(Key::Enter), &end(false)));
    let mut bench = at_work();
    bench.key(Key::Char('E'));
    assert!(asked(&bench.key(Key::Char('b')), &end(true)));
    let mut bench = at_work();
    bench.key(Key::Char('p'));
    assert!(asked(&bench.key(Key::Enter), &Request::Pause { session: 412 }));
    let mut bench = at_work();
    bench.key(Key::Down);
    bench.key(Key::Char('p'));
    assert!(asked(&bench.key(Key::Enter), &Request::Resume { session: 415 }), "a paused one is given back");
}

#[test]
fn what_was_wanted_follows_the_pin_and_is_still_confirmed() {
    let one = vec![waiting(9, VERA, "plc-gw", 100_000)];
    let mut bench = Bench::with(View { waiting: List::new(one).unwrap(), ..view() }, armed());
    bench.key(Key::Char('a'));
    bench.key(Key::Enter);
    bench.keys("482913");
    assert!(asked(&bench.key(Key::Enter), &Request::Unlock { person: Name::cut("anna") }));
    let acts = bench.on(Event::Broker(Reply::Asked));
    assert!(acts.iter().any(|act| matches!(act, Act::Pin(digits) if digits.as_slice() == b"482913")));
    let acts = bench.on(Event::Broker(Reply::Done));
    assert!(!asked(&acts, &Request::Admit { session: 9 }), "unlocked is not admitted");
    assert!(asked(&bench.key(Key::Enter), &Request::Admit { session: 9 }));
}

#[test]
fn a_pin_goes_to_the_vault_alone_and_only_once_it_was_asked_for() {
    let mut bench = Bench::with(view(), armed());
    bench.key(Key::Char('u'));
    bench.key(Key::Enter);
    let acts = bench.keys("123456");
    assert!(!acts.iter().any(|act| matches!(act, Act::Pin(_))));
    let sent = bench.key(Key::Enter);
    assert!(!sent.iter().any(|act| matches!(act, Act::Pin(_))), "first the vault's socket");
    let mut bench = Bench::with(view(), armed());
    assert!(!bench.on(Event::Broker(Reply::Asked)).iter().any(|act| matches!(act, Act::Pin(_))), "unasked");
}

#[test]
fn a_wrong_pin_can_be_typed_again_and_a_short_one_is_not_sent() {
    let mut bench = Bench::with(view(), armed());
    bench.key(Key::Char('u'));
    bench.key(Key::Enter);
    bench.keys("12345");
    assert!(!asked(&bench.key(Key::Enter), &Request::Unlock { person: Name::cut("anna") }), "five digits");
    bench.keys("6");
    bench.key(Key::Enter);
    bench.on(Event::Broker(Reply::Asked));
    bench.on(Event::Broker(Reply::Refused { why: Why::Wait { seconds: 60 } }));
    assert!(bench.desk.unlocked().is_none());
    bench.keys("654321");
    assert!(asked(&bench.key(Key::Enter), &Request::Unlock { person: Name::cut("anna") }));
}

#[test]
fn a_choice_does_not_move_to_another_session_by_itself() {
    let mut bench = at_work();
    bench.key(Key::Char('e'));
    let others = vec![session(415, TOM, "drive-cab-2", "live"), session(420, VERA, "x", "live")];
    bench.view(View { sessions: List::new(others).unwrap(), unlocked: Some(Name::cut("anna")), ..view() });
    let acts = bench.key(Key::Enter);
    assert!(asked(&acts, &Request::End { session: 412, block: false }), "it means what it asked: {acts:?}");
    bench.on(Event::Broker(Reply::Refused { why: Why::NoSession }));
    let acts = [bench.key(Key::Char('e')), bench.key(Key::Enter)].concat_all();
    assert!(!acts.iter().any(|act| matches!(act, Act::ToBroker(ask) if matches!(ask.0, Request::End { .. }))), "nobody is chosen");
}

#[test]
fn it_locks_after_its_time_without_a_key_and_not_while_keys_come() {
    let mut bench = at_work();
    for _ in 0..4 {
        assert!(!asked(&bench.pass(60_000), &Request::Lock));
        bench.view(View { unlocked: Some(Name::cut("anna")), ..working() });
        bench.guardian(armed());
        bench.key(Key::Up);
    }
    bench.pass(119_000);
    bench.view(View { unlocked: Some(Name::cut("anna")), ..working() });
    let acts = bench.pass(1_000);
    assert!(asked(&acts, &Request::Lock), "{acts:?}");
}

#[test]
fn a_cut_off_takes_every_question_away() {
    let mut bench = at_work();
    bench.key(Key::Char('e'));
    bench.guardian(cut(Trigger::Key, false));
    assert!(!asked(&bench.key(Key::Enter), &Request::End { session: 412, block: false }));
}

#[test]
fn the_guardian_is_asked_more_often_while_something_moves() {
    let wait = |bench: &Bench| bench.desk.next_wake_ms() - bench.now.boot_ms;
    let mut bench = Bench::with(view(), armed());
    assert!(wait(&bench) > GUARDIAN_FAST_MS && wait(&bench) <= GUARDIAN_LOOK_MS);
    bench.guardian(State { key_ms: 40, ..armed() });
    assert!(wait(&bench) <= GUARDIAN_FAST_MS);
    bench.guardian(cut(Trigger::Key, false));
    assert!(wait(&bench) <= GUARDIAN_FAST_MS, "the latch is awaited");
    bench.guardian(cut(Trigger::Key, true));
    assert!(wait(&bench) > GUARDIAN_FAST_MS);
}

#[test]
fn who_does_not_answer_is_not_asked_again_and_again() {
    let mut bench = Bench::new(Settings::default());
    let mut looks = 0;
    for _ in 0..100 {
        looks += bench.pass(100).iter().filter(|act| matches!(act, Act::ToBroker(_) | Act::ToGuardian(border_desk::Request::Look))).count();
    }
    assert_eq!(looks, 0, "one question to each is under way");
}

#[test]
fn with_closed_sockets_it_asks_to_be_started_again_but_not_under_somebodys_fingers() {
    let leaves = |acts: &[Act]| acts.contains(&Act::Leave { again: true });
    let mut bench = Bench::with(working(), armed());
    bench.pass(STAY_MS);
    bench.key(F12);
    assert!(!leaves(&bench.on(Event::BrokerGone)), "the second press may come");
    assert!(!leaves(&bench.pass(STAY_MS - 1)));
    assert!(leaves(&bench.pass(1)));
}

#[test]
fn an_order_without_an_answer_is_given_up_with_words() {
    let mut bench = at_work();
    bench.key(Key::Char('e'));
    bench.key(Key::Enter);
    for _ in 0..ANSWER_MS / 1_000 {
        bench.pass(1_000);
        bench.view(View { unlocked: Some(Name::cut("anna")), ..working() });
    }
    bench.key(Key::Char('e'));
    assert!(asked(&bench.key(Key::Enter), &Request::End { session: 412, block: false }), "the keys are free again");
}

#[test]
fn only_a_person_who_attached_it_leaves() {
    let leaves = |attached| {
        let mut bench = Bench::new(Settings { attached, ..Settings::default() });
        bench.key(Key::Function(10)).contains(&Act::Leave { again: false })
    };
    assert!(leaves(true) && !leaves(false));
}

#[test]
fn re_arming_is_offered_only_where_the_plant_lets_a_pin_do_it() {
    let offered = |pin_rearms, state| {
        let unlocked = Some(Name::cut("anna"));
        let mut bench = Bench::with(View { pin_rearms, unlocked, ..view() }, state);
        bench.key(Key::Char('r'));
        asked(&bench.key(Key::Enter), &Request::Rearm)
    };
    assert!(offered(true, cut(Trigger::Key, true)));
    assert!(!offered(false, cut(Trigger::Key, true)));
    assert!(!offered(true, armed()));
    assert!(!offered(true, state(Standing::Held { why: Hold::Starting })), "that lifts itself");
}

#[test]
fn the_screen_names_only_those_ways_back_that_the_plant_allows() {
    let shown = |person_rearms| {
        let bench = Bench::with(View { person_rearms, ..view() }, cut(Trigger::Key, true));
        let mut cells = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 80, 25));
        console::screen::draw(&bench.desk, &mut cells);
        cells.content().iter().map(|cell| cell.symbol()).collect::<String>().contains("dinlock cutoff rearm")
    };
    assert!(shown(true) && !shown(false));
}

#[test]
fn what_the_broker_could_not_do_is_said_in_words() {
    let mut bench = at_work();
    bench.key(Key::Char('e'));
    bench.key(Key::Enter);
    bench.on(Event::Broker(Reply::Refused { why: Why::Other { text: Line::cut("the broker keeps no blocks yet") } }));
    let mut cells = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 80, 25));
    console::screen::draw(&bench.desk, &mut cells);
    let text: String = cells.content().iter().map(|cell| cell.symbol()).collect();
    assert!(text.contains("the broker keeps no blocks yet"));
}
