//! The loop over real sockets: a session from its terms to its end, and an end against a flood.

mod common;

use border::mediation::{Event, Order, Terms};
use border::record::{Answer, Entry};
use border::work::{Down, Up};
use codec::Wire;
use common::{by, end, input, open, output, terms};
use mediator::{Prepared, SessionKey};
use os::seqpacket;
use std::io::{PipeWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

struct Ends {
    control: OwnedFd,
    front: OwnedFd,
    back: OwnedFd,
    /// The guardian's end.
    guardian: PipeWriter,
    room: JoinHandle<Result<(), String>>,
    vault: JoinHandle<u64>,
}

fn send<T: Wire>(fd: &OwnedFd, message: &T) {
    seqpacket::send(fd.as_fd(), &codec::encode(message), &[]).unwrap();
}

fn recv<T: Wire>(fd: &OwnedFd) -> Option<T> {
    let mut buffer = vec![0; border::MESSAGE_BYTES_MAX];
    let got = seqpacket::recv(fd.as_fd(), &mut buffer).ok()?;
    (got.len > 0).then(|| codec::decode(&buffer[..got.len]).unwrap())
}

/// Takes entries until the socket closes; answers each.
fn vault(fd: &OwnedFd) -> u64 {
    let mut entries = 0;
    while recv::<Entry>(fd).is_some() {
        entries += 1;
        if seqpacket::send(fd.as_fd(), &codec::encode(&Answer::InHand { entries }), &[]).is_err() {
            break;
        }
    }
    entries
}

fn begin(terms: Terms) -> Ends {
    let (control, room_control) = seqpacket::pair().unwrap();
    let (front, room_front) = seqpacket::pair().unwrap();
    let (back, room_back) = seqpacket::pair().unwrap();
    let (record, room_record) = seqpacket::pair().unwrap();
    let (lifeline, guardian) = std::io::pipe().unwrap();
    let key = SessionKey(Box::new(Zeroizing::new(common::KEY)));
    let prepared = Prepared {
        control: room_control,
        front: room_front,
        back: room_back,
        record: room_record,
        lifeline: lifeline.into(),
        key,
    };
    let room = std::thread::spawn(move || mediator::shell::run(prepared));
    let vault = std::thread::spawn(move || vault(&record));
    send(&control, &Order::Start { terms });
    assert_eq!(recv(&control), Some(Event::Recording));
    Ends { control, front, back, guardian, room, vault }
}

fn in_ms(ms: u64) -> Terms {
    let deadline = os::clock::boottime() + Duration::from_millis(ms);
    Terms { deadline_ms: u64::try_from(deadline.as_millis()).unwrap(), ..terms() }
}

fn opened(ends: &Ends, terminal: bool) {
    send(&ends.front, &open(1, terminal));
    assert_eq!(recv(&ends.back), Some(open(1, terminal)));
    send(&ends.back, &Up::Opened { channel: 1 });
    assert_eq!(recv(&ends.front), Some(Up::Opened { channel: 1 }));
}

#[test]
fn a_session_runs_from_its_terms_to_its_end() {
    let ends = begin(in_ms(60_000));
    opened(&ends, true);
    let begun = Instant::now();
    for _ in 0..100 {
        send(&ends.front, &input(b"x"));
        assert_eq!(recv(&ends.back), Some(input(b"x")));
        send(&ends.back, &output(b"x"));
        assert_eq!(recv(&ends.front), Some(output(b"x")));
    }
    println!("key there and back, recorded first: {:?}", begun.elapsed() / 100);
    send(&ends.control, &end(session::Reason::EndedByAdmin, "enough"));
    assert_eq!(recv(&ends.front), Some(Up::End { text: by("enough") }));
    assert!(matches!(recv(&ends.control), Some(Event::Ended { kind, .. }) if kind.as_str() == "ended_by_admin"));
    assert_eq!(ends.room.join().unwrap(), Ok(()));
    assert!(ends.vault.join().unwrap() > 100);
}

#[test]
fn the_machines_last_words_reach_the_operator() {
    let ends = begin(in_ms(60_000));
    opened(&ends, false);
    send(&ends.back, &output(b"bye"));
    send(&ends.back, &Up::Close { channel: 1 });
    drop(ends.back);
    assert_eq!(recv(&ends.front), Some(output(b"bye")));
    assert_eq!(recv(&ends.front), Some(Up::Close { channel: 1 }));
    assert!(matches!(recv(&ends.front), Some(Up::End { .. })));
    assert!(matches!(recv(&ends.control), Some(Event::Ended { kind, .. }) if kind.as_str() == "machine_closed"));
    assert_eq!(ends.room.join().unwrap(), Ok(()));
}

#[test]
fn the_deadline_holds_against_a_flood_and_an_operator_who_reads_nothing() {
    let ends = begin(in_ms(700));
    let begun = Instant::now();
    opened(&ends, true);
    let back = ends.back;
    // Within the rules, without end, from both sides; nobody reads what it makes the room send.
    let flood = |fd: OwnedFd, message: Vec<u8>| {
        std::thread::spawn(move || while seqpacket::send(fd.as_fd(), &message, &[]).is_ok() {})
    };
    let machine = flood(back, codec::encode(&Up::Credit { channel: 1, bytes: 0 }));
    let operator = flood(ends.front, codec::encode(&Down::Resize { channel: 1, cols: 1, rows: 1 }));
    let Some(Event::Ended { kind, .. }) = recv(&ends.control) else { panic!("it says why it ended") };
    assert_eq!(kind.as_str(), "deadline");
    assert_eq!(ends.room.join().unwrap(), Ok(()));
    assert!(begun.elapsed() < Duration::from_millis(1700));
    machine.join().unwrap();
    operator.join().unwrap();
}

#[test]
fn the_deadline_holds_in_silence_and_without_a_broker() {
    let ends = begin(in_ms(300));
    let begun = Instant::now();
    // Its follower would come by the spare end that the launcher keeps.
    let spare = ends.control.try_clone().unwrap();
    drop(ends.control);
    assert_eq!(ends.room.join().unwrap(), Ok(()));
    assert!(begun.elapsed() > Duration::from_millis(250), "the broker's end alone ends nothing");
    assert!(begun.elapsed() < Duration::from_millis(1300));
    drop(spare);
}

#[test]
fn it_ends_once_nobody_is_left_who_could_end_it() {
    let ends = begin(in_ms(60_000));
    drop(ends.control);
    assert_eq!(ends.room.join().unwrap(), Ok(()));
}

fn ends_as(ends: Ends, wanted: &str) {
    let Some(Event::Ended { kind, .. }) = recv(&ends.control) else { panic!("it says why it ended") };
    assert_eq!(kind.as_str(), wanted);
    assert_eq!(ends.room.join().unwrap(), Ok(()));
}

#[test]
fn it_ends_when_the_guardian_dies_and_not_before() {
    let mut ends = begin(in_ms(60_000));
    opened(&ends, true);
    for _ in 0..100 {
        send(&ends.front, &input(b"x"));
        assert_eq!(recv(&ends.back), Some(input(b"x")), "a guardian that is silent ends nothing");
    }
    // A copy of the reading end, as the launcher keeps one, holds nothing open.
    let (_, stranger) = std::io::pipe().unwrap();
    drop(std::mem::replace(&mut ends.guardian, stranger));
    assert!(matches!(recv(&ends.front), Some(Up::End { .. })));
    ends_as(ends, "guardian_lost");
}

#[test]
fn a_lifeline_on_which_something_is_said_ends_it() {
    let mut ends = begin(in_ms(60_000));
    opened(&ends, true);
    ends.guardian.write_all(b"x").unwrap();
    ends_as(ends, "peer_out_of_turn");
}

#[test]
fn one_whose_terms_have_not_come_ends_with_the_guardian_too() {
    let pairs = [(); 4].map(|()| seqpacket::pair().unwrap());
    let [(ours, control), (_front, front), (_back, back), (_vault, record)] = pairs;
    let (lifeline, guardian) = std::io::pipe().unwrap();
    let key = SessionKey(Box::new(Zeroizing::new(common::KEY)));
    let prepared = Prepared { control, front, back, record, lifeline: lifeline.into(), key };
    let room = std::thread::spawn(move || mediator::shell::run(prepared));
    drop(guardian);
    assert!(matches!(recv(&ours), Some(Event::Ended { kind, .. }) if kind.as_str() == "guardian_lost"));
    assert_eq!(room.join().unwrap(), Ok(()));
}

#[test]
fn a_silent_vault_does_not_hold_the_end_up() {
    let ends = begin(in_ms(60_000));
    opened(&ends, true);
    drop(ends.front);
    assert!(matches!(recv(&ends.control), Some(Event::Ended { kind, .. }) if kind.as_str() == "operator_left"));
    assert_eq!(ends.room.join().unwrap(), Ok(()));
}

#[test]
fn an_observer_who_reads_nothing_slows_nobody_and_hears_what_it_missed() {
    let ends = begin(in_ms(60_000));
    opened(&ends, false);
    let (mine, theirs) = seqpacket::pair().unwrap();
    seqpacket::send(ends.control.as_fd(), &codec::encode(&Order::Observe { by: by("otto") }), &[theirs.as_fd()]).unwrap();
    drop(theirs);
    assert!(matches!(recv(&ends.front), Some(Up::Notice { .. })));
    let block = vec![b'x'; 60_000];
    for _ in 0..100 {
        send(&ends.back, &output(&block));
        assert_eq!(recv(&ends.front), Some(output(&block)));
        send(&ends.front, &Down::Credit { channel: 1, bytes: 60_000 });
    }
    let left_out = std::iter::from_fn(|| recv::<Up>(&mine))
        .find_map(|up| if let Up::Notice { text } = up { text.ends_with("left out").then_some(text) } else { None });
    assert!(left_out.is_some());
    // Whatever an observer says ends it.
    send(&mine, &Down::Eof { channel: 1 });
    while recv::<Up>(&mine).is_some() {}
    send(&ends.front, &input(b"still here"));
    drop(ends.front);
    assert_eq!(ends.room.join().unwrap(), Ok(()));
}

/// Not a claim but a measure: `cargo test --release -- --ignored --nocapture speed`.
#[test]
#[ignore = "a measure, for release builds"]
fn speed() {
    for (name, hashed, random) in [("random", false, true), ("zeros", false, false), ("hashed", true, true)] {
        let mut block = vec![0; border::DATA_BYTES_MAX];
        if random {
            os::random(&mut block);
        }
        println!("{name}: up {:.0} MB/s, down {:.0} MB/s", up(hashed, &block), down(hashed, &block));
    }
}

const BLOCKS: u32 = 16 * 1024;
const BLOCK: u32 = border::DATA_BYTES_MAX as u32;

/// Sends blocks within credit; `credit_of` reads one message that gives some.
fn pump(fd: &OwnedFd, message: &[u8], credit_of: impl Fn() -> u32) {
    let mut credit = border::work::CREDIT_AT_OPEN;
    for _ in 0..BLOCKS {
        while credit < BLOCK {
            credit += credit_of();
        }
        credit -= BLOCK;
        seqpacket::send(fd.as_fd(), message, &[]).unwrap();
    }
}

/// Takes blocks, and gives credit for each fourth; MB/s.
fn drain(fd: &OwnedFd, credit: &[u8]) -> f64 {
    let begun = Instant::now();
    let mut buffer = vec![0; border::MESSAGE_BYTES_MAX];
    for count in 1..=BLOCKS {
        seqpacket::recv(fd.as_fd(), &mut buffer).unwrap();
        if count % 4 == 0 {
            seqpacket::send(fd.as_fd(), credit, &[]).unwrap();
        }
    }
    f64::from(BLOCKS) * f64::from(BLOCK) / 1e6 / begun.elapsed().as_secs_f64()
}

fn up(hashed: bool, block: &[u8]) -> f64 {
    let ends = begin(Terms { bulk_hash_only: hashed, ..in_ms(60_000) });
    opened(&ends, false);
    let (back, message) = (ends.back, codec::encode(&output(block)));
    let machine = std::thread::spawn(move || {
        pump(&back, &message, || match recv(&back) {
            Some(Down::Credit { bytes, .. }) => bytes,
            other => panic!("only credit comes, not {other:?}"),
        });
        back
    });
    let speed = drain(&ends.front, &codec::encode(&Down::Credit { channel: 1, bytes: 4 * BLOCK }));
    drop(machine.join().unwrap());
    speed
}

fn down(hashed: bool, block: &[u8]) -> f64 {
    let ends = begin(Terms { bulk_hash_only: hashed, input: border::mediation::InputRecord::All, ..in_ms(60_000) });
    opened(&ends, false);
    let (front, message) = (ends.front, codec::encode(&input(block)));
    let operator = std::thread::spawn(move || {
        pump(&front, &message, || match recv(&front) {
            Some(Up::Credit { bytes, .. }) => bytes,
            other => panic!("only credit comes, not {other:?}"),
        });
        front
    });
    let speed = drain(&ends.back, &codec::encode(&Up::Credit { channel: 1, bytes: 4 * BLOCK }));
    drop(operator.join().unwrap());
    speed
}
