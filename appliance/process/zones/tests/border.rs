//! Claims on the guardian's socket: what is laid is said, order for order; a guardian that is gone is the end,
//! and so is one that breaks the border. Needs root.

mod common;

use border::zones::{Event, Order};
use common::{Lab, heard};
use os::seqpacket;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;

#[test]
fn it_says_that_all_is_laid_and_lays_when_told() {
    let lab = Lab::new();
    let (guardian, theirs) = seqpacket::pair().expect("a pair");
    let (mut ready, writer) = std::io::pipe().expect("a pipe");
    let mut zones = lab.start(&lab.all(), vec![(theirs, 3), (writer.into(), 4)]);
    assert_eq!(heard(&guardian), Some(Event::Laid), "{}", lab.log());
    let mut said = Vec::new();
    ready.read_to_end(&mut said).expect("a pipe");
    assert_eq!(said, b"r", "once, and then the end");
    let status = std::fs::read_to_string(format!("/proc/{}/status", zones.id())).expect("it lives");
    for line in ["CapEff:\t0000000000001000", "CapBnd:\t0000000000001000", "Seccomp:\t2", "NoNewPrivs:\t1", "Threads:\t1"] {
        assert!(status.contains(line), "net_admin alone, in its sandbox: {line:?} in {status}");
    }
    let before = lab.everything("ot");
    lab.inside("ot", "nft delete table inet dinlock");
    for _ in 0..2 {
        seqpacket::send(guardian.as_fd(), &codec::encode(&Order::Lay), &[]).expect("it listens");
        assert_eq!(heard(&guardian), Some(Event::Laid), "{}", lab.log());
    }
    assert_eq!((&lab.everything("ot")[..3], lab.log()), (&before[..3], String::new()));
    assert!(lab.inside("ot", "nft list ruleset").contains("cut-out"));
    drop(guardian);
    assert!(zones.wait().expect("our child").success(), "{}", lab.log());
}

#[test]
fn a_guardian_that_breaks_the_border_is_the_end() {
    for (bytes, descriptor, words) in [(&b"\xff"[..], false, "malformed order"), (&[1, 0], false, "malformed order"), (&[1], true, "a descriptor")] {
        let lab = Lab::new();
        let (guardian, theirs) = seqpacket::pair().expect("a pair");
        let mut zones = lab.start(&lab.all(), vec![(theirs, 3)]);
        assert_eq!(heard(&guardian), Some(Event::Laid), "{}", lab.log());
        let file = File::open("/dev/null").expect("it is there");
        let fds = if descriptor { vec![file.as_fd()] } else { Vec::new() };
        seqpacket::send(guardian.as_fd(), bytes, &fds).expect("it listens");
        assert_eq!(heard(&guardian), None);
        assert_eq!(zones.wait().expect("our child").code(), Some(1));
        assert!(lab.log().contains(words), "{}", lab.log());
    }
}
