//! Claims on a laid zone, seen with `ip`, `nft` and by those who try to get through it. Needs root.

mod common;

use common::{CLIENT, Lab, PLANT, run};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

/// Long for a packet on a cable inside this machine, which is there as soon as it is sent.
const A_WHILE: Duration = Duration::from_millis(300);

fn at(ip: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip.parse::<IpAddr>().expect("an address"), port)
}

/// Whether somebody in `from` gets a connection to a listener in `to`.
fn connects(lab: &Lab, from: &str, to: &str, ip: &str) -> bool {
    let listener = lab.within(to, || TcpListener::bind(at(if ip.contains(':') { "::" } else { "0.0.0.0" }, 0)).expect("a port"));
    let port = listener.local_addr().expect("it is bound").port();
    lab.within(from, || TcpStream::connect_timeout(&at(ip, port), A_WHILE).is_ok())
}

#[test]
fn a_laid_box_is_held_the_ot_port_down_and_nothing_passes_until_it_is_armed() {
    let lab = Lab::new();
    lab.lay(&lab.all());
    assert_eq!((lab.link("uplink", "box0"), lab.link("ot", "box1")), ("up", "down"));
    assert_eq!((lab.link("uplink", "lo"), lab.link("none", "lo")), ("up", "down"));
    for (zone, count) in [("uplink", 3), ("ot", 4), ("none", 3)] {
        let listed = lab.inside(zone, "nft list ruleset");
        assert_eq!(listed.matches("policy drop;").count(), count, "{zone}: {listed}");
        assert!(!listed.contains("policy accept;") && listed.matches("table").count() == 1, "{zone}: {listed}");
        for hook in ["prerouting priority -400", "output priority -400", "forward priority filter"] {
            assert!(listed.contains(&format!("type filter hook {hook}; policy drop;")), "{zone}: {listed}");
        }
    }
    assert!(!connects(&lab, "client", "uplink", "10.99.1.1"));
    assert!(!connects(&lab, "uplink", "client", CLIENT));
    // Even with its link up, as somebody might set it.
    run(&format!("ip -n {} link set box1 up", lab.name("ot")));
    PLANT.iter().for_each(|ip| assert!(!connects(&lab, "ot", "plant", ip), "{ip}"));
    // And a held zone that is laid again has it down.
    lab.lay(&lab.all());
    assert_eq!(lab.link("ot", "box1"), "down");

    lab.arm("uplink", "box0");
    lab.arm("ot", "box1");
    assert!(connects(&lab, "client", "uplink", "10.99.1.1"));
    PLANT.iter().for_each(|ip| assert!(connects(&lab, "ot", "plant", ip), "{ip}"));
}

#[test]
fn laying_twice_changes_nothing_held_or_armed() {
    let lab = Lab::new();
    let arguments: Vec<String> = format!("{} {} --empty {}", lab.uplink("--gateway 10.99.1.2 --gateway fd99:1::2"), lab.ot("--route 10.55.0.0/16 via 10.99.2.9"), lab.name("none"))
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let all = || ["uplink", "ot", "none"].map(|zone| lab.everything(zone));
    lab.lay(&arguments);
    let held = all();
    assert!(held[0][1].contains("default via 10.99.1.2 dev box0") && held[0][2].contains("default via fd99:1::2 dev box0"), "{held:?}");
    assert!(!held[1][1].contains("10.55.0.0/16"), "a route needs a link that is up");
    lab.lay(&arguments);
    assert_eq!(all(), held);

    lab.arm("uplink", "box0");
    lab.arm("ot", "box1");
    lab.lay(&arguments);
    let armed = all();
    assert!(armed[1][1].contains("10.55.0.0/16 via 10.99.2.9 dev box1"), "laid once more, it has its routes: {armed:?}");
    assert!(armed[1][3].contains("prerouting priority -400; policy accept;"), "it stays armed: {armed:?}");
    assert_eq!(lab.link("ot", "box1"), "up");
    lab.lay(&arguments);
    assert_eq!(all(), armed);
}

