//! A border's socket in async code: what is sent arrives, in order, also through a full queue.

use border::work::Down;
use codec::Bytes;
use seqpacket_tokio::{Buffer, Link};
use std::time::Duration;
use tokio::time::timeout;

/// More than the socket holds.
const MESSAGES: u32 = 200;

#[tokio::test(flavor = "current_thread")]
async fn a_full_queue_delays_and_loses_nothing() {
    let (near, far) = os::seqpacket::pair().expect("a pair");
    let (near, far) = (Link::new(near).expect("a socket"), Link::new(far).expect("a socket"));
    let sending = tokio::spawn(async move {
        for channel in 0..MESSAGES {
            let bytes = Bytes::new(vec![7; border::DATA_BYTES_MAX]).expect("as long as may be");
            near.send(&Down::Data { channel, bytes }).await.expect("the other end lives");
        }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!sending.is_finished(), "the queue is full");
    let mut buffer = Buffer::default();
    for wanted in 0..MESSAGES {
        let got = timeout(Duration::from_secs(20), far.recv::<Down>(&mut buffer)).await.expect("it comes");
        let (message, _) = got.expect("it is a message").expect("it is not the end");
        let Down::Data { channel, bytes } = message else { panic!("{}", message.name()) };
        assert_eq!((channel, bytes.len()), (wanted, border::DATA_BYTES_MAX));
    }
    sending.await.expect("the sender does not panic");
    assert!(far.recv::<Down>(&mut buffer).await.expect("an end is no fault").is_none());
}

#[tokio::test(flavor = "current_thread")]
async fn who_sends_into_a_full_queue_hears_that_the_peer_is_gone() {
    let (near, far) = os::seqpacket::pair().expect("a pair");
    let near = Link::new(near).expect("a socket");
    let sending = tokio::spawn(async move {
        let bytes = vec![7; border::DATA_BYTES_MAX];
        while near.send_bytes(&bytes).await.is_ok() {}
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!sending.is_finished(), "the queue is full");
    drop(far);
    timeout(Duration::from_secs(20), sending).await.expect("it ends").expect("it does not panic");
}
