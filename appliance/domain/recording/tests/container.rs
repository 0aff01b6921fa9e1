//! Claims of the container: what is read is what was sealed, in its place, or nothing.

mod common;

use common::{KEY, auditor, every_kind, header, noise, output, pieces};
use recording::{End, Item, MAX_PLAIN, ReadError, Reader, SealError, Sealer, What, peek, read_closed};
use std::collections::BTreeSet;

fn all(bytes: &[u8], identity: &str) -> (Vec<Item>, Option<End>) {
    let mut reader = Reader::open(bytes, identity).unwrap();
    let items = reader.by_ref().map(Result::unwrap).collect();
    (items, reader.end())
}

#[test]
fn every_kind_of_item_comes_back_for_each_auditor() {
    let (one, two) = (auditor(), auditor());
    let file = pieces(&[&one.1, &two.1]).concat();
    for identity in [one.0, format!("# a comment\n\n{}\n", two.0)] {
        let (found, items) = read_closed(&file[..], &identity).unwrap();
        assert_eq!(found, header());
        assert_eq!(items[..10], every_kind());
        assert_eq!(items[10], output(20_000_000, 1, &[b'x'; 2000]));
        assert!(matches!(&items[11].what, What::Output { stream: 1, bytes, .. } if **bytes == *b"done"));
    }
    let live = Reader::open_with_key(&file[..], &KEY).unwrap();
    assert_eq!(live.map(Result::unwrap).count(), 12);
}

#[test]
fn the_clear_header_is_all_that_is_read_without_an_identity() {
    let file = pieces(&[&auditor().1]).concat();
    assert_eq!(peek(&mut &file[..]).unwrap(), header());
    assert!(!file.windows(7).any(|part| part == b"login: "));
    assert!(!file.windows(32).any(|part| part == KEY));
}

#[test]
fn the_wrong_identity_opens_nothing() {
    let file = pieces(&[&auditor().1]).concat();
    assert!(matches!(Reader::open(&file[..], &auditor().0), Err(ReadError::WrongIdentity)));
    assert!(matches!(Reader::open(&file[..], "# none\n"), Err(ReadError::NoIdentity)));
    assert!(matches!(Reader::open(&file[..], "#\nAGE-SECRET"), Err(ReadError::BadIdentity(2))));
    assert!(matches!(Reader::open_with_key(&file[..], &[6; 32]), Err(ReadError::HeaderChanged)));
}

#[test]
fn no_recording_begins_without_an_auditor() {
    assert!(matches!(Sealer::new(&header(), &KEY, &[]), Err(SealError::NoRecipient)));
    assert!(matches!(Sealer::new(&header(), &KEY, &["age1x"]), Err(SealError::BadRecipient(_))));
    let own = auditor().1;
    let many = vec![own.as_str(); 65];
    assert!(matches!(Sealer::new(&header(), &KEY, &many), Err(SealError::TooManyRecipients(64, 65))));
    Sealer::new(&header(), &KEY, &many[..64]).unwrap();
}

#[test]
fn every_flipped_byte_is_refused() {
    let (identity, recipient) = auditor();
    let file = pieces(&[&recipient]).concat();
    let whole = read_closed(&file[..], &identity).unwrap().1;
    for index in 0..file.len() {
        for mask in [1, 0x80] {
            let mut bad = file.clone();
            bad[index] ^= mask;
            let why = read_closed(&bad[..], &identity).expect_err("a byte is another").to_string();
            assert!(!why.contains(char::is_control), "byte {index}: not one line: {why:?}");
            // What comes before the break is still exactly what was sealed.
            if let Ok(reader) = Reader::open(&bad[..], &identity) {
                let before: Vec<_> = reader.map_while(Result::ok).collect();
                assert!(whole.starts_with(&before) && before.len() < whole.len() + usize::from(index > 400));
            }
        }
    }
}

