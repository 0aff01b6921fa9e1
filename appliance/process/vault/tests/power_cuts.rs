//! A power cut at any moment, losing any part of what was not synced: the ledger and the recordings
//! open, are whole, and hold all that was called kept. Without syncs, the same test fails.

mod common;

use common::{FakeDisk, Random};
use ledger::{At, Category, Event, Outcome, SigningKey};
use recording::{Header, Item, Sealer, What};
use std::collections::BTreeMap;
use vault::disk::Disk;
use vault::keeper::{Keeper, session_of};

const SEEDS: u64 = 400;

fn at(n: u64) -> At {
    At { unix_ms: 1_700_000_000_000 + n, known: true }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn event(n: u64) -> Event {
    let mut event = Event::new("broker", Category::Session, "session.note", Outcome::Ok, "SR 2.8");
    event.detail = codec::Text::cut(format!("{n} {}", "x".repeat((n % 300) as usize)));
    event
}

fn sealer(recipient: &str, session: u64) -> (Sealer, Vec<u8>) {
    let text = |text: &str| codec::Text::cut(text);
    let header = Header {
        session: codec::Text::cut(format!("s-{session:06}")),
        person: text("vera"),
        target: codec::Text::cut("plc-gw"),
        started_ms: 1,
        clock_known: true,
    };
    Sealer::new(&header, &[5; 32], &[recipient]).unwrap()
}

/// What the vault has told others.
#[derive(Default)]
struct Said {
    rows: u64,
    head: [u8; 32],
    kept: BTreeMap<u64, u64>,
    /// All bytes that were ever appended, by session.
    bytes: BTreeMap<u64, Vec<u8>>,
}

/// Works until the power goes.
fn work(mut keeper: Keeper<FakeDisk>, next: u64, said: &mut Said, random: &mut Random, recipient: &str) -> FakeDisk {
    keeper.disk.fuse = Some(random.below(60));
    let mut sealers = BTreeMap::new();
    for n in 0..300 {
        match random.below(6) {
            0 if sealers.len() < 3 => {
                let session = next + n;
                if keeper.begin(session, "vera", "plc-gw", at(n)).is_ok() {
                    let (sealer, header) = sealer(recipient, session);
                    if keeper.append(session, &header).is_ok() {
                        said.bytes.insert(session, header);
                        sealers.insert(session, sealer);
                    }
                }
            }
            1..=2 => {
                for (session, sealer) in &mut sealers {
                    let mut text = vec![0; random.below(1500) as usize];
                    text.iter_mut().for_each(|byte| *byte = random.next() as u8);
                    let bytes = codec::Bytes::new(text).unwrap();
                    let what = What::Output { channel: 1, stream: 0, bytes };
                    let frame = sealer.seal(&[Item { at_us: n, what }]);
                    if keeper.append(*session, &frame).is_ok() {
                        said.bytes.get_mut(session).unwrap().extend_from_slice(&frame);
                    }
                }
            }
            3 => {
                if let Some((session, sealer)) = sealers.pop_first() {
                    let end = sealer.end();
                    if keeper.append(session, &end).is_ok() {
                        said.bytes.get_mut(&session).unwrap().extend_from_slice(&end);
                    }
                    keeper.close(session, true);
                }
            }
            4 => keeper.note(event(n), at(n)),
            _ => {
                let round = keeper.round(at(n));
                if round.ledger.is_none() {
                    (said.rows, said.head) = keeper.book().head();
                    said.kept.extend(round.kept);
                } else {
                    break;
                }
            }
        }
    }
    keeper.disk
}

/// The whole ledger as it is on disk.
fn ledger_of(keeper: &Keeper<FakeDisk>) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    keeper.ledger(|line| {
        all.extend_from_slice(line);
        Ok(true)
    })?;
    Ok(all)
}

