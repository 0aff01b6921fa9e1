//! Filters: the chains of one table, `inet dinlock`, and whether they let pass (linux/netfilter/nf_tables.h).
//!
//! The cut-off is two chains without rules, ahead of everything, registered beforehand: cutting is to make
//! them drop, and arming to make them accept, which is [`set_policy`] alone.

mod rules;

pub use rules::{Comparison, Expression, Rule, list_rules, rules};

use crate::message::{ACK, APPEND, CREATE, DUMP, Message, attribute, big, bodies, text};

/// The table's name.
pub const TABLE: &str = "dinlock";
/// Drops all that comes in, when cut.
pub const CUT_IN: &str = "cut-in";
/// Drops all that goes out, when cut.
pub const CUT_OUT: &str = "cut-out";

const INET: u8 = 1; // NFPROTO_INET: IPv4 and IPv6
const NEW_TABLE: u16 = 0x0a00; // NFT_MSG_… of the subsystem nf_tables, 10
const DELETE_TABLE: u16 = 0x0a02;
const NEW_CHAIN: u16 = 0x0a03;
const GET_CHAIN: u16 = 0x0a04;
const NEW_RULE: u16 = 0x0a06;
const BEGIN: u16 = 0x10; // NFNL_MSG_BATCH_BEGIN
const END: u16 = 0x11; // NFNL_MSG_BATCH_END
const SUBSYSTEM: [u8; 2] = [0, 10];
const FIXED_BYTES: usize = 4; // nfgenmsg
const DROP: u32 = 0; // NF_DROP
const ACCEPT: u32 = 1; // NF_ACCEPT

const TABLE_NAME: u16 = 1; // NFTA_TABLE_NAME
const CHAIN_TABLE: u16 = 1; // NFTA_CHAIN_…
const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_POLICY: u16 = 5;
const CHAIN_TYPE: u16 = 7;
const HOOK_NUMBER: u16 = 1; // NFTA_HOOK_…
const HOOK_PRIORITY: u16 = 2;

/// Where a chain is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// All that comes in, before it is known what it is for.
    Prerouting,
    /// What comes in for this namespace.
    Input,
    /// What would be passed on.
    Forward,
    /// What this namespace sends.
    Output,
}

impl Hook {
    /// In the order of the kernel's numbers (NF_INET_PRE_ROUTING and on).
    const ALL: [Self; 4] = [Self::Prerouting, Self::Input, Self::Forward, Self::Output];

    fn number(self) -> u32 {
        match self {
            Self::Prerouting => 0,
            Self::Input => 1,
            Self::Forward => 2,
            Self::Output => 3,
        }
    }
}

/// A chain of filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Where it is asked.
    pub hook: Hook,
    /// Lower is asked earlier.
    pub priority: i32,
    /// Whether it drops what no rule of it accepts.
    pub drop: bool,
}

fn message(kind: u16, flags: u16) -> Message {
    Message::new(kind, flags).fixed(&[INET, 0, 0, 0])
}

fn verdict(drop: bool) -> [u8; 4] {
    (if drop { DROP } else { ACCEPT }).to_be_bytes()
}

/// What happens at once, or not at all: one request of several messages. The last of them is acknowledged.
#[derive(Debug, Default)]
pub struct Batch(Vec<Message>);

impl Batch {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn push(mut self, message: Message) -> Self {
        self.0.push(message);
        self
    }

    /// The table, if it is not there.
    #[must_use]
    pub fn table(self) -> Self {
        self.push(message(NEW_TABLE, CREATE).text(TABLE_NAME, TABLE))
    }

    /// Takes the table away, with all that is in it; it has to be there.
    #[must_use]
    pub fn without_table(self) -> Self {
        self.push(message(DELETE_TABLE, 0).text(TABLE_NAME, TABLE))
    }

