//! Claims: what is sent does what it says, and what is read is what `ip` and `nft` read. Each test has a
//! network namespace of its own thread. Needs root.

use netlink::filter::{self, Batch, Chain, Comparison, Expression, Hook};
use netlink::{ANSWER_BYTES, Family, Fault, LIST_BYTES, Socket, address, link, route};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::process::Command;

/// What a program prints; it runs in this thread's namespace.
fn run(line: &str) -> String {
    let mut words = line.split_whitespace();
    let out = Command::new(words.next().expect("a program")).args(words).output().expect("it is installed");
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text")
}

fn ask(socket: &Socket, request: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut buffer = vec![0; LIST_BYTES];
    let length = socket.ask(request, &mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}

fn own() -> (Socket, Socket) {
    os::netns::enter_new().expect("the tests run as root");
    (Socket::open(Family::Route).expect("a socket"), Socket::open(Family::Netfilter).expect("a socket"))
}

fn index(socket: &Socket, name: &str) -> u32 {
    link::links(&ask(socket, &link::named(name)).expect("it is there"))[0].index
}

#[test]
fn a_link_goes_up_and_down_and_is_read_back() {
    let (routes, _) = own();
    for up in [true, false, true, true] {
        assert_eq!(ask(&routes, &link::set(link::LO, up)), Ok(vec![]), "a mere acknowledgement");
        assert_eq!(run("ip link show lo").contains("UP"), up);
        assert_eq!(link::is_up(&ask(&routes, &link::get(link::LO)).expect("lo")), Some(up));
    }
    assert_eq!(ask(&routes, &link::named("nobody")), Err(Fault::NO_DEVICE));
    assert_eq!(ask(&routes, &link::set(77, true)), Err(Fault::NO_DEVICE));
}

#[test]
fn a_link_moves_to_another_namespace() {
    let (here, _) = own();
    let first = os::netns::current().expect("procfs");
    let (there, _) = own();
    let second = os::netns::current().expect("procfs");
    os::netns::enter(first.as_fd()).expect("it lives");
    run("ip link add name nic0 up type veth peer name other0");
    let number = index(&here, "nic0");
    assert_eq!(ask(&here, &link::give(number, second.as_fd())), Ok(vec![]));
    assert_eq!(ask(&here, &link::named("nic0")), Err(Fault::NO_DEVICE));
    let moved = link::links(&ask(&there, &link::list()).expect("a list"));
    let names: Vec<_> = moved.iter().map(|l| (l.name.as_str(), l.up)).collect();
    assert!(names.contains(&("lo", false)) && names.contains(&("nic0", false)), "{names:?}");
    // The socket stays where it was opened, wherever the thread is.
    assert!(run("ip link").contains("other0") && !run("ip link").contains("nic0"));
}

#[test]
fn addresses_and_routes_are_added_read_and_taken_away() {
    let (routes, _) = own();
    run("ip link add name nic0 up type veth peer name other0");
    run("ip link set other0 up");
    let index = index(&routes, "nic0");
    for (ip, prefix) in [("10.99.7.1", 24), ("fd99:7::1", 64)] {
        let ip: IpAddr = ip.parse().expect("an address");
        assert_eq!(ask(&routes, &address::add(index, ip, prefix)), Ok(vec![]));
        assert_eq!(ask(&routes, &address::add(index, ip, prefix)), Err(Fault::EXISTS));
        let seen = address::addresses(&ask(&routes, &address::list()).expect("a list"));
        assert!(seen.iter().any(|a| (a.index, a.ip, a.prefix, a.global) == (index, ip, prefix, true)), "{seen:?}");
    }
    let shown = run("ip -o addr show dev nic0");
    assert!(shown.contains("10.99.7.1/24") && shown.contains("fd99:7::1/64 scope global nodad"), "{shown}");
    for (to, bits, gateway) in [("0.0.0.0", 0, "10.99.7.9"), ("10.55.0.0", 16, "10.99.7.8"), ("::", 0, "fd99:7::9"), ("fd55::", 32, "fd99:7::8")] {
        let route = route::Route { to: (to.parse().expect("a network"), bits), gateway: gateway.parse().expect("an address"), index };
        assert_eq!(ask(&routes, &route::add(&route)), Ok(vec![]), "{route:?}");
        assert_eq!(ask(&routes, &route::add(&route)), Err(Fault::EXISTS), "{route:?}");
        assert!(route::routes(&ask(&routes, &route::list()).expect("a list")).contains(&route));
        let shown = format!("{}{}", run("ip route"), run("ip -6 route"));
        assert!(shown.contains(&format!("via {gateway} dev nic0 proto static")), "{shown}");
        assert_eq!(ask(&routes, &route::remove(&route)), Ok(vec![]));
        assert!(!route::routes(&ask(&routes, &route::list()).expect("a list")).contains(&route));
    }
    let ip = "10.99.7.1".parse().expect("an address");
    assert_eq!(ask(&routes, &address::remove(index, ip, 24)), Ok(vec![]));
    assert!(!run("ip addr").contains("10.99.7.1"));
}

#[test]
fn settings_of_a_link_are_read() {
    let (routes, _) = own();
    run("ip link add name nic0 type veth peer name other0");
    let known = [
        ("ipv4", "accept_redirects", link::Setting::V4(4)),
        ("ipv4", "send_redirects", link::Setting::V4(6)),
        ("ipv4", "rp_filter", link::Setting::V4(8)),
        ("ipv4", "accept_source_route", link::Setting::V4(9)),
        ("ipv6", "forwarding", link::Setting::V6(0)),
        ("ipv6", "accept_ra", link::Setting::V6(3)),
        ("ipv6", "keep_addr_on_down", link::Setting::V6(42)),
    ];
    for (family, name, setting) in known {
        for value in [1, 0] {
            run(&format!("sysctl -qw net.{family}.conf.nic0.{name}={value}"));
            let answer = ask(&routes, &link::named("nic0")).expect("it is there");
            assert_eq!(link::setting(&answer, setting), Some(value), "{family} {name}");
        }
    }
}

fn chain(name: &str, hook: Hook, priority: i32, drop: bool) -> Chain {
    Chain { name: name.to_owned(), hook, priority, drop }
}

#[test]
fn chains_and_rules_are_what_nft_lists() {
    let (_, filters) = own();
    let wanted = [
        chain("cut-in", Hook::Prerouting, -400, true),
        chain("cut-out", Hook::Output, -400, true),
        chain("forward", Hook::Forward, 0, true),
        chain("input", Hook::Input, 0, false),
    ];
    let rule = [
        Expression::Protocol,
        Expression::Compare(Comparison::Equal, 6),
        Expression::Transport(13),
        Expression::Mask(0x12),
        Expression::Compare(Comparison::Other, 0x02),
        Expression::Accept,
    ];
    let batch = wanted.iter().fold(Batch::new().table(), Batch::chain).rule("input", &rule);
    assert_eq!(ask(&filters, &batch.end()), Ok(vec![]));
    let listed = run("nft list ruleset");
    for text in [
        "table inet dinlock",
        "type filter hook prerouting priority -400; policy drop;",
        "type filter hook output priority -400; policy drop;",
        "type filter hook forward priority filter; policy drop;",
        "type filter hook input priority filter; policy accept;",
    ] {
        assert!(listed.contains(text), "{text:?} in {listed}");
    }
    // Versions of nft write the mask in one of two ways.
    let rules = ["tcp flags != syn / syn,ack accept", "tcp flags & (syn | ack) != syn accept"];
    assert!(rules.iter().any(|text| listed.contains(text)), "{listed}");
    let seen = filter::chains(&ask(&filters, &filter::list_chains()).expect("a list"));
    assert_eq!(seen, wanted.map(|chain| (chain.name.clone(), Some(chain))));
    let rules = filter::rules(&ask(&filters, &filter::list_rules()).expect("a list"));
    assert_eq!(rules, [filter::Rule { chain: "input".to_owned(), steps: rule.map(Some).to_vec() }]);
    // What is none of ours is seen as such.
    run("nft add rule inet dinlock forward counter accept");
    let rules = filter::rules(&ask(&filters, &filter::list_rules()).expect("a list"));
    assert_eq!(rules[0].steps.last().map(Option::is_some), Some(true));
    assert!(rules.iter().any(|rule| rule.chain == "forward" && rule.steps.contains(&None)), "{rules:?}");
}

#[test]
fn the_cut_is_one_request_and_is_read_back() {
    let (_, filters) = own();
    assert!(matches!(ask(&filters, &filter::set_policy(filter::CUT_IN, true)), Err(Fault::Os(_))), "nothing to cut with");
    assert!(matches!(ask(&filters, &filter::get_chain(filter::CUT_IN)), Err(Fault::Os(_))));
    let lay = Batch::new().table().chain(&chain(filter::CUT_IN, Hook::Prerouting, -400, true));
    assert_eq!(ask(&filters, &lay.end()), Ok(vec![]));
    for drop in [true, false, false, true, true] {
        assert_eq!(ask(&filters, &filter::set_policy(filter::CUT_IN, drop)), Ok(vec![]));
        let policy = if drop { "policy drop;" } else { "policy accept;" };
        assert!(run("nft list ruleset").contains(policy));
        assert_eq!(filter::drops(&ask(&filters, &filter::get_chain(filter::CUT_IN)).expect("it is there")), Some(drop));
    }
}

#[test]
fn a_batch_of_which_one_part_is_refused_does_nothing() {
    let (_, filters) = own();
    let half = Batch::new().table().chain(&chain("here", Hook::Input, 0, true)).rule("nowhere", &[Expression::Accept]);
    assert_eq!(ask(&filters, &half.end()), Err(Fault::Os(2)));
    assert_eq!(run("nft list ruleset"), "");
    // Refused in its middle.
    let half = Batch::new().table().rule("nowhere", &[Expression::Accept]).chain(&chain("here", Hook::Input, 0, true));
    assert_eq!(ask(&filters, &half.end()), Err(Fault::Os(2)));
    assert_eq!(run("nft list ruleset"), "");
}

#[test]
fn an_answer_that_was_not_read_disturbs_no_later_one() {
    let (routes, _) = own();
    let mut small = [0; 64];
    for _ in 0..3 {
        assert_eq!(routes.ask(&link::list(), &mut small), Err(Fault::Malformed), "longer than the buffer");
        let mut buffer = [0; ANSWER_BYTES];
        let length = routes.ask(&link::get(link::LO), &mut buffer).expect("lo");
        assert_eq!(link::is_up(&buffer[..length]), Some(false));
    }
    assert_eq!(routes.ask(b"nonsense", &mut small), Err(Fault::Malformed));
    assert_eq!(routes.ask(&[], &mut small), Err(Fault::Malformed));
}
