//! Message sockets, memory files, TCP and waiting, against the real kernel.
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use os::{memfd, poll::Poll, seqpacket, tcp};

#[test]
fn a_message_and_eight_descriptors_arrive_whole() {
    let (a, b) = seqpacket::pair().unwrap();
    let fds: [BorrowedFd<'_>; 8] = [a.as_fd(); 8];
    seqpacket::send(a.as_fd(), &[7; 300_000], &fds).unwrap();
    let mut buf = vec![0; 300_000];
    let got = seqpacket::recv(b.as_fd(), &mut buf).unwrap();
    assert_eq!((got.len, got.fds.len(), buf[299_999]), (300_000, 8, 7));
}

#[test]
fn what_does_not_fit_is_refused_on_both_sides() {
    let (a, b) = seqpacket::pair().unwrap();
    let nine: [BorrowedFd<'_>; 9] = [a.as_fd(); 9];
    assert_eq!(seqpacket::send(a.as_fd(), b"x", &nine).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(seqpacket::send(a.as_fd(), b"", &[]).unwrap_err().kind(), ErrorKind::InvalidInput);
    seqpacket::send(a.as_fd(), b"too long", &[b.as_fd()]).unwrap();
    let mut buf = [0; 4];
    assert_eq!(seqpacket::recv(b.as_fd(), &mut buf).unwrap_err().kind(), ErrorKind::InvalidData);
}

#[test]
fn a_full_socket_says_so_and_a_closed_one_ends() {
    let (a, b) = seqpacket::pair().unwrap();
    seqpacket::set_nonblocking(a.as_fd(), true).unwrap();
    let full = (0..10_000).find_map(|_| seqpacket::send(a.as_fd(), &[0; 4096], &[]).err()).unwrap();
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    drop(b);
    assert!(seqpacket::send(a.as_fd(), b"x", &[]).is_err(), "and no SIGPIPE");
    let (a, b) = seqpacket::pair().unwrap();
    drop(a);
    assert_eq!(seqpacket::recv(b.as_fd(), &mut [0; 4]).unwrap().len, 0);
}

#[test]
fn a_listener_knows_who_calls() {
    let path = std::env::temp_dir().join(format!("os-test-{}", std::process::id()));
    let listener = seqpacket::listen(&path).unwrap();
    let caller = seqpacket::connect(&path).unwrap();
    let called = seqpacket::accept(listener.as_fd()).unwrap();
    let (pid, _, _) = seqpacket::peer_credentials(called.as_fd()).unwrap();
    assert_eq!(u32::try_from(pid).unwrap(), std::process::id());
    assert_eq!(seqpacket::listen(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(caller);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn only_sealed_and_small_memory_is_read() {
    let fd = memfd::sealed(&[3; 100_000], "t").unwrap();
    assert_eq!(memfd::read_sealed(fd.as_fd(), 100_000).unwrap().len(), 100_000);
    assert_eq!(memfd::read_sealed(fd.as_fd(), 99_999).unwrap_err().kind(), ErrorKind::InvalidData);
    let plain = std::fs::File::open("/proc/self/exe").unwrap();
    assert_eq!(memfd::read_sealed(plain.as_fd(), 10).unwrap_err().kind(), ErrorKind::InvalidData);
}

#[test]
fn tcp_connects_and_reports_refusal() {
    let listener = tcp::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    assert_eq!(tcp::accept_nonblocking(listener.as_fd()).unwrap_err().kind(), ErrorKind::WouldBlock);
    let address = tcp::local_address(listener.as_fd()).unwrap();
    let started = tcp::connect_start(address).unwrap();
    let poll = Poll::new().unwrap();
    poll.add(&started, 5, false, true).unwrap();
    let mut ready = Vec::new();
    poll.wait(&mut ready, Some(Duration::from_secs(5))).unwrap();
    assert!(ready[0].token == 5 && ready[0].writable);
    tcp::connect_result(started.as_fd()).unwrap();
    let (_, from) = tcp::accept_nonblocking(listener.as_fd()).unwrap();
    assert_eq!(from, tcp::local_address(started.as_fd()).unwrap());
    drop(listener);
    let refused = tcp::connect_start(address).and_then(|fd| tcp::connect_result(fd.as_fd()));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
#[should_panic(expected = "taken twice")]
fn a_descriptor_is_taken_once() {
    use std::os::fd::IntoRawFd;
    let number = memfd::sealed(b"", "t").unwrap().into_raw_fd();
    let _first = os::fds::from_raw(number);
    let _second = os::fds::from_raw(number);
}

#[test]
fn the_last_words_of_a_peer_that_left_messages_unread_are_received_and_then_its_end() {
    let (ours, theirs) = seqpacket::pair().unwrap();
    seqpacket::send(ours.as_fd(), b"never read", &[]).unwrap();
    seqpacket::send(theirs.as_fd(), b"last word", &[]).unwrap();
    drop(theirs);
    let mut buffer = [0; 64];
    let got = seqpacket::recv(ours.as_fd(), &mut buffer).unwrap();
    assert_eq!(&buffer[..got.len], b"last word");
    assert_eq!(seqpacket::recv(ours.as_fd(), &mut buffer).unwrap().len, 0);
}
