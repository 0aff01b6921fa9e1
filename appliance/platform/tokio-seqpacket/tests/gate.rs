//! A stream under a brake gives exactly what came, and nothing while it is held.

use seqpacket_tokio::gate;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::timeout;

fn sent() -> Vec<u8> {
    (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn what_came_is_given_out_in_order_however_it_is_asked_for() {
    let (far, near) = duplex(10_000);
    let (mut near, _throttle) = gate(near);
    let writing = tokio::spawn(async move {
        let mut far = far;
        for (turn, part) in sent().chunks(777).enumerate() {
            far.write_all(part).await.expect("the other end lives");
            if turn % 3 == 0 {
                tokio::task::yield_now().await;
            }
        }
    });
    let mut got = Vec::new();
    // As the SSH library does: the length of a packet, then the packet, small and large.
    for size in [1, 4, 36, 900, 1023, 1024, 1025, 5000, 40_000].into_iter().cycle() {
        for part in [4, size] {
            let mut buffer = vec![0; part.min(sent().len() - got.len())];
            near.read_exact(&mut buffer).await.expect("there is more");
            got.extend_from_slice(&buffer);
        }
        if got.len() == sent().len() {
            break;
        }
    }
    writing.await.expect("the writer does not panic");
    assert!(got == sent());
    assert_eq!(near.read(&mut [0; 10]).await.expect("an end is no error"), 0);
}

#[tokio::test(flavor = "current_thread")]
async fn a_paused_gate_keeps_back_even_what_was_read_ahead() {
    let (mut far, near) = duplex(100);
    let (mut near, throttle) = gate(near);
    far.write_all(b"abcdef").await.expect("the other end lives");
    let mut two = [0; 2];
    near.read_exact(&mut two).await.expect("six bytes came");
    throttle.pause();
    assert!(timeout(Duration::from_millis(20), near.read_exact(&mut two)).await.is_err(), "paused");
    throttle.resume();
    let mut four = [0; 4];
    near.read_exact(&mut four).await.expect("they are still there");
    assert_eq!(&four, b"cdef");
}
