//! Claim: whatever can't be laid ends with its step for the guardian and with words for a person, and with the
//! mend it is laid. Needs root.

mod common;

use border::zones::{Event, Order, Step};
use common::{Lab, heard, run};
use os::seqpacket;
use std::fs;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// Lays, wants this step to fail with these words, and after `mend` and the guardian's order wants it laid.
fn fails_until(lab: &Lab, line: &str, step: Step, said: &str, mend: impl FnOnce()) {
    let (guardian, theirs) = seqpacket::pair().expect("a pair");
    let mut zones = lab.start(&words(line), vec![(theirs, 3)]);
    assert_eq!(heard(&guardian), Some(Event::Failed { step }), "{}", lab.log());
    assert!(lab.log().contains(said) && lab.log().contains(step.name()), "{said:?}: {}", lab.log());
    mend();
    seqpacket::send(guardian.as_fd(), &codec::encode(&Order::Lay), &[]).expect("it listens");
    assert_eq!(heard(&guardian), Some(Event::Laid), "{}", lab.log());
    drop(guardian);
    assert!(zones.wait().expect("our child").success());
}

/// The same of a fault after which zones ends.
fn ends(lab: &Lab, line: &str, step: Step, said: &str) {
    let (guardian, theirs) = seqpacket::pair().expect("a pair");
    let mut zones = lab.start(&words(line), vec![(theirs, 3)]);
    assert_eq!(heard(&guardian), Some(Event::Failed { step }), "{}", lab.log());
    assert_eq!(zones.wait().expect("our child").code(), Some(1));
    assert!(lab.log().contains(said) && lab.log().contains(step.name()), "{said:?}: {}", lab.log());
}

#[test]
fn a_namespace_that_is_none() {
    let lab = Lab::new();
    let path = Path::new("/run/netns").join(lab.name("ot"));
    fs::create_dir(&path).expect("a folder");
    ends(&lab, &lab.ot(""), Step::Namespace, "is it a file?");
    fs::remove_dir(&path).expect("a folder");
    // A file without a namespace, as an interrupted start leaves it, is no fault.
    fs::write(&path, "").expect("a file");
    lab.lay(&words(&lab.ot("")));
}

#[test]
fn two_zones_in_one_namespace() {
    let lab = Lab::new();
    lab.lay(&words(&lab.uplink("")));
    let path = |name: &str| format!("/run/netns/{}", lab.name(name));
    fs::write(path("ot"), "").expect("a file");
    run(&format!("mount --bind {} {}", path("uplink"), path("ot")));
    ends(&lab, &format!("{} {}", lab.uplink(""), lab.ot("")), Step::Namespace, "is the namespace of zone");
    run(&format!("umount {}", path("ot")));
    run(&format!("mount --bind {} {}", path("host"), path("ot")));
    ends(&lab, &lab.ot(""), Step::Namespace, "in which zones was started");
}

#[test]
fn settings_that_cannot_be_written() {
    let lab = Lab::new();
    let script = format!("mount -o bind,ro /proc/sys /proc/sys && exec {} {}", env!("CARGO_BIN_EXE_zones"), lab.ot(""));
    let arguments = ["-m", "sh", "-c", &script].map(str::to_owned);
    let (guardian, theirs) = seqpacket::pair().expect("a pair");
    let mut zones = lab.start_program(Path::new("/usr/bin/unshare"), &arguments, vec![(theirs, 3)]);
    assert_eq!(heard(&guardian), Some(Event::Failed { step: Step::Setting }), "{}", lab.log());
    assert_eq!(zones.wait().expect("our child").code(), Some(1));
    assert!(lab.log().contains("Read-only file system"), "{}", lab.log());
    lab.lay(&words(&lab.ot("")));
}

