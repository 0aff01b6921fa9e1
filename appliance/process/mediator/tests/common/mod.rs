//! A room with its four peers played by the test.
#![allow(dead_code)] // each test file uses its part
#![allow(clippy::wildcard_enum_match_arm)] // a test picks out what it is about

use border::mediation::{Bound, Event, InputRecord, Order, Terms};
use border::record::{Answer, Entry};
use border::work::{Down, Pty, Up};
use codec::{Bytes, List, Text};
use mediator::room::{Act, Room};
use recording::{Item, Reader, What};
use zeroize::Zeroizing;

pub const KEY: [u8; 32] = [7; 32];
pub const SECOND: u64 = 1_000_000;
pub const MINUTE: u64 = 60 * SECOND;
/// When the session begins, in microseconds of boot time.
pub const BEGIN: u64 = 1_000 * SECOND;

pub fn terms() -> Terms {
    let recipient = age::x25519::Identity::generate().to_public().to_string();
    Terms {
        session: 7,
        person: Text::new("vera").unwrap(),
        target: Text::new("plc-gw").unwrap(),
        deadline_ms: (BEGIN + 60 * MINUTE) / 1000,
        bound: Bound::Longest,
        idle_ms: 0,
        recorder_grace_ms: 2000,
        input: InputRecord::All,
        bulk_hash_only: false,
        recipients: List::new(vec![Text::new(recipient).unwrap()]).unwrap(),
        started_ms: 1_790_000_000_000,
    }
}

pub struct Bench {
    pub room: Room,
    pub now: u64,
    pub up: Vec<Up>,
    pub down: Vec<Down>,
    pub events: Vec<Event>,
    pub entries: Vec<Entry>,
    pub observed: Vec<Up>,
    pub left: bool,
    /// The vault answers by itself.
    pub vault: bool,
}

impl Bench {
    pub fn start(terms: Terms) -> Self {
        let mut bench = Self {
            room: Room::new(Box::new(Zeroizing::new(KEY))),
            now: BEGIN,
            up: vec![],
            down: vec![],
            events: vec![],
            entries: vec![],
            observed: vec![],
            left: false,
            vault: true,
        };
        bench.order(Order::Start { terms });
        bench
    }

    fn acts(&mut self, message: &[u8]) {
        let acts: Vec<Act> = self.room.acts().collect();
        for act in acts {
            match act {
                Act::Front(bytes) => self.up.push(codec::decode(&bytes).unwrap()),
                Act::FrontSame => self.up.push(codec::decode(message).unwrap()),
                Act::Back(bytes) => self.down.push(codec::decode(&bytes).unwrap()),
                Act::Record(bytes) => self.entries.push(codec::decode(&bytes).unwrap()),
                Act::Control(bytes) => self.events.push(codec::decode(&bytes).unwrap()),
                Act::Observer(_, bytes) | Act::Observers(bytes) => self.observed.push(codec::decode(&bytes).unwrap()),
                Act::ObserversSame => self.observed.push(codec::decode(message).unwrap()),
                Act::Admit(_) | Act::Say(_) => {}
                Act::Leave => self.left = true,
            }
        }
    }

    fn settle(&mut self) {
        self.room.tick(self.now);
        self.acts(&[]);
        self.room.settle(self.now);
        self.acts(&[]);
        if self.vault {
            self.in_hand();
        }
    }

    pub fn in_hand(&mut self) {
        self.answer(Answer::InHand { entries: self.entries.len() as u64 });
    }

    pub fn answer(&mut self, answer: Answer) {
        self.room.record(self.now, &codec::encode(&answer), 0);
        self.acts(&[]);
        self.room.settle(self.now);
        self.acts(&[]);
    }

    pub fn order(&mut self, order: Order) {
        let fds = usize::from(matches!(order, Order::Observe { .. }));
        self.room.order(self.now, &codec::encode(&order), fds);
        self.acts(&[]);
        self.settle();
    }

    pub fn front(&mut self, message: Down) {
        let bytes = codec::encode(&message);
        self.room.front(self.now, &bytes, 0);
        self.acts(&bytes);
        self.settle();
    }

    pub fn back(&mut self, message: Up) {
        let bytes = codec::encode(&message);
        self.room.back(self.now, &bytes, 0);
        self.acts(&bytes);
        self.settle();
    }

    pub fn at(&mut self, now: u64) {
        self.now = now;
        self.settle();
    }

    /// Opens channel 1, with a terminal or not, and forgets what that said.
    pub fn open(&mut self, terminal: bool) {
        self.front(open(1, terminal));
        self.back(Up::Opened { channel: 1 });
        self.up.clear();
        self.down.clear();
    }

    pub fn typed(&self) -> Vec<u8> {
        let data = self.down.iter().filter_map(|down| match down {
            Down::Data { bytes, .. } => Some(bytes.to_vec()),
            _ => None,
        });
        data.flatten().collect()
    }

    pub fn notices(&self) -> Vec<String> {
        let notices = self.up.iter().filter_map(|up| match up {
            Up::Notice { text } => Some(text.to_string()),
            _ => None,
        });
        notices.collect()
    }

    /// The kind of the end, if it has been said to the operator, and after everything was sent.
    pub fn ended(&mut self) -> Option<String> {
        self.room.drained(self.now);
        self.acts(&[]);
        self.events.iter().find_map(|event| match event {
            Event::Ended { kind, .. } => Some(kind.to_string()),
            _ => None,
        })
    }

    /// What an auditor reads in it.
    pub fn recorded(&self) -> Vec<What> {
        let bytes: Vec<u8> = self
            .entries
            .iter()
            .flat_map(|entry| match entry {
                Entry::Header { bytes } | Entry::Frame { bytes } | Entry::End { bytes } => bytes.to_vec(),
            })
            .collect();
        let reader = Reader::open_with_key(&bytes[..], &KEY).unwrap();
        reader.map(|item: Result<Item, _>| item.unwrap().what).collect()
    }
}

pub fn open(channel: u32, terminal: bool) -> Down {
    let pty = terminal.then(|| Pty { term: Text::new("xterm").unwrap(), cols: 80, rows: 24, modes: List::default() });
    Down::Open { channel, pty, command: None, variables: List::default() }
}

pub fn input(bytes: &[u8]) -> Down {
    Down::Data { channel: 1, bytes: Bytes::new(bytes).unwrap() }
}

pub fn output(bytes: &[u8]) -> Up {
    Up::Data { channel: 1, stream: 0, bytes: Bytes::new(bytes).unwrap() }
}

pub fn end(reason: session::Reason, text: &str) -> Order {
    Order::End { reason: Text::new(reason.code()).unwrap(), text: by(text) }
}

pub fn by(name: &str) -> border::Line {
    Text::new(name).unwrap()
}
