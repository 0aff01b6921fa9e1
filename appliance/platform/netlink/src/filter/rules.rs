//! Rules that let something in: what they look at, byte by byte.

use super::{ACCEPT, NEW_RULE, TABLE, message, ours};
use crate::message::{DUMP, Message, attribute, attributes, big, bodies, text};

const GET_RULE: u16 = 0x0a07; // NFT_MSG_GETRULE
const RULE_TABLE: u16 = 1; // NFTA_RULE_…
const RULE_CHAIN: u16 = 2;
const RULE_EXPRESSIONS: u16 = 4;
const ELEMENT: u16 = 1; // NFTA_LIST_ELEM
const NAME: u16 = 1; // NFTA_EXPR_…
const DATA: u16 = 2;
const REGISTER: u32 = 1; // NFT_REG_1
const VERDICT: u32 = 0; // NFT_REG_VERDICT
const L4PROTO: u32 = 16; // NFT_META_L4PROTO
const TRANSPORT: u32 = 2; // NFT_PAYLOAD_TRANSPORT_HEADER

/// How the byte in hand is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// It is the same.
    Equal,
    /// It is another.
    Other,
    /// It is not more.
    AtMost,
    /// It is not less.
    AtLeast,
}

impl Comparison {
    const ALL: [(Self, u32); 4] = [(Self::Equal, 0), (Self::Other, 1), (Self::AtMost, 3), (Self::AtLeast, 5)];

    fn number(self) -> u32 {
        Self::ALL.iter().find(|(known, _)| *known == self).map_or(0, |(_, number)| *number)
    }
}

/// One step of a rule. The rule ends where a comparison does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expression {
    /// Takes the transport protocol's number in hand.
    Protocol,
    /// Takes this byte of the transport header in hand.
    Transport(u32),
    /// Keeps these bits of it.
    Mask(u8),
    /// Compares it.
    Compare(Comparison, u8),
    /// Lets the packet pass this chain.
    Accept,
}

/// A rule as it was found: its chain, and its steps; None for a step that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The chain's name.
    pub chain: String,
    /// What it does.
    pub steps: Vec<Option<Expression>>,
}

fn number(message: Message, kind: u16, value: u32) -> Message {
    message.with(kind, &value.to_be_bytes())
}

/// NFTA_DATA_VALUE, one byte.
fn byte(message: Message, kind: u16, value: u8) -> Message {
    message.nest(kind, |inner| inner.with(1, &[value]))
}

fn step(list: Message, step: Expression) -> Message {
    let name = match step {
        Expression::Protocol => "meta",
        Expression::Transport(_) => "payload",
        Expression::Mask(_) => "bitwise",
        Expression::Compare(..) => "cmp",
        Expression::Accept => "immediate",
    };
    let data = |m: Message| match step {
        // NFTA_META_DREG, _KEY.
        Expression::Protocol => number(number(m, 1, REGISTER), 2, L4PROTO),
        // NFTA_PAYLOAD_DREG, _BASE, _OFFSET, _LEN.
        Expression::Transport(offset) => number(number(number(number(m, 1, REGISTER), 2, TRANSPORT), 3, offset), 4, 1),
        // NFTA_BITWISE_SREG, _DREG, _LEN, _MASK, _XOR.
        Expression::Mask(bits) => byte(byte(number(number(number(m, 1, REGISTER), 2, REGISTER), 3, 1), 4, bits), 5, 0),
        // NFTA_CMP_SREG, _OP, _DATA.
        Expression::Compare(how, value) => byte(number(number(m, 1, REGISTER), 2, how.number()), 3, value),
        // NFTA_IMMEDIATE_DREG, _DATA with NFTA_DATA_VERDICT with NFTA_VERDICT_CODE.
        Expression::Accept => number(m, 1, VERDICT).nest(2, |m| m.nest(2, |m| number(m, 1, ACCEPT))),
    };
    list.nest(ELEMENT, |element| element.text(NAME, name).nest(DATA, data))
}

pub(super) fn added(message: Message, chain: &str, rule: &[Expression]) -> Message {
    let message = message.text(RULE_TABLE, TABLE).text(RULE_CHAIN, chain);
    message.nest(RULE_EXPRESSIONS, |list| rule.iter().fold(list, |list, expression| step(list, *expression)))
}

/// Asks for all rules of our table.
#[must_use]
pub fn list_rules() -> Vec<u8> {
    message(GET_RULE, DUMP).text(RULE_TABLE, TABLE).end()
}

/// The rules of our table in an answer, in their order.
#[must_use]
pub fn rules(answer: &[u8]) -> Vec<Rule> {
    let rule = |body: &[u8]| {
        let of_rule = ours(body, RULE_TABLE)?;
        let chain = String::from_utf8_lossy(text(attribute(of_rule, RULE_CHAIN)?)).into_owned();
        let list = attribute(of_rule, RULE_EXPRESSIONS).unwrap_or_default();
        Some(Rule { chain, steps: attributes(list).map(|(_, element)| expression(element)).collect() })
    };
    bodies(answer, NEW_RULE).filter_map(rule).collect()
}

fn expression(element: &[u8]) -> Option<Expression> {
    let data = attribute(element, DATA)?;
    let is = |kind: u16, wanted: u32| attribute(data, kind).and_then(big) == Some(wanted);
    let in_hand = is(1, REGISTER);
    match text(attribute(element, NAME)?) {
        b"meta" if in_hand && is(2, L4PROTO) => Some(Expression::Protocol),
        b"payload" if in_hand && is(2, TRANSPORT) && is(4, 1) => Some(Expression::Transport(big(attribute(data, 3)?)?)),
        // 6 is NFTA_BITWISE_OP: 0 is "mask and xor", all that older kernels know.
        b"bitwise" if in_hand && is(2, REGISTER) && is(3, 1) && (attribute(data, 6).is_none() || is(6, 0)) => {
            (one_byte(data, 5)? == 0).then_some(Expression::Mask(one_byte(data, 4)?))
        }
        b"cmp" if in_hand => {
            let number = big(attribute(data, 2)?)?;
            let how = Comparison::ALL.iter().find(|(_, known)| *known == number)?.0;
            Some(Expression::Compare(how, one_byte(data, 3)?))
        }
        b"immediate" if is(1, VERDICT) => {
            let verdict = attribute(attribute(attribute(data, 2)?, 2)?, 1).and_then(big);
            (verdict == Some(ACCEPT)).then_some(Expression::Accept)
        }
        _ => None,
    }
}

fn one_byte(data: &[u8], kind: u16) -> Option<u8> {
    match attribute(attribute(data, kind)?, 1)? {
        [value] => Some(*value),
        _ => None,
    }
}
