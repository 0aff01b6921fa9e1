//! Links: ports, and `lo` (linux/rtnetlink.h, linux/if_link.h).

use crate::message::{ACK, DUMP, Message, attribute, bodies, text, word};
use std::os::fd::{AsRawFd, BorrowedFd};

const NEW: u16 = 16; // RTM_NEWLINK
const GET: u16 = 18; // RTM_GETLINK
const FIXED_BYTES: usize = 16; // ifinfomsg
const UP: u32 = 1; // IFF_UP
const NAME: u16 = 3; // IFLA_IFNAME
const SPEC: u16 = 26; // IFLA_AF_SPEC
const NETWORK: u16 = 28; // IFLA_NET_NS_FD

/// `lo` has it in every namespace.
pub const LO: u32 = 1;
/// The longest name, bytes (IFNAMSIZ, without its end).
pub const NAME_BYTES_MAX: usize = 15;

/// ifinfomsg: family, kind, index, flags, which of them count.
fn about(kind: u16, flags: u16, index: u32, up: bool, change: u32) -> Message {
    let words = [0, index, u32::from(up), change];
    Message::new(kind, flags).fixed(&words.map(u32::to_ne_bytes).concat())
}

/// Sets it up or down. Acknowledged.
#[must_use]
pub fn set(index: u32, up: bool) -> Vec<u8> {
    about(NEW, ACK, index, up, UP).end()
}

/// Asks for one.
#[must_use]
pub fn get(index: u32) -> Vec<u8> {
    about(GET, 0, index, false, 0).end()
}

/// Asks for the one of this name; the answer is ENODEV if there is none.
#[must_use]
pub fn named(name: &str) -> Vec<u8> {
    about(GET, 0, 0, false, 0).text(NAME, name).end()
}

/// Asks for all of them.
#[must_use]
pub fn list() -> Vec<u8> {
    about(GET, DUMP, 0, false, 0).end()
}

/// Moves it into another network namespace, where it is down and has no address. Acknowledged.
#[must_use]
pub fn give(index: u32, network: BorrowedFd<'_>) -> Vec<u8> {
    about(NEW, ACK, index, false, 0).with(NETWORK, &network.as_raw_fd().to_ne_bytes()).end()
}

/// Whether the link of this answer is up. None if it is no answer about a link. Does not allocate.
#[must_use]
pub fn is_up(answer: &[u8]) -> Option<bool> {
    Some(word(bodies(answer, NEW).next()?, 8)? & UP != 0)
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number in its namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it is up (IFF_UP), which does not say that a cable is in it.
    pub up: bool,
}

/// The links of an answer.
#[must_use]
pub fn links(answer: &[u8]) -> Vec<Link> {
    let link = |body: &[u8]| {
        let name = text(attribute(body.get(FIXED_BYTES..)?, NAME)?);
        Some(Link { index: word(body, 4)?, name: String::from_utf8_lossy(name).into_owned(), up: word(body, 8)? & UP != 0 })
    };
    bodies(answer, NEW).filter_map(link).collect()
}

/// One of a link's own settings, such as `net.ipv4.conf.PORT.forwarding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Of IPv4, by its number in linux/ip.h (`IPV4_DEVCONF_…`, from 1).
    V4(usize),
    /// Of IPv6, by its number in linux/ipv6.h (`DEVCONF_…`, from 0).
    V6(usize),
}

/// What a link's setting is, in an answer about that link.
#[must_use]
pub fn setting(answer: &[u8], setting: Setting) -> Option<i32> {
    // Address family and, in it, the list of all settings: IFLA_INET_CONF, IFLA_INET6_CONF.
    let (family, list, place) = match setting {
        Setting::V4(number) => (2, 1, number.checked_sub(1)?),
        Setting::V6(number) => (10, 2, number),
    };
    let of_link = bodies(answer, NEW).next()?.get(FIXED_BYTES..)?;
    let values = attribute(attribute(attribute(of_link, SPEC)?, family)?, list)?;
    word(values, place.checked_mul(4)?).map(u32::cast_signed)
}