#[test]
fn a_recording_cut_at_any_byte_is_never_told_closed_and_reads_up_to_its_last_whole_frame() {
    let (identity, recipient) = auditor();
    let pieces = pieces(&[&recipient]);
    let file = pieces.concat();
    let ends: Vec<_> = pieces.iter().scan(0, |sum, piece| Some({ *sum += piece.len(); *sum })).collect();
    let counts = [0, 4, 10, 11, 12];
    for cut in 0..file.len() {
        let whole_frames = ends.iter().filter(|&&end| end <= cut).count();
        let Some(last) = whole_frames.checked_sub(1) else {
            assert!(Reader::open(&file[..cut], &identity).is_err());
            continue;
        };
        let (items, end) = all(&file[..cut], &identity);
        assert_eq!(items.len(), counts[last], "cut at {cut}");
        let (whole, last_at_us) = (ends[last] as u64, items.last().map_or(0, |item| item.at_us));
        assert_eq!(end, Some(End::Open { last_at_us, whole, torn: cut as u64 - whole }));
        assert!(matches!(read_closed(&file[..cut], &identity), Err(ReadError::NotClosed(us)) if us == last_at_us));
        // A power cut may also leave zeros where bytes were due.
        let zeros = [&file[..ends[last]], &[0; 5000]].concat();
        let end = all(&zeros, &identity).1;
        assert_eq!(end, Some(End::Open { last_at_us, whole, torn: 5000 }));
    }
}

#[test]
fn a_removed_doubled_or_reordered_frame_is_found() {
    let (identity, recipient) = auditor();
    let pieces = pieces(&[&recipient]);
    for a in 1..pieces.len() {
        let mut without = pieces.clone();
        without.remove(a);
        assert!(read_closed(&without.concat()[..], &identity).is_err());
        let mut doubled = pieces.clone();
        doubled.insert(a, pieces[a].clone());
        assert!(read_closed(&doubled.concat()[..], &identity).is_err());
        for b in a + 1..pieces.len() {
            let mut swapped = pieces.clone();
            swapped.swap(a, b);
            assert!(read_closed(&swapped.concat()[..], &identity).is_err());
        }
    }
    // Numbered anew, so that only the seal can tell.
    let mut swapped = pieces.clone();
    swapped.swap(1, 2);
    swapped[1][4] = 1;
    swapped[2][4] = 2;
    assert!(matches!(read_closed(&swapped.concat()[..], &identity), Err(ReadError::Changed(1))));
}

#[test]
fn a_frame_of_another_recording_is_refused_even_under_one_key() {
    let (identity, recipient) = auditor();
    let (one, two) = (pieces(&[&recipient]), pieces(&[&recipient]));
    let mixed = [&one[0][..], &two[1]].concat();
    let mut reader = Reader::open(&mixed[..], &identity).unwrap();
    assert!(matches!(reader.next(), Some(Err(ReadError::Changed(1)))));
    assert!(reader.next().is_none(), "nothing comes after an error");
}

#[test]
fn no_two_frames_have_one_number() {
    let (mut sealer, _) = Sealer::new(&header(), &KEY, &[&auditor().1]).unwrap();
    let mut seen = BTreeSet::from([0]);
    let encoded = codec::encode(&output(3, 1, b"abc"));
    for round in 0..50 {
        let frame = match round % 3 {
            0 => sealer.seal_output(1, 1, 0, &noise(round * 40)),
            1 => sealer.seal(&every_kind()),
            _ => sealer.seal_encoded(3, &encoded),
        };
        assert!(seen.insert(u64::from_le_bytes(frame[4..12].try_into().unwrap())));
    }
    assert_eq!(sealer.seal(&[]), b"");
    let end = sealer.end();
    assert!(seen.insert(u64::from_le_bytes(end[4..12].try_into().unwrap())));
}