#[test]
fn filters_that_belong_to_another() {
    let lab = Lab::new();
    run(&format!("ip netns add {}", lab.name("ot")));
    let mut owner = Command::new("ip").args(["netns", "exec", &lab.name("ot"), "nft", "-i"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("nft");
    let mut typed = owner.stdin.take().expect("a pipe");
    typed.write_all(b"add table inet dinlock { flags owner; }\n").expect("it reads");
    while !lab.inside("ot", "nft list tables").contains("dinlock") {
        assert!(owner.try_wait().expect("our child").is_none(), "nft has an owner's tables");
        std::thread::yield_now();
    }
    fails_until(&lab, &lab.ot(""), Step::Filter, "the filters can't be laid", || {
        drop(typed);
        owner.wait().expect("our child");
    });
}

#[test]
fn a_port_that_is_nowhere() {
    let lab = Lab::new();
    run(&format!("ip netns add {}", lab.name("far")));
    let line = lab.ot("").replace("box1", "box7");
    fails_until(&lab, &line, Step::Port, "there is no port box7, neither here nor outside (there: box0, box1)", || {
        lab.cable("box7", "far", &[]);
    });
    assert_eq!(lab.link("ot", "box7"), "down");
}

#[test]
fn a_port_that_is_pulled_out_of_an_armed_zone_comes_back_down() {
    let lab = Lab::new();
    let (guardian, theirs) = seqpacket::pair().expect("a pair");
    let mut zones = lab.start(&lab.all(), vec![(theirs, 3)]);
    assert_eq!(heard(&guardian), Some(Event::Laid), "{}", lab.log());
    lab.arm("ot", "box1");
    let lay = || {
        seqpacket::send(guardian.as_fd(), &codec::encode(&Order::Lay), &[]).expect("it listens");
        heard(&guardian)
    };
    run(&format!("ip -n {} link del box1", lab.name("ot")));
    assert_eq!(lay(), Some(Event::Failed { step: Step::Port }), "{}", lab.log());
    lab.cable("box1", "plant", &["10.99.2.10/24"]);
    assert_eq!(lay(), Some(Event::Laid), "{}", lab.log());
    assert_eq!(lab.link("ot", "box1"), "down", "to be armed anew, like a cable nobody knows");
    assert!(lab.inside("ot", "ip addr").contains("10.99.2.1/24"));
    drop(guardian);
    assert!(zones.wait().expect("our child").success());
}

#[test]
fn an_address_that_is_none_for_a_port() {
    let lab = Lab::new();
    let (guardian, theirs) = seqpacket::pair().expect("a pair");
    let mut zones = lab.start(&words(&lab.ot("--address ff02::1/64")), vec![(theirs, 3)]);
    assert_eq!(heard(&guardian), Some(Event::Failed { step: Step::Address }), "{}", lab.log());
    assert!(lab.log().contains("ff02::1/64 can't be given to box1"), "{}", lab.log());
    assert_eq!(lab.link("ot", "box1"), "down");
    drop(guardian);
    assert!(zones.wait().expect("our child").success());
    lab.lay(&words(&lab.ot("")));
}

#[test]
fn a_link_that_nobody_gave_the_zone() {
    let lab = Lab::new();
    for (zone, line) in [("none", format!("--empty {}", lab.name("none"))), ("ot", lab.ot(""))] {
        let name = lab.name(zone);
        run(&format!("ip netns add {name}"));
        run(&format!("ip link add stray netns {name} type veth peer name other netns {}", lab.name("host")));
        fails_until(&lab, &line, Step::Link, "stray is in it, which is not given", || {
            run(&format!("ip -n {name} link del stray"));
        });
    }
}

#[test]
fn a_gateway_in_no_network_of_the_port() {
    let lab = Lab::new();
    let uplink = lab.name("uplink");
    fails_until(&lab, &lab.uplink("--gateway 10.99.9.1"), Step::Route, "is the gateway in a network of the port's?", || {
        // Not the way that is meant, but one that the kernel takes.
        run(&format!("ip -n {uplink} route add 10.99.9.0/24 dev box0"));
    });
}

#[test]
fn a_command_line_that_is_wrong() {
    let lab = Lab::new();
    let full = lab.uplink("");
    for (line, said) in [
        (String::new(), "0 zones are given"),
        ("--zone Up --side uplink --port box0 --address 10.0.0.1/24".to_owned(), "no name of a zone"),
        ("--zone ../x --side uplink --port box0 --address 10.0.0.1/24".to_owned(), "no name of a zone"),
        ("--zone u --port box0 --address 10.0.0.1/24".to_owned(), "has no side"),
        ("--zone u --side left".to_owned(), "uplink or ot, not left"),
        ("--zone u --side ot --address 10.0.0.1/24".to_owned(), "has no port"),
        ("--zone u --side ot --port ../x --address 10.0.0.1/24".to_owned(), "no name of a port"),
        ("--zone u --side ot --port lo --address 10.0.0.1/24".to_owned(), "no name of a port"),
        ("--zone u --side ot --port box0".to_owned(), "has no address"),
        (format!("{full} --address 10.0.0.1"), "ADDRESS/BITS"),
        (format!("{full} --address 10.0.0.1/33"), "more than 32 bits"),
        (format!("{full} --route 10.0.0.0/8 to 10.99.1.2"), "via ADDRESS"),
        (format!("{full} --route 10.0.0.0/8 via fd99:1::2"), "do not mix"),
        (format!("{full} --gateway"), "needs a value"),
        (format!("{full} --colour red"), "no option --colour"),
        (format!("{full} {full}"), "is given twice"),
        (format!("{full} {}", lab.ot("").replace("box1", "box0")), "given to two zones"),
        ("--empty n --port box0".to_owned(), "has to follow a --zone"),
        ("--port box0".to_owned(), "has to follow a --zone"),
    ] {
        let (code, log) = lab.try_lay(&words(&line));
        assert_eq!(code, 1, "{line}");
        assert!(log.starts_with("zones: ") && log.contains(said) && log.lines().count() == 1, "{line}: {log}");
    }
    assert!(!Path::new("/run/netns").join(lab.name("uplink")).exists(), "nothing was made");
}
