//! The base filters of a zone: one table, `inet dinlock`.
//!
//! `cut-in` and `cut-out` have no rules and drop: that is "held"; the guardian arms by making them accept.
//! `forward` drops what the settings would already not forward. In OT, `input` lets in answers alone. No state
//! is kept of connections: a table of them could be filled by a machine.

use crate::options::Side;
use netlink::filter::{
    Batch, CUT_IN, CUT_OUT, Chain, Comparison, Expression, Hook, Rule, chains, list_chains, list_rules, rules,
};
use netlink::Fault;
use Comparison::{AtLeast, AtMost, Equal, Other};
use Expression::{Accept, Compare, Mask, Protocol, Transport};

/// Ahead of everything, also of what would follow connections.
const FIRST: i32 = -400;
/// Where filters usually are.
const USUAL: i32 = 0;
const INPUT: &str = "input";

/// IP's protocol numbers.
const ICMP: u8 = 1;
const TCP: u8 = 6;
const ICMP6: u8 = 58;

/// What is let in from machines. They never begin: nothing of the box listens in OT.
const ANSWERS: &[&[Expression]] = &[
    // Byte 13 of TCP: its flags, of them SYN (2) and ACK (16). SYN alone opens a connection.
    &[Protocol, Compare(Equal, TCP), Transport(13), Mask(0x12), Compare(Other, 0x02), Accept],
    // "Unreachable" (3), "time exceeded" (11), "parameter problem" (12): a dial fails at once, and packets fit.
    &[Protocol, Compare(Equal, ICMP), Transport(0), Compare(Equal, 3), Accept],
    &[Protocol, Compare(Equal, ICMP), Transport(0), Compare(AtLeast, 11), Compare(AtMost, 12), Accept],
    // The same of IPv6, "packet too big" (2) among them: 1 to 4.
    &[Protocol, Compare(Equal, ICMP6), Transport(0), Compare(AtLeast, 1), Compare(AtMost, 4), Accept],
    // Neighbour solicitation (135) and advertisement (136): what ARP is to IPv4. No router is heard.
    &[Protocol, Compare(Equal, ICMP6), Transport(0), Compare(AtLeast, 135), Compare(AtMost, 136), Accept],
];

/// All chains of a zone, held.
fn wanted(side: Option<Side>) -> Vec<Chain> {
    let chain = |name: &str, hook, priority| Chain { name: name.to_owned(), hook, priority, drop: true };
    let mut all = vec![
        chain(CUT_IN, Hook::Prerouting, FIRST),
        chain(CUT_OUT, Hook::Output, FIRST),
        chain("forward", Hook::Forward, USUAL),
    ];
    if side == Some(Side::Ot) {
        all.push(chain(INPUT, Hook::Input, USUAL));
    }
    all
}

fn wanted_rules(side: Option<Side>) -> Vec<Rule> {
    let answers = if side == Some(Side::Ot) { ANSWERS } else { &[] };
    let rule = |steps: &&[Expression]| Rule { chain: INPUT.to_owned(), steps: steps.iter().copied().map(Some).collect() };
    answers.iter().map(rule).collect()
}

/// How the filters of a zone are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Right, and one of the cut's chains drops, or both.
    Held,
    /// Right, and neither does.
    Armed,
    /// Not right.
    Wrong,
}

fn state(side: Option<Side>, ask: &mut impl FnMut(&[u8]) -> Result<Vec<u8>, Fault>) -> Result<State, Fault> {
    let (mut found, mut held) = (Vec::new(), false);
    for (_, chain) in chains(&ask(&list_chains())?) {
        let Some(mut chain) = chain else { return Ok(State::Wrong) };
        if chain.name == CUT_IN || chain.name == CUT_OUT {
            held |= chain.drop;
            chain.drop = true;
        }
        found.push(chain);
    }
    let mut wanted = wanted(side);
    let by_name = |a: &Chain, b: &Chain| a.name.cmp(&b.name);
    found.sort_by(by_name);
    wanted.sort_by(by_name);
    let right = found == wanted && rules(&ask(&list_rules())?) == wanted_rules(side);
    Ok(match (right, held) {
        (true, true) => State::Held,
        (true, false) => State::Armed,
        (false, _) => State::Wrong,
    })
}

/// Lays them where they are not right: the table is made anew, at once, and holds then. Whether the zone is held.
///
/// # Errors
/// The kernel's, in words.
pub(crate) fn lay(side: Option<Side>, ask: &mut impl FnMut(&[u8]) -> Result<Vec<u8>, Fault>) -> Result<bool, String> {
    let read = |e| format!("the filters can't be read: {e}; the kernel needs nf_tables");
    match state(side, ask).map_err(read)? {
        State::Held => return Ok(true),
        State::Armed => return Ok(false),
        State::Wrong => {}
    }
    let empty = Batch::new().table().without_table().table();
    let chains = wanted(side).iter().fold(empty, Batch::chain);
    let answers = if side == Some(Side::Ot) { ANSWERS } else { &[] };
    let request = answers.iter().fold(chains, |batch, rule| batch.rule(INPUT, rule)).end();
    ask(&request).map_err(|e| format!("the filters can't be laid: {e}; the kernel needs nf_tables with the family inet"))?;
    match state(side, ask).map_err(read)? {
        State::Held => Ok(true),
        State::Armed => Ok(false),
        State::Wrong => {
            Err("the filters were laid and are others now: who else changes them? See `nft list ruleset` in that zone".to_owned())
        }
    }
}
