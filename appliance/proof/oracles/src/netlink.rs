//! Answers of the kernel about links, addresses, routes and filters: read without panic, and nothing is in
//! what was read that is not in the bytes.

use netlink::filter::{self, Batch, Chain, Comparison, Expression, Hook};
use netlink::{Question, address, link, route};
use std::net::Ipv6Addr;

/// Whatever the bytes are, each reader ends, says no more than fits into them, and all agree on the first
/// thing. Bytes behind the last whole message change nothing.
///
/// # Panics
/// If it does not hold.
pub fn holds(bytes: &[u8]) {
    asked(bytes);
    let links = link::links(bytes);
    let first = link::is_up(bytes);
    // Of several, the first may be one that has no name, which is none for the list.
    if let [only] = links.as_slice()
        && messages(bytes) == 1
    {
        assert!(first == Some(only.up), "two readers of one link");
    }
    for number in [0, 1, 5, 42, usize::MAX / 2, usize::MAX] {
        let _ = (link::setting(bytes, link::Setting::V4(number)), link::setting(bytes, link::Setting::V6(number)));
    }
    let chains = filter::chains(bytes);
    if let [(name, Some(chain))] = chains.as_slice()
        && messages(bytes) == 1
    {
        assert!(*name == chain.name, "two names of one chain");
        assert!(filter::drops(bytes) == Some(chain.drop), "two readers of one policy");
    }
    let (addresses, routes, rules) = (address::addresses(bytes), route::routes(bytes), filter::rules(bytes));
    // The least that each takes: header, fixed part, attributes.
    let fits = |count: usize, least: usize| assert!(count * least <= bytes.len(), "{count} of {least} bytes in {}", bytes.len());
    fits(links.len(), 36);
    fits(addresses.len(), 32);
    fits(routes.len(), 44);
    fits(chains.len(), 32);
    fits(rules.len(), 32);
    fits(rules.iter().map(|rule| rule.steps.len()).sum(), 4);
    assert!(addresses.iter().all(|a| a.ip.is_ipv4() || a.ip.is_ipv6()) && routes.iter().all(|r| r.to.0.is_ipv4() == r.gateway.is_ipv4()));
    if messages(bytes) == 1 {
        let more = [bytes, &[1, 0, 0]].concat();
        assert!(link::links(&more) == links && filter::chains(&more) == chains && filter::drops(&more) == filter::drops(bytes));
    }
}

/// As the answer to any question, also to itself: what is taken of it lies in it and is whole messages.
fn asked(bytes: &[u8]) {
    let questions = [link::get(1), link::list(), link::set(1, true), filter::set_policy("cut-in", true), bytes.to_vec()];
    for question in questions.iter().filter_map(|request| Question::of(request)) {
        match question.read(bytes) {
            Ok(part) => {
                let taken = bytes.get(..part.bytes).expect("no more than there is");
                assert!(taken.is_empty() || messages(taken) != usize::MAX, "half a message is an answer");
            }
            Err(why) => crate::shown::line(&why.to_string()),
        }
    }
}

/// Whole messages, if they fill the bytes, and no more: lengths are in the machine's order.
fn messages(bytes: &[u8]) -> usize {
    let (mut rest, mut count) = (bytes, 0);
    while let Some(length) = rest.first_chunk().map(|length| u32::from_ne_bytes(*length) as usize) {
        if length < 16 || length > rest.len() {
            return usize::MAX;
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        count += 1;
    }
    if rest.is_empty() { count } else { usize::MAX }
}

/// The kernel answers with what it is asked to make, so requests are answers too.
pub fn seeds() -> Vec<Vec<u8>> {
    let v6 = |last| Ipv6Addr::new(0xfd99, 1, 0, 0, 0, 0, 0, last).into();
    let chain = |name: &str, hook| Chain { name: name.to_owned(), hook, priority: -400, drop: true };
    let rule = [
        Expression::Protocol,
        Expression::Compare(Comparison::Equal, 6),
        Expression::Transport(13),
        Expression::Mask(0x12),
        Expression::Compare(Comparison::Other, 2),
        Expression::Accept,
    ];
    let batch = Batch::new().table().chain(&chain("cut-in", Hook::Prerouting)).chain(&chain("input", Hook::Input));
    let of_kind = |kind: u16, mut message: Vec<u8>| {
        message[4..6].copy_from_slice(&kind.to_ne_bytes());
        message
    };
    vec![
        link::set(3, true),
        // RTM_NEWLINK, with a name.
        of_kind(16, link::named("box0")),
        address::add(3, [10, 99, 1, 1].into(), 24),
        address::add(3, v6(1), 64),
        route::add(&route::Route { to: ([0, 0, 0, 0].into(), 0), gateway: [10, 99, 1, 9].into(), index: 3 }),
        route::add(&route::Route { to: (v6(0), 64), gateway: v6(9), index: 3 }),
        filter::set_policy("cut-in", true),
        // One chain alone, as it is asked for: without the batch around it.
        filter::set_policy("cut-out", false).get(20..).unwrap_or_default().to_vec(),
        batch.rule("input", &rule).end(),
        // A refusal, an acknowledgement, the end of a list.
        [&of_kind(2, link::get(1))[..16], &(-17_i32).to_ne_bytes()].concat(),
        [&of_kind(2, link::set(1, true))[..16], &[0; 4]].concat(),
        [&of_kind(3, link::list())[..16], &[0; 4]].concat(),
    ]
}
