//! Addresses of links (linux/if_addr.h).

use crate::message::{ACK, CREATE, DUMP, FRESH, Message, attribute, bodies, word};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const NEW: u16 = 20; // RTM_NEWADDR
const DELETE: u16 = 21; // RTM_DELADDR
const GET: u16 = 22; // RTM_GETADDR
const FIXED_BYTES: usize = 8; // ifaddrmsg
const ADDRESS: u16 = 1; // IFA_ADDRESS
const LOCAL: u16 = 2; // IFA_LOCAL
const NO_DETECTION: u8 = 0x02; // IFA_F_NODAD
const V4: u8 = 2; // AF_INET
const V6: u8 = 10; // AF_INET6

/// AF_INET or AF_INET6, and the address's bytes.
pub(crate) fn parts(ip: IpAddr) -> (u8, Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => (V4, ip.octets().to_vec()),
        IpAddr::V6(ip) => (V6, ip.octets().to_vec()),
    }
}

/// An address of these bytes.
pub(crate) fn parsed(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    match family {
        V4 => <[u8; 4]>::try_from(bytes).ok().map(|octets| Ipv4Addr::from(octets).into()),
        V6 => <[u8; 16]>::try_from(bytes).ok().map(|octets| Ipv6Addr::from(octets).into()),
        _ => None,
    }
}

fn about(kind: u16, flags: u16, index: u32, ip: IpAddr, prefix: u8) -> Vec<u8> {
    let (family, bytes) = parts(ip);
    // Nobody else on the network may take it away by claiming it first.
    let how = if family == V6 { NO_DETECTION } else { 0 };
    let [a, b, c, d] = index.to_ne_bytes();
    Message::new(kind, flags).fixed(&[family, prefix, how, 0, a, b, c, d]).with(LOCAL, &bytes).with(ADDRESS, &bytes).end()
}

/// Adds one; the answer is EEXIST if it is there. An IPv6 one is not first asked for (`nodad`). Acknowledged.
#[must_use]
pub fn add(index: u32, ip: IpAddr, prefix: u8) -> Vec<u8> {
    about(NEW, ACK | CREATE | FRESH, index, ip, prefix)
}

/// Takes one away. Acknowledged.
#[must_use]
pub fn remove(index: u32, ip: IpAddr, prefix: u8) -> Vec<u8> {
    about(DELETE, ACK, index, ip, prefix)
}

/// Asks for all addresses of all links.
#[must_use]
pub fn list() -> Vec<u8> {
    Message::new(GET, DUMP).fixed(&[0; FIXED_BYTES]).end()
}

/// An address of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The link.
    pub index: u32,
    /// The address.
    pub ip: IpAddr,
    /// Bits of its network.
    pub prefix: u8,
    /// Whether it is valid everywhere, and not on its link alone.
    pub global: bool,
}

/// The addresses of an answer.
#[must_use]
pub fn addresses(answer: &[u8]) -> Vec<Address> {
    let address = |body: &[u8]| {
        let attributes = body.get(FIXED_BYTES..)?;
        let bytes = attribute(attributes, LOCAL).or_else(|| attribute(attributes, ADDRESS))?;
        let ip = parsed(*body.first()?, bytes)?;
        Some(Address { index: word(body, 4)?, ip, prefix: *body.get(1)?, global: *body.get(3)? == 0 })
    };
    bodies(answer, NEW).filter_map(address).collect()
}