/// Holds what is on the disk against what was said.
fn hold(keeper: &Keeper<FakeDisk>, said: &Said) -> Result<(), String> {
    let ledger = ledger_of(keeper)?;
    if said.rows > 0 {
        ledger::verify(&ledger, &key().verifying_key()).map_err(|fault| fault.to_string())?;
    }
    let lines = ledger.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    let rows: Vec<_> = lines.map(|line| ledger::parse(line).unwrap()).collect();
    let last = said.rows as usize;
    if last > 0 && rows.get(last - 1).map(|row| row.hash) != Some(said.head) {
        return Err(format!("row {last} was durable, and is gone or another"));
    }
    for (session, kept) in &said.kept {
        let bytes = keeper.recording(*session)?;
        let kept = *kept as usize;
        if bytes.get(..kept) != Some(&said.bytes[session][..kept]) {
            return Err(format!("recording {session}: {kept} bytes were kept, and are gone or others"));
        }
        let about = rows.iter().filter(|row| session_of(row) == Some(*session) && &*row.event.source == "vault");
        let marks: Vec<_> = about.filter_map(ledger::marks::of).collect();
        recording::check(&bytes[..], &marks, false).map_err(|error| format!("recording {session}: {error}"))?;
    }
    Ok(())
}

/// Three lives of one disk, each ended by a cut.
fn story(seed: u64, without_syncs: bool, recipient: &str) -> Result<usize, String> {
    let mut random = Random(seed);
    let mut said = Said::default();
    let mut disk = FakeDisk { without_syncs, ..FakeDisk::default() };
    for life in 0..3 {
        let opened = Keeper::open(disk, key(), at(life)).map_err(|error| error.to_string())?;
        let (mut keeper, next) = (opened.keeper, opened.next_session);
        hold(&keeper, &said)?;
        let round = keeper.round(at(life));
        assert!(round.failed.is_empty() && round.ledger.is_none());
        (said.rows, said.head) = keeper.book().head();
        disk = work(keeper, next, &mut said, &mut random, recipient).cut(&mut random);
    }
    let opened = Keeper::open(disk, key(), at(9)).map_err(|error| error.to_string())?;
    hold(&opened.keeper, &said)?;
    Ok(said.kept.len())
}

fn recipient() -> String {
    age::x25519::Identity::generate().to_public().to_string()
}

#[test]
fn whatever_a_power_cut_loses_what_was_kept_is_there_and_whole() {
    let recipient = recipient();
    let mut kept = 0;
    for seed in 0..SEEDS {
        match story(seed, false, &recipient) {
            Ok(recordings) => kept += recordings as u64,
            Err(why) => panic!("seed {seed}: {why}"),
        }
    }
    assert!(kept > SEEDS, "{kept} recordings in {SEEDS} stories: too few to show anything");
}

#[test]
fn without_syncs_the_same_stories_fail() {
    let recipient = recipient();
    let failed = (0..SEEDS).filter(|seed| story(*seed, true, &recipient).is_err()).count();
    assert!(failed as u64 > SEEDS / 2, "{failed} of {SEEDS} failed: the test does not see lost writes");
}

#[test]
fn a_ledger_that_was_changed_is_not_written_on() {
    let mut keeper = Keeper::open(FakeDisk::default(), key(), at(0)).unwrap().keeper;
    for n in 0..4 {
        keeper.note(event(n), at(n));
        keeper.round(at(n));
    }
    keeper.disk.tamper("ledger/000001.rows", |bytes| bytes[100] ^= 1);
    assert!(Keeper::open(keeper.disk, key(), at(9)).is_err());
}

#[test]
fn a_disk_that_fails_keeps_nothing_and_loses_no_row() {
    let recipient = recipient();
    let mut keeper = Keeper::open(FakeDisk::default(), key(), at(0)).unwrap().keeper;
    keeper.begin(1, "vera", "plc-gw", at(0)).unwrap();
    let (mut sealer, header) = sealer(&recipient, 1);
    keeper.append(1, &header).unwrap();
    let round = keeper.round(at(1));
    assert_eq!(round.kept, [(1, header.len() as u64)]);
    keeper.disk.fails = true;
    assert!(keeper.append(1, &sealer.seal_output(1, 1, 0, b"x")).is_err());
    keeper.note(event(5), at(2));
    let round = keeper.round(at(2));
    assert!(round.kept.is_empty() && round.ledger.is_some());
    assert_eq!(round.failed[0].0, 1);
    keeper.disk.fails = false;
    let round = keeper.round(at(3));
    assert!(round.ledger.is_none());
    let kinds: Vec<&str> = round.rows.iter().map(|row| row.event.kind.as_str()).collect();
    assert!(kinds.contains(&"session.note") && kinds.contains(&"recording.failed"), "{kinds:?}");
    assert_eq!(keeper.disk.read("recordings/s-000001.dlr").unwrap().unwrap(), header);
    ledger::verify(&ledger_of(&keeper).unwrap(), &key().verifying_key()).unwrap();
}
