//! What is out of turn ends the session; what only crosses on its way does not.

mod common;

use border::DATA_BYTES_MAX;
use border::record::Answer;
use border::work::{CHANNELS_MAX, CREDIT_AT_OPEN, Down, Up};
use codec::{Bytes, List, Text};
use common::*;

fn refused(act: impl FnOnce(&mut Bench)) {
    let mut bench = Bench::start(terms());
    bench.open(true);
    act(&mut bench);
    bench.at(BEGIN + mediator::room::FLUSH_US);
    assert_eq!(bench.ended().as_deref(), Some("peer_out_of_turn"));
}

fn allowed(act: impl FnOnce(&mut Bench)) {
    let mut bench = Bench::start(terms());
    bench.open(true);
    act(&mut bench);
    bench.at(BEGIN + mediator::room::FLUSH_US);
    assert_eq!(bench.ended(), None);
}

#[test]
fn a_channel_has_to_be_opened_first() {
    refused(|bench| bench.front(Down::Eof { channel: 2 }));
    refused(|bench| bench.front(Down::Data { channel: 2, bytes: Bytes::new(*b"x").unwrap() }));
    refused(|bench| bench.back(Up::Opened { channel: 2 }));
    refused(|bench| bench.front(open(1, false)));
    allowed(|bench| bench.front(open(2, false)));
}

#[test]
fn no_data_follows_its_end() {
    refused(|bench| {
        bench.front(Down::Eof { channel: 1 });
        bench.front(input(b"x"));
    });
    refused(|bench| {
        bench.back(Up::Eof { channel: 1 });
        bench.back(output(b"x"));
    });
    allowed(|bench| {
        bench.front(Down::Eof { channel: 1 });
        bench.back(output(b"x"));
    });
}

#[test]
fn no_more_channels_than_allowed() {
    let fill = |bench: &mut Bench| (2..=CHANNELS_MAX as u32).for_each(|channel| bench.front(open(channel, false)));
    allowed(fill);
    refused(|bench| {
        fill(bench);
        bench.front(open(100, false));
    });
}

#[test]
fn credit_is_never_overdrawn() {
    let block = vec![b'x'; DATA_BYTES_MAX];
    let fill = CREDIT_AT_OPEN as usize / DATA_BYTES_MAX;
    allowed(|bench| (0..fill).for_each(|_| bench.front(input(&block))));
    refused(|bench| (0..=fill).for_each(|_| bench.front(input(&block))));
    allowed(|bench| (0..fill).for_each(|_| bench.back(output(&block))));
    refused(|bench| (0..=fill).for_each(|_| bench.back(output(&block))));
}

#[test]
fn credit_is_given_only_for_what_was_received() {
    allowed(|bench| {
        bench.front(input(b"abc"));
        bench.back(Up::Credit { channel: 1, bytes: 3 });
    });
    refused(|bench| bench.back(Up::Credit { channel: 1, bytes: 1 }));
    refused(|bench| bench.front(Down::Credit { channel: 1, bytes: 1 }));
}

#[test]
fn what_crosses_a_close_is_no_fault() {
    allowed(|bench| {
        bench.back(Up::Close { channel: 1 });
        bench.front(input(b"late"));
        bench.front(Down::Close { channel: 1 });
    });
    refused(|bench| {
        bench.back(Up::Close { channel: 1 });
        bench.back(output(b"late"));
    });
}

#[test]
fn a_back_may_not_speak_for_the_box() {
    refused(|bench| bench.back(Up::Notice { text: by("trust me") }));
    refused(|bench| bench.back(Up::End { text: by("over") }));
    refused(|bench| bench.back(Up::Data { channel: 1, stream: 2, bytes: Bytes::new(*b"x").unwrap() }));
}

#[test]
fn bytes_that_are_no_message_end_it() {
    refused(|bench| bench.room.front(BEGIN, &[99], 0));
    refused(|bench| bench.room.back(BEGIN, &[3, 1, 0, 0, 0, 0, 9, 0, 0, 0, 1], 0));
    refused(|bench| bench.room.front(BEGIN, &codec::encode(&input(b"x")), 1));
}

#[test]
fn only_locale_variables_pass() {
    let variable = |name: &str| border::work::Variable { name: Text::new(name).unwrap(), value: Text::new("C").unwrap() };
    let with = |name| Down::Open { channel: 2, pty: None, command: None, variables: List::new(vec![variable(name)]).unwrap() };
    allowed(|bench| bench.front(with("LC_ALL")));
    refused(|bench| bench.front(with("LD_PRELOAD")));
}

#[test]
fn a_vault_cannot_acknowledge_what_was_never_sent() {
    refused(|bench| bench.answer(Answer::InHand { entries: 10_000 }));
    refused(|bench| bench.answer(Answer::InHand { entries: 0 }));
}

#[test]
fn data_read_by_hand_is_data_read_by_the_codec() {
    for size in [0, 1, 9, DATA_BYTES_MAX] {
        let bytes = vec![b'z'; size];
        let down = codec::encode(&Down::Data { channel: 0x0102_0304, bytes: Bytes::new(bytes.clone()).unwrap() });
        assert_eq!(mediator::wire::down_data(&down), Some((0x0102_0304, &bytes[..])));
        assert_eq!(mediator::wire::put_down_data(0x0102_0304, &bytes), down);
        let up = codec::encode(&Up::Data { channel: 9, stream: 1, bytes: Bytes::new(bytes.clone()).unwrap() });
        assert_eq!(mediator::wire::up_data(&up), Some((9, 1, &bytes[..])));
        assert_eq!(mediator::wire::put_up_data(9, 1, &bytes), up);
        for message in [&up, &down] {
            assert_eq!(mediator::wire::up_data(&message[..message.len() - 1]), None);
            assert_eq!(mediator::wire::down_data(&message[..message.len() - 1]), None);
        }
    }
    let mut long = codec::encode(&Down::Eof { channel: 1 });
    assert_eq!(mediator::wire::down_data(&long), None);
    long = vec![2, 0, 0, 0, 0];
    long.extend_from_slice(&(DATA_BYTES_MAX as u32 + 1).to_le_bytes());
    long.resize(9 + DATA_BYTES_MAX + 1, 0);
    assert_eq!(mediator::wire::down_data(&long), None);
    assert!(codec::decode::<Down>(&long).is_err());
}

#[test]
fn orders_come_in_their_order_with_their_descriptors() {
    use border::mediation::Order;
    refused(|bench| bench.order(Order::Start { terms: terms() }));
    refused(|bench| bench.room.order(BEGIN, &codec::encode(&Order::Observe { by: by("otto") }), 0));
    refused(|bench| bench.room.order(BEGIN, &codec::encode(&Order::Pause { by: by("otto") }), 1));
    refused(|bench| bench.order(Order::End { reason: Text::new("fancy").unwrap(), text: by("no known reason") }));
}
