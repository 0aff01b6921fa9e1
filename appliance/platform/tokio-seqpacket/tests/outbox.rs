//! One channel's full queue holds nobody else back, and credit is never overrun.

use border::DATA_BYTES_MAX;
use border::work::CREDIT_AT_OPEN;
use seqpacket_tokio::{Next, Outbox, OverCredit};

const MIB: usize = 1024 * 1024;

fn drain(outbox: &mut Outbox<&'static str>) -> (usize, Vec<&'static str>) {
    let (mut sent, mut said) = (0, Vec::new());
    while let Some(next) = outbox.take_next() {
        match next {
            Next::Data { bytes, .. } => {
                assert!(bytes.len() <= DATA_BYTES_MAX && !bytes.is_empty());
                sent += bytes.len();
            }
            Next::Credit { .. } => {}
            Next::Say(message) => said.push(message),
        }
    }
    (sent, said)
}

#[test]
fn data_stops_at_the_credit_and_goes_on_with_more() {
    let mut outbox = Outbox::default();
    outbox.open(1);
    outbox.data(1, 0, &vec![7; 3 * MIB]);
    assert_eq!(drain(&mut outbox).0, CREDIT_AT_OPEN as usize);
    assert_eq!(outbox.waiting(1), 2 * MIB);
    outbox.credit(1, 100).unwrap();
    assert_eq!(drain(&mut outbox).0, 100);
}

#[test]
fn a_stuck_channel_holds_no_other_back_nor_its_own_credit() {
    let mut outbox = Outbox::default();
    outbox.open(1);
    outbox.open(2);
    outbox.data(1, 0, &vec![0; 5 * MIB]);
    drain(&mut outbox);
    outbox.data(2, 0, b"other");
    assert_eq!(drain(&mut outbox).0, 5);
    outbox.received(1, MIB).unwrap();
    outbox.taken(1, MIB);
    assert_eq!(outbox.take_next(), Some(Next::Credit { channel: 1, bytes: CREDIT_AT_OPEN }));
    assert_eq!(outbox.take_next(), None);
}

#[test]
fn order_holds_within_a_channel_and_close_comes_last() {
    let mut outbox = Outbox::default();
    outbox.open(1);
    outbox.say(1, "open");
    outbox.data(1, 0, b"a");
    outbox.data(1, 0, b"b");
    outbox.say(1, "eof");
    outbox.close(1, "close", false);
    outbox.data(1, 0, b"late");
    assert_eq!(outbox.take_next(), Some(Next::Say("open")));
    assert_eq!(outbox.take_next(), Some(Next::Data { channel: 1, stream: 0, bytes: b"ab".to_vec() }));
    assert_eq!(outbox.take_next(), Some(Next::Say("eof")));
    assert_eq!(outbox.take_next(), Some(Next::Say("close")));
    assert_eq!(outbox.take_next(), None);
    assert!(outbox.is_empty());
}

#[test]
fn closing_with_discard_is_not_held_by_missing_credit() {
    let mut outbox = Outbox::default();
    outbox.open(1);
    outbox.data(1, 0, &vec![0; 2 * MIB]);
    drain(&mut outbox);
    outbox.close(1, "close", true);
    assert_eq!(drain(&mut outbox), (0, vec!["close"]));
}

#[test]
fn a_peer_beyond_its_credit_is_found_out() {
    let mut outbox: Outbox<()> = Outbox::default();
    outbox.open(1);
    assert_eq!(outbox.received(1, CREDIT_AT_OPEN as usize), Ok(()));
    assert_eq!(outbox.received(1, 1), Err(OverCredit { channel: 1 }));
    assert_eq!(outbox.credit(1, 1), Err(OverCredit { channel: 1 }));
}

#[test]
fn standard_output_and_error_are_never_joined() {
    let mut outbox: Outbox<()> = Outbox::default();
    outbox.open(1);
    outbox.data(1, 0, b"out");
    outbox.data(1, 1, b"err");
    assert_eq!(outbox.take_next(), Some(Next::Data { channel: 1, stream: 0, bytes: b"out".to_vec() }));
    assert_eq!(outbox.take_next(), Some(Next::Data { channel: 1, stream: 1, bytes: b"err".to_vec() }));
}

#[test]
fn only_the_last_size_counts() {
    let mut outbox = Outbox::default();
    outbox.open(1);
    outbox.say(1, "open");
    outbox.say_latest(1, "80x24", |last| last.contains('x'));
    outbox.say_latest(1, "90x30", |last| last.contains('x'));
    assert_eq!(drain(&mut outbox).1, ["open", "90x30"]);
}