    /// A chain of the table.
    #[must_use]
    pub fn chain(self, chain: &Chain) -> Self {
        let hook = |inner: Message| {
            let inner = inner.with(HOOK_NUMBER, &chain.hook.number().to_be_bytes());
            inner.with(HOOK_PRIORITY, &chain.priority.to_be_bytes())
        };
        let new = message(NEW_CHAIN, CREATE).text(CHAIN_TABLE, TABLE).text(CHAIN_NAME, &chain.name).nest(CHAIN_HOOK, hook);
        self.push(new.with(CHAIN_POLICY, &verdict(chain.drop)).text(CHAIN_TYPE, "filter"))
    }

    /// A rule, behind the others of its chain.
    #[must_use]
    pub fn rule(self, chain: &str, rule: &[Expression]) -> Self {
        self.push(rules::added(message(NEW_RULE, CREATE | APPEND), chain, rule))
    }

    fn policy(self, chain: &str, drop: bool) -> Self {
        let message = message(NEW_CHAIN, 0).text(CHAIN_TABLE, TABLE).text(CHAIN_NAME, chain);
        self.push(message.with(CHAIN_POLICY, &verdict(drop)))
    }

    /// The complete request.
    #[must_use]
    pub fn end(mut self) -> Vec<u8> {
        if let Some(last) = self.0.last_mut() {
            last.flag(ACK);
        }
        // One number for all: any of them may be the one that is refused.
        let number = u32::from(BEGIN);
        let border = |kind: u16| Message::new(kind, 0).fixed(&[[0, 0], SUBSYSTEM].concat());
        let all = std::iter::once(border(BEGIN)).chain(self.0).chain([border(END)]);
        all.flat_map(|message| message.numbered(number).end()).collect()
    }
}

/// Makes a chain that is there drop or accept what no rule of it decides. The same twice changes nothing.
#[must_use]
pub fn set_policy(chain: &str, drop: bool) -> Vec<u8> {
    Batch::new().policy(chain, drop).end()
}

/// Asks for one chain; the answer is ENOENT if it is not there.
#[must_use]
pub fn get_chain(chain: &str) -> Vec<u8> {
    message(GET_CHAIN, 0).text(CHAIN_TABLE, TABLE).text(CHAIN_NAME, chain).end()
}

/// Asks for all chains of all tables.
#[must_use]
pub fn list_chains() -> Vec<u8> {
    message(GET_CHAIN, DUMP).end()
}

/// Whether the chain of this answer drops what no rule of it decides. None if it is no answer about a chain
/// that decides anything. Does not allocate.
#[must_use]
pub fn drops(answer: &[u8]) -> Option<bool> {
    policy(bodies(answer, NEW_CHAIN).next()?.get(FIXED_BYTES..)?)
}

fn policy(attributes: &[u8]) -> Option<bool> {
    match big(attribute(attributes, CHAIN_POLICY)?)? {
        DROP => Some(true),
        ACCEPT => Some(false),
        _ => None,
    }
}

/// The chains of our table in an answer: name, and what it is if it is a chain that filters.
#[must_use]
pub fn chains(answer: &[u8]) -> Vec<(String, Option<Chain>)> {
    let chain = |body: &[u8]| {
        let attributes = ours(body, CHAIN_TABLE)?;
        let name = String::from_utf8_lossy(text(attribute(attributes, CHAIN_NAME)?)).into_owned();
        Some((name.clone(), filtering(name, attributes)))
    };
    bodies(answer, NEW_CHAIN).filter_map(chain).collect()
}

/// The attributes of what belongs to our table.
fn ours(body: &[u8], table: u16) -> Option<&[u8]> {
    let attributes = body.get(FIXED_BYTES..)?;
    let table = text(attribute(attributes, table)?);
    (*body.first()? == INET && table == TABLE.as_bytes()).then_some(attributes)
}

fn filtering(name: String, attributes: &[u8]) -> Option<Chain> {
    let hook = attribute(attributes, CHAIN_HOOK)?;
    let number = usize::try_from(big(attribute(hook, HOOK_NUMBER)?)?).ok()?;
    let priority = big(attribute(hook, HOOK_PRIORITY)?)?.cast_signed();
    let filters = text(attribute(attributes, CHAIN_TYPE)?) == b"filter";
    let chain = Chain { name, hook: *Hook::ALL.get(number)?, priority, drop: policy(attributes)? };
    filters.then_some(chain)
}
