//! A desk on which time is a number, and a broker and a guardian whose answers are written here.

#![allow(dead_code, reason = "each test file uses its part of it")]

use border::console::{Fault, Keeper, Reply, Request, SessionLine, View, WaitingLine};
use border::{Line, Name, desk as border_desk};
use codec::{List, Text};
use console::desk::{Act, Ask, Desk, Event, Now, Settings};
use console::keys::Key;
use guard::{Dog, Hold, Report, Standing, State, Steps, Trigger};

/// 2026-11-25 04:51:07 in Berlin.
pub const WALL_MS: i64 = 1_795_578_667_000;

pub fn state(standing: Standing) -> State {
    let armed = standing == Standing::Armed;
    State {
        standing,
        since_ms: 1_000,
        report: None,
        lacks: 0,
        contacts: 0,
        open: 0,
        key_ms: 0,
        ot_drops: !armed,
        uplink_drops: standing == (Standing::Held { why: Hold::CutOff }),
        links_up: u8::from(armed),
        links: 1,
        sessions: 0,
        late: 0,
        dog: Dog::Device,
        resets: 0,
        faults: 0,
    }
}

pub fn cut(trigger: Trigger, latched: bool) -> State {
    let steps = Steps {
        filters_us: Some(1_240),
        killed_us: Some(2_910),
        dead_us: Some(6_480),
        serial_us: Some(6_600),
        links_us: Some(7_320),
        latched_us: latched.then_some(31_450),
    };
    let report = Report { number: 3, trigger, wall_ms: WALL_MS - 72_000, boot_ms: 2_328_000, sessions: 3, steps };
    State { report: Some(report), since_ms: 2_328_000, ..state(Standing::Held { why: Hold::CutOff }) }
}

pub fn session(number: u64, who: (&str, &str, &str, &str), target: &str, state: &str) -> SessionLine {
    SessionLine {
        session: number,
        person: Name::cut(who.0),
        name: Text::cut(who.1),
        employer: Text::cut(who.2),
        telephone: Text::cut(who.3),
        target: Name::cut(target),
        state: Name::cut(state),
        started_ms: WALL_MS - 2_520_000,
        left_ms: 3_480_000,
        watched_by: Line::default(),
        input_per_minute: 0,
    }
}

pub const VERA: (&str, &str, &str, &str) = ("vera", "Vera Lindqvist", "Presswerk Service GmbH", "+49 170 5550142");
pub const TOM: (&str, &str, &str, &str) = ("tom", "Tom Okafor", "Rotech Drives Ltd", "+44 7700 900312");
pub const OTTO: (&str, &str, &str, &str) = ("otto", "Otto Brandt", "", "2214");

pub fn three() -> Vec<SessionLine> {
    vec![
        SessionLine { watched_by: Line::cut("anna"), input_per_minute: 34, ..session(412, VERA, "plc-gw", "live") },
        SessionLine { left_ms: 95_000, ..session(415, TOM, "drive-cab-2", "paused") },
        SessionLine { started_ms: WALL_MS - 8_000, ..session(416, OTTO, "hmi-press", "connecting") },
    ]
}

pub fn waiting(number: u64, who: (&str, &str, &str, &str), target: &str, left_ms: u64) -> WaitingLine {
    WaitingLine {
        session: number,
        person: Name::cut(who.0),
        name: Text::cut(who.1),
        employer: Text::cut(who.2),
        telephone: Text::cut(who.3),
        target: Name::cut(target),
        left_ms,
    }
}

pub fn view() -> View {
    View {
        name: Name::cut("press-hall-2"),
        box_key: std::array::from_fn(|n| u8::try_from(n * 7 + 3).unwrap_or(0)),
        wall_ms: WALL_MS,
        utc_offset_s: 3_600,
        sessions: List::default(),
        more: 0,
        waiting: List::default(),
        days_left: Some(412),
        free_mb: 48_211,
        faults: List::default(),
        keepers: List::new(vec![
            Keeper { person: Name::cut("anna"), name: Text::cut("Anna Weiss") },
            Keeper { person: Name::cut("otto"), name: Text::cut("Otto Brandt") },
        ])
        .unwrap(),
        unlocked: None,
        lock_after_s: 120,
        language: Name::cut("en"),
        person_rearms: true,
        pin_rearms: true,
    }
}

pub fn fault(text: &str) -> Fault {
    Fault { wall_ms: WALL_MS - 1_900_000, text: Line::cut(text) }
}

pub struct Bench {
    pub desk: Desk,
    pub now: Now,
}

impl Bench {
    pub fn new(settings: Settings) -> Self {
        let now = Now { boot_ms: 2_400_000, wall_ms: WALL_MS };
        let mut bench = Self { desk: Desk::new(settings, now), now };
        bench.on(Event::Tick);
        bench
    }

    /// Broker and guardian have answered so.
    pub fn with(view: View, state: State) -> Self {
        let mut bench = Self::new(Settings::default());
        bench.view(view);
        bench.guardian(state);
        bench
    }

    pub fn on(&mut self, event: Event) -> Vec<Act> {
        self.desk.on(event, self.now)
    }

    pub fn view(&mut self, view: View) -> Vec<Act> {
        self.on(Event::Broker(Reply::View { view }))
    }

    pub fn guardian(&mut self, state: State) -> Vec<Act> {
        self.on(Event::Guardian(border_desk::Reply::Is { now_ms: self.now.boot_ms, state }))
    }

    pub fn key(&mut self, key: Key) -> Vec<Act> {
        self.on(Event::Key(key))
    }

    pub fn keys(&mut self, text: &str) -> Vec<Act> {
        text.chars().flat_map(|letter| self.key(Key::Char(letter))).collect()
    }

    pub fn pass(&mut self, ms: u64) -> Vec<Act> {
        self.now.boot_ms += ms;
        self.now.wall_ms += i64::try_from(ms).unwrap();
        self.on(Event::Tick)
    }

    /// Anna unlocks.
    pub fn unlock(&mut self) {
        self.key(Key::Char('u'));
        self.key(Key::Enter);
        self.keys("123456");
        self.key(Key::Enter);
        self.on(Event::Broker(Reply::Asked));
        self.on(Event::Broker(Reply::Done));
    }
}

pub fn asked(acts: &[Act], request: &Request) -> bool {
    acts.contains(&Act::ToBroker(Ask(request.clone())))
}

pub fn cuts(acts: &[Act]) -> usize {
    acts.iter().filter(|act| matches!(act, Act::ToGuardian(border_desk::Request::Cut { console: true }))).count()
}