#[test]
fn large_outputs_and_batches_are_split_and_come_back() {
    let (identity, recipient) = auditor();
    let (mut sealer, mut file) = Sealer::new(&header(), &KEY, &[&recipient]).unwrap();
    let noise = noise(200_000);
    file.extend(sealer.seal_output(1, 7, 0, &noise));
    let batch: Vec<_> = (0..40).map(|n| output(n + 2, 7, &noise[..65_536])).collect();
    assert!(batch.len() * 65_536 > 2 * MAX_PLAIN);
    file.extend(sealer.seal(&batch));
    file.extend(sealer.seal_encoded(99, &codec::encode(&output(99, 7, b"tail"))));
    assert_eq!(sealer.last_at_us(), 99);
    file.extend(sealer.end());
    let (_, items) = read_closed(&file[..], &identity).unwrap();
    let joined: Vec<u8> = items[..4].iter().flat_map(|item| bytes(item).to_vec()).collect();
    assert_eq!(joined, noise);
    assert_eq!(items[4..44], batch);
    assert_eq!(bytes(&items[44]), b"tail");
}

fn bytes(item: &Item) -> &[u8] {
    let What::Output { bytes, .. } = &item.what else { panic!("{} is no output", item.what.name()) };
    bytes
}

#[test]
fn text_is_compressed_and_noise_is_not_tried_each_time() {
    let (mut sealer, _) = Sealer::new(&header(), &KEY, &[&auditor().1]).unwrap();
    let text = sealer.seal_output(1, 1, 0, &b"all pumps are running\r\n".repeat(2000));
    assert!(text.len() < 1000 && text[13] == 1);
    let noise = noise(65_536);
    for _ in 0..20 {
        let frame = sealer.seal_output(1, 1, 0, &noise);
        assert_eq!((frame.len(), frame[13]), (14 + 18 + 65_536 + 16, 0));
    }
    // Text that follows is compressed again, soon.
    let again = (0..70).position(|_| sealer.seal_output(1, 1, 0, &[b'a'; 4096])[13] == 1);
    assert!(again.is_some());
}

#[test]
fn lengths_of_strangers_reserve_nothing() {
    let mut file = b"DINREC\r\n\x01\x00".to_vec();
    file.extend_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(Reader::open(&file[..], "x"), Err(ReadError::HeaderLength(u32::MAX))));
    let (identity, recipient) = auditor();
    let mut file = pieces(&[&recipient])[0].clone();
    file.extend_from_slice(&u32::MAX.to_le_bytes());
    file.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    let mut reader = Reader::open(&file[..], &identity).unwrap();
    assert!(matches!(reader.next(), Some(Err(ReadError::Length(1, u32::MAX)))));
    assert!(matches!(Reader::open(&b"PK\x03\x04"[..], "x"), Err(ReadError::NotARecording)));
    assert!(matches!(Reader::open(&b"DINREC\r\n\x02\x00\0\0\0\0"[..], "x"), Err(ReadError::Version(2))));
}

/// `cargo test -p recording --release -- --ignored --nocapture speed`
#[test]
#[ignore = "a measurement, not a claim"]
fn speed() {
    let (mut sealer, _) = Sealer::new(&header(), &KEY, &[&auditor().1]).unwrap();
    let mut marker = recording::Marker::new();
    let text = b"2026-11-24 pump 7 running, 42.1 bar, valve open\r\n".repeat(1337);
    for (name, data) in [("noise", noise(65_536)), ("text", text[..65_536].to_vec())] {
        let begin = std::time::Instant::now();
        let rounds = 40_000;
        for round in 0..rounds {
            std::hint::black_box(sealer.seal_output(round, 1, 0, &data));
        }
        let speed = (rounds * 65_536) as f64 / begin.elapsed().as_secs_f64() / 1e9;
        println!("{name}: {speed:.2} GB/s sealed");
    }
    let (data, begin) = (noise(65_536), std::time::Instant::now());
    (0..10_000).for_each(|_| marker.update(&data));
    println!("marker: {:.2} GB/s", 655.36e6 / begin.elapsed().as_secs_f64() / 1e9);
}
