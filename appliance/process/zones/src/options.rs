//! The command line: which zones there are.

use netlink::link::NAME_BYTES_MAX;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Zones at most, empty ones among them.
const ZONES_MAX: usize = 8;
/// Addresses, and routes, of one zone at most.
const EACH_MAX: usize = 32;
/// The longest name of a zone, bytes.
const ZONE_BYTES_MAX: usize = 32;

/// Which side of the box a zone is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The untrusted side. Its link is up; its filters hold it until it is armed.
    Uplink,
    /// The machines' side. Its link is down until it is armed, too.
    Ot,
}

/// A port of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its side.
    pub side: Side,
    /// Its name, such as `eth1`.
    pub name: String,
    /// Addresses, with the bits of their networks.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Networks, and through whom.
    pub routes: Vec<((IpAddr, u8), IpAddr)>,
}

/// A zone. One without a port is empty: processes live there that have no network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// The name of its namespace.
    pub name: String,
    /// Its port.
    pub port: Option<Port>,
}

/// Reads the command line.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn read(arguments: impl Iterator<Item = String>) -> Result<Vec<Zone>, String> {
    let mut arguments = arguments;
    let mut drafts: Vec<Draft> = Vec::new();
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{option} needs a value"));
        match option.as_str() {
            "--zone" => drafts.push(Draft::new(value()?, false)),
            "--empty" => drafts.push(Draft::new(value()?, true)),
            _ => {
                let draft = drafts.last_mut().filter(|draft| !draft.empty);
                let draft = draft.ok_or_else(|| format!("{option} has to follow a --zone NAME"))?;
                draft.option(&option, &mut value)?;
            }
        }
    }
    let zones = drafts.into_iter().map(Draft::finish).collect::<Result<Vec<_>, _>>()?;
    if zones.is_empty() || zones.len() > ZONES_MAX {
        return Err(format!("{} zones are given; 1 to {ZONES_MAX} can be laid: --zone NAME … or --empty NAME", zones.len()));
    }
    for (index, zone) in zones.iter().enumerate() {
        let others = &zones[..index];
        if others.iter().any(|other| other.name == zone.name) {
            return Err(format!("zone {} is given twice", zone.name));
        }
        let port = |zone: &Zone| zone.port.as_ref().map(|port| port.name.clone());
        if let Some(name) = port(zone)
            && others.iter().any(|other| port(other).as_ref() == Some(&name))
        {
            return Err(format!("port {name} is given to two zones: a cable belongs to one"));
        }
    }
    Ok(zones)
}

/// A zone of which not all is read.
struct Draft {
    name: String,
    empty: bool,
    side: Option<Side>,
    port: Option<String>,
    addresses: Vec<(IpAddr, u8)>,
    routes: Vec<((IpAddr, u8), IpAddr)>,
}

impl Draft {
    fn new(name: String, empty: bool) -> Self {
        Self { name, empty, side: None, port: None, addresses: Vec::new(), routes: Vec::new() }
    }

    fn option(&mut self, option: &str, value: &mut impl FnMut() -> Result<String, String>) -> Result<(), String> {
        match option {
            "--side" => {
                self.side = Some(match value()?.as_str() {
                    "uplink" => Side::Uplink,
                    "ot" => Side::Ot,
                    other => return Err(format!("--side is uplink or ot, not {other}")),
                });
            }
            "--port" => self.port = Some(value()?),
            "--address" => self.addresses.push(network(&value()?)?),
            "--gateway" => {
                let gateway = address(&value()?)?;
                let everywhere = match gateway {
                    IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                    IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
                };
                self.routes.push(((everywhere, 0), gateway));
            }
            "--route" => {
                let to = network(&value()?)?;
                if value()? != "via" {
                    return Err("--route is given as: --route NETWORK/BITS via ADDRESS".to_owned());
                }
                self.routes.push((masked(to), address(&value()?)?));
            }
            _ => return Err(format!("there is no option {option}; --side, --port, --address, --gateway, --route are known")),
        }
        Ok(())
    }

    fn finish(self) -> Result<Zone, String> {
        let Self { name, empty, side, port, addresses, routes } = self;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if name.is_empty() || name.len() > ZONE_BYTES_MAX || !name.bytes().all(plain) {
            return Err(format!("{name:?} is no name of a zone: 1 to {ZONE_BYTES_MAX} of a-z, 0-9 and -"));
        }
        if empty {
            return Ok(Zone { name, port: None });
        }
        let missing = |what: &str| format!("zone {name} has no {what}");
        let port = port.ok_or_else(|| missing("port: --port NAME"))?;
        let side = side.ok_or_else(|| missing("side: --side uplink or --side ot"))?;
        let plain = |b: u8| b.is_ascii_graphic() && b != b'/';
        if port.is_empty() || port.len() > NAME_BYTES_MAX || !port.bytes().all(plain) || port.starts_with('.') || port == "lo" {
            return Err(format!("{port:?} is no name of a port"));
        }
        if addresses.is_empty() {
            return Err(missing("address: --address ADDRESS/BITS"));
        }
        if addresses.len() > EACH_MAX || routes.len() > EACH_MAX {
            return Err(format!("zone {name} has more than {EACH_MAX} addresses or routes"));
        }
        if let Some(((to, _), gateway)) = routes.iter().find(|((to, _), gateway)| to.is_ipv4() != gateway.is_ipv4()) {
            return Err(format!("zone {name} has a route to {to} via {gateway}: IPv4 and IPv6 do not mix"));
        }
        Ok(Zone { name, port: Some(Port { side, name: port, addresses, routes }) })
    }
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("{text} is no address"))
}

fn network(text: &str) -> Result<(IpAddr, u8), String> {
    let wrong = || format!("{text} is not given as ADDRESS/BITS");
    let (ip, bits) = text.split_once('/').ok_or_else(wrong)?;
    let (ip, bits): (IpAddr, u8) = (address(ip)?, bits.parse().map_err(|_| wrong())?);
    let most = if ip.is_ipv4() { 32 } else { 128 };
    if bits > most { Err(format!("{text} has more than {most} bits")) } else { Ok((ip, bits)) }
}

/// The network itself, as the kernel keeps it: without the bits of a host.
fn masked((ip, bits): (IpAddr, u8)) -> (IpAddr, u8) {
    let ip = match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() & u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)).into(),
    };
    (ip, bits)
}
