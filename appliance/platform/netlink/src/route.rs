//! Routes through gateways (rtnetlink(7)). Those of a link's own networks the kernel makes itself.

use crate::address::{parsed, parts};
use crate::message::{ACK, CREATE, DUMP, FRESH, Message, attribute, bodies, word};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const NEW: u16 = 24; // RTM_NEWROUTE
const DELETE: u16 = 25; // RTM_DELROUTE
const GET: u16 = 26; // RTM_GETROUTE
const FIXED_BYTES: usize = 12; // rtmsg
const TO: u16 = 1; // RTA_DST
const OUT: u16 = 4; // RTA_OIF
const GATEWAY: u16 = 5; // RTA_GATEWAY
const MAIN: u8 = 254; // RT_TABLE_MAIN
const STATIC: u8 = 4; // RTPROT_STATIC
const UNICAST: u8 = 1; // RTN_UNICAST

/// A route through a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Where to: the network, and bits of it. Of 0 bits: everywhere.
    pub to: (IpAddr, u8),
    /// Through whom.
    pub gateway: IpAddr,
    /// By which link.
    pub index: u32,
}

fn about(kind: u16, flags: u16, route: &Route) -> Vec<u8> {
    let ((family, to), (_, gateway)) = (parts(route.to.0), parts(route.gateway));
    let fixed = [family, route.to.1, 0, 0, MAIN, STATIC, 0, UNICAST, 0, 0, 0, 0];
    let mut message = Message::new(kind, flags).fixed(&fixed);
    if route.to.1 > 0 {
        message = message.with(TO, &to);
    }
    message.with(GATEWAY, &gateway).with(OUT, &route.index.to_ne_bytes()).end()
}

/// Adds one; the answer is EEXIST if it is there, an error if its link is down. Acknowledged.
#[must_use]
pub fn add(route: &Route) -> Vec<u8> {
    about(NEW, ACK | CREATE | FRESH, route)
}

/// Takes one away. Acknowledged.
#[must_use]
pub fn remove(route: &Route) -> Vec<u8> {
    about(DELETE, ACK, route)
}

/// Asks for all of them.
#[must_use]
pub fn list() -> Vec<u8> {
    Message::new(GET, DUMP).fixed(&[0; FIXED_BYTES]).end()
}

/// The routes of an answer that go through a gateway, in the main table.
#[must_use]
pub fn routes(answer: &[u8]) -> Vec<Route> {
    let route = |body: &[u8]| {
        let (family, bits, table, kind) = (*body.first()?, *body.get(1)?, *body.get(4)?, *body.get(7)?);
        let attributes = body.get(FIXED_BYTES..)?;
        let gateway = parsed(family, attribute(attributes, GATEWAY)?)?;
        let to = match attribute(attributes, TO) {
            Some(bytes) => parsed(family, bytes)?,
            None if gateway.is_ipv4() => Ipv4Addr::UNSPECIFIED.into(),
            None => Ipv6Addr::UNSPECIFIED.into(),
        };
        let index = word(attribute(attributes, OUT)?, 0)?;
        (table == MAIN && kind == UNICAST).then_some(Route { to: (to, bits), gateway, index })
    };
    bodies(answer, NEW).filter_map(route).collect()
}