#[test]
fn what_is_not_given_is_taken_away_and_a_changed_filter_is_held() {
    let lab = Lab::new();
    let arguments = lab.all();
    lab.lay(&arguments);
    lab.arm("ot", "box1");
    let right = lab.everything("ot");
    let ot = lab.name("ot");
    run(&format!("ip -n {ot} addr add 10.77.0.1/24 dev box1"));
    run(&format!("ip -n {ot} route add default via 10.99.2.9"));
    run(&format!("ip -n {ot} addr del 10.99.2.1/24 dev box1"));
    lab.inside("ot", "sysctl -qw net.ipv6.conf.all.forwarding=1");
    lab.inside("ot", "sysctl -qw net.ipv4.ip_forward=1");
    lab.inside("ot", "sysctl -qw net.ipv4.conf.box1.accept_redirects=1");
    lab.lay(&arguments);
    let mended = lab.everything("ot");
    assert_eq!((&mended[1..], lab.link("ot", "box1")), (&right[1..], "up"), "and it is armed still");

    for change in ["flush chain inet dinlock input", "delete chain inet dinlock forward", "add rule inet dinlock cut-in accept", "add chain inet dinlock more"] {
        lab.arm("ot", "box1");
        lab.inside("ot", &format!("nft {change}"));
        lab.lay(&arguments);
        let listed = lab.inside("ot", "nft list ruleset");
        assert_eq!((listed.matches("policy drop;").count(), lab.link("ot", "box1")), (4, "down"), "{change}: {listed}");
        assert!(listed.contains("icmpv6") && !listed.contains("more"), "{change}: {listed}");
    }
}

/// What a laid zone has to have, of all ports, of those to come, and of its own.
const SETTINGS: [(&str, i32); 13] = [
    ("net.ipv4.conf.WHO.forwarding", 0),
    ("net.ipv4.conf.WHO.proxy_arp", 0),
    ("net.ipv4.conf.WHO.accept_redirects", 0),
    ("net.ipv4.conf.WHO.send_redirects", 0),
    ("net.ipv4.conf.WHO.rp_filter", 1),
    ("net.ipv4.conf.WHO.accept_source_route", 0),
    ("net.ipv6.conf.WHO.forwarding", 0),
    ("net.ipv6.conf.WHO.accept_ra", 0),
    ("net.ipv6.conf.WHO.accept_redirects", 0),
    ("net.ipv6.conf.WHO.autoconf", 0),
    ("net.ipv6.conf.WHO.proxy_ndp", 0),
    ("net.ipv6.conf.WHO.accept_source_route", -1),
    ("net.ipv6.conf.WHO.keep_addr_on_down", 1),
];

#[test]
fn settings_are_right_whatever_they_were_in_the_zone_and_at_a_port_that_was_there() {
    let lab = Lab::new();
    let (host, ot) = (lab.name("host"), lab.name("ot"));
    run(&format!("ip netns add {ot}"));
    run(&format!("ip -n {host} link set box1 netns {ot}"));
    for who in ["all", "default", "box1"] {
        for (name, right) in SETTINGS {
            let wrong = if right == 1 { 0 } else { 1 };
            lab.inside("ot", &format!("sysctl -qw {}={wrong}", name.replace("WHO", who)));
        }
    }
    lab.lay(&lab.all());
    for (zone, port) in [("uplink", Some("box0")), ("ot", Some("box1")), ("none", None)] {
        for who in ["all", "default"].into_iter().chain(port) {
            for (name, right) in SETTINGS {
                let name = name.replace("WHO", who);
                assert_eq!(lab.inside(zone, &format!("sysctl -n {name}")).trim(), right.to_string(), "{zone}: {name}");
            }
        }
        assert_eq!(lab.inside(zone, "sysctl -n net.ipv4.ip_forward").trim(), "0", "{zone}");
    }
}

#[test]
fn addresses_outlive_a_cut() {
    let lab = Lab::new();
    lab.lay(&lab.all());
    for _ in 0..3 {
        lab.arm("ot", "box1");
        PLANT.iter().for_each(|ip| assert!(connects(&lab, "ot", "plant", ip), "{ip}"));
        run(&format!("ip -n {} link set box1 down", lab.name("ot")));
    }
}

#[test]
fn ot_hears_answers_and_nothing_else() {
    let lab = Lab::new();
    lab.lay(&lab.all());
    lab.arm("ot", "box1");
    // The machine's turn.
    let own = ["10.99.2.1", "fd99:2::1"];
    own.iter().for_each(|ip| assert!(!connects(&lab, "plant", "ot", ip), "{ip}"));
    let heard = || {
        let ear = lab.within("ot", || UdpSocket::bind("0.0.0.0:0").expect("a port"));
        ear.set_read_timeout(Some(A_WHILE)).expect("a time");
        let port = ear.local_addr().expect("it is bound").port();
        lab.within("plant", || UdpSocket::bind("0.0.0.0:0").expect("a port").send_to(b"x", at("10.99.2.1", port))).expect("it is sent");
        ear.recv(&mut [0; 4]).is_ok()
    };
    assert!(!heard(), "no datagram");
    // The box's turn: answers of TCP, and that nobody is there, at once and not after a while.
    PLANT.iter().for_each(|ip| assert!(connects(&lab, "ot", "plant", ip), "{ip}"));
    for ip in PLANT {
        let refused = lab.within("ot", || {
            let socket = UdpSocket::bind(at(if ip.contains(':') { "::" } else { "0.0.0.0" }, 0)).expect("a port");
            socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a time");
            socket.connect(at(ip, 9)).and_then(|()| socket.send(b"x")).expect("it is sent");
            socket.recv(&mut [0; 4]).expect_err("nobody answers").kind()
        });
        assert_eq!(refused, ErrorKind::ConnectionRefused, "{ip}: its error is heard");
    }
    // Asked for its address by a machine that has forgotten it, the box answers.
    let plant = lab.name("plant");
    run(&format!("ip -n {plant} neigh flush dev nic0"));
    lab.within("plant", || UdpSocket::bind("[::]:0").expect("a port").send_to(b"x", at("fd99:2::1", 9))).expect("it is sent");
    loop {
        let known = run(&format!("ip -n {plant} -6 neigh show fd99:2::1"));
        assert!(!known.contains("FAILED"), "{known}");
        if known.contains("REACHABLE") {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    // The negative: it is the chain that does it.
    lab.inside("ot", "nft add rule inet dinlock input accept");
    own.iter().for_each(|ip| assert!(connects(&lab, "plant", "ot", ip), "{ip}"));
    assert!(heard());
}

/// Whether a datagram of the plant gets through the OT zone to a host behind another cable in it.
fn is_forwarded(lab: &Lab, ip: &str) -> bool {
    let any = if ip.contains(':') { "::" } else { "0.0.0.0" };
    let ear = lab.within("far", || UdpSocket::bind(at(any, 0)).expect("a port"));
    ear.set_read_timeout(Some(A_WHILE)).expect("a time");
    let port = ear.local_addr().expect("it is bound").port();
    lab.within("plant", || UdpSocket::bind(at(any, 0)).expect("a port").send_to(b"x", at(ip, port))).expect("it is sent");
    ear.recv(&mut [0; 4]).is_ok()
}

#[test]
fn a_laid_zone_forwards_nothing_by_two_means_each_of_which_would_do() {
    let lab = Lab::new();
    lab.lay(&lab.all());
    lab.arm("ot", "box1");
    // A second cable, as if somebody had plugged it into the wrong zone.
    let (ot, far, plant) = (lab.name("ot"), lab.name("far"), lab.name("plant"));
    run(&format!("ip netns add {far}"));
    run(&format!("ip link add wrong netns {ot} type veth peer name nic0 netns {far}"));
    run(&format!("ip -n {ot} addr add 10.99.3.1/24 dev wrong"));
    run(&format!("ip -n {ot} addr add fd99:3::1/64 dev wrong nodad"));
    run(&format!("ip -n {far} addr add 10.99.3.2/24 dev nic0"));
    run(&format!("ip -n {far} addr add fd99:3::2/64 dev nic0 nodad"));
    run(&format!("ip -n {ot} link set wrong up"));
    run(&format!("ip -n {far} link set nic0 up"));
    run(&format!("ip -n {far} route add default via 10.99.3.1"));
    run(&format!("ip -n {far} route add default via fd99:3::1"));
    run(&format!("ip -n {plant} route add 10.99.3.0/24 via 10.99.2.1"));
    run(&format!("ip -n {plant} route add fd99:3::/64 via fd99:2::1"));
    // Until its own addresses are settled, IPv6 asks for no neighbour on another's behalf.
    while !lab.inside("ot", "ip -6 addr show tentative").is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let forward = |on: u8| {
        lab.inside("ot", &format!("sysctl -qw net.ipv4.ip_forward={on} net.ipv6.conf.all.forwarding={on}"));
    };
    for ip in ["10.99.3.2", "fd99:3::2"] {
        assert!(!is_forwarded(&lab, ip), "{ip}");
        forward(1);
        assert!(!is_forwarded(&lab, ip), "{ip}: the filter alone");
        forward(0);
        lab.inside("ot", "nft add rule inet dinlock forward accept");
        assert!(!is_forwarded(&lab, ip), "{ip}: the settings alone");
        // The negative: the way is right, and with neither it is open.
        forward(1);
        assert!(is_forwarded(&lab, ip), "{ip}: with neither");
        forward(0);
        lab.inside("ot", "nft flush chain inet dinlock forward");
    }
}
