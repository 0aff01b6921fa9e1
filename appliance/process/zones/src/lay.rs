//! Laying one zone: settings, filters, then the port, its addresses, its link, its routes. Each is read back.
//!
//! What is right is left alone, so that an armed zone stays armed. What had to be made anew is held, and the
//! link of a held OT zone is down.

use crate::fault::Fault;
use crate::filters;
use crate::options::{Port, Side};
use crate::settings;
use crate::space::Space;
use border::zones::Step;
use netlink::link::{self, Link};
use netlink::{LIST_BYTES, Socket, address, route};
use std::os::fd::AsFd;

/// How often a list is asked for that changes meanwhile.
const TRIES: usize = 5;

/// The socket of the namespace in which ports are before they are moved, and the one buffer.
pub(crate) struct Layer {
    outside: Socket,
    buffer: Vec<u8>,
}

impl Layer {
    pub fn new(outside: Socket) -> Self {
        Self { outside, buffer: vec![0; LIST_BYTES] }
    }

    fn ask(buffer: &mut [u8], socket: &Socket, request: &[u8]) -> Result<Vec<u8>, netlink::Fault> {
        let mut tries = 0;
        loop {
            match socket.ask(request, buffer) {
                Err(netlink::Fault::CHANGED) if tries < TRIES => tries += 1,
                answer => return Ok(buffer.get(..answer?).unwrap_or_default().to_vec()),
            }
        }
    }

    /// Lays one zone.
    pub fn lay(&mut self, space: &Space) -> Result<(), Fault> {
        let fault = |step| move |words| Fault { step, zone: space.zone.name.clone(), words };
        space.settings.iter().try_for_each(settings::Open::lay).map_err(fault(Step::Setting))?;
        let side = space.zone.port.as_ref().map(|port| port.side);
        let buffer = &mut self.buffer;
        let held = filters::lay(side, &mut |request| Self::ask(buffer, &space.filters, request)).map_err(fault(Step::Filter))?;
        let Some(port) = &space.zone.port else {
            // Nobody is there to talk to, not even itself.
            self.set_link(&space.routes, link::LO, "lo", false).map_err(fault(Step::Link))?;
            return self.nothing_else(space, None).map_err(fault(Step::Link));
        };
        self.set_link(&space.routes, link::LO, "lo", true).map_err(fault(Step::Link))?;
        let (link, moved) = self.port(space, port).map_err(fault(Step::Port))?;
        if port.side == Side::Ot && (held || moved) {
            self.set_link(&space.routes, link.index, &port.name, false).map_err(fault(Step::Link))?;
        }
        self.port_settings(space, port, link.index).map_err(fault(Step::Setting))?;
        self.addresses(space, port, link.index).map_err(fault(Step::Address))?;
        self.nothing_else(space, Some(link.index)).map_err(fault(Step::Link))?;
        if port.side == Side::Uplink {
            self.set_link(&space.routes, link.index, &port.name, true).map_err(fault(Step::Link))?;
        }
        self.routes(space, port, link.index).map_err(fault(Step::Route))
    }

    /// A zone has `lo` and its port. A third link might lead anywhere.
    fn nothing_else(&mut self, space: &Space, port: Option<u32>) -> Result<(), String> {
        let links = self.links(&space.routes)?;
        match links.iter().find(|link| link.index != link::LO && Some(link.index) != port) {
            None => Ok(()),
            Some(link) => Err(format!("{} is in it, which is not given: take it out (ip -n {} link del …)", link.name, space.zone.name)),
        }
    }

    fn links(&mut self, socket: &Socket) -> Result<Vec<Link>, String> {
        let answer = Self::ask(&mut self.buffer, socket, &link::list());
        Ok(link::links(&answer.map_err(|e| format!("links can't be listed: {e}"))?))
    }

    /// Sets a link up or down where it is not, and looks whether it is so then.
    fn set_link(&mut self, socket: &Socket, index: u32, name: &str, up: bool) -> Result<(), String> {
        let way = if up { "up" } else { "down" };
        let is_so = |layer: &mut Self| {
            let answer = Self::ask(&mut layer.buffer, socket, &link::get(index));
            answer.map(|answer| link::is_up(&answer) == Some(up)).map_err(|e| format!("{name} can't be read: {e}"))
        };
        if is_so(self)? {
            return Ok(());
        }
        Self::ask(&mut self.buffer, socket, &link::set(index, up)).map_err(|e| format!("{name} can't be set {way}: {e}"))?;
        if is_so(self)? { Ok(()) } else { Err(format!("{name} was set {way} and is not: is its driver all right?")) }
    }

    /// Finds the port in the zone, or moves it there. Whether it was moved.
    fn port(&mut self, space: &Space, port: &Port) -> Result<(Link, bool), String> {
        let name = &port.name;
        let here = |layer: &mut Self| Ok::<_, String>(layer.links(&space.routes)?.into_iter().find(|link| link.name == *name));
        if let Some(link) = here(self)? {
            return Ok((link, false));
        }
        let outside = Self::ask(&mut self.buffer, &self.outside, &link::list()).map_err(|e| format!("links can't be listed: {e}"))?;
        let outside = link::links(&outside);
        let Some(link) = outside.iter().find(|link| link.name == *name) else {
            let there: Vec<_> = outside.iter().map(|link| link.name.as_str()).filter(|name| *name != "lo").collect();
            let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
            return Err(format!("there is no port {name}, neither here nor outside (there: {there}): plug it in, or mend --port"));
        };
        let give = link::give(link.index, space.network.as_fd());
        Self::ask(&mut self.buffer, &self.outside, &give).map_err(|e| format!("{name} can't be moved here: {e}"))?;
        match here(self)? {
            Some(link) => Ok((link, true)),
            None => Err(format!("{name} was moved here and is not here: who else moves it?")),
        }
    }

    /// The port's own settings: it took them from the zone's when it came.
    fn port_settings(&mut self, space: &Space, port: &Port, index: u32) -> Result<(), String> {
        let answer = Self::ask(&mut self.buffer, &space.routes, &link::get(index)).map_err(|e| format!("{} can't be read: {e}", port.name))?;
        let wrong = settings::ALL.iter().find(|wanted| link::setting(&answer, wanted.of_port) != Some(wanted.value));
        match wrong {
            None => Ok(()),
            Some(wanted) => {
                let (name, is) = (wanted.name(&port.name), link::setting(&answer, wanted.of_port));
                Err(format!("{name} has to be {} and is {is:?}: start zones again, which sets it", wanted.value))
            }
        }
    }

    fn addresses(&mut self, space: &Space, port: &Port, index: u32) -> Result<(), String> {
        let here = |layer: &mut Self| {
            let answer = Self::ask(&mut layer.buffer, &space.routes, &address::list());
            let answer = answer.map_err(|e| format!("addresses can't be listed: {e}"))?;
            let mut here = address::addresses(&answer);
            here.retain(|address| address.index == index && address.global);
            Ok::<_, String>(here.into_iter().map(|address| (address.ip, address.prefix)).collect::<Vec<_>>())
        };
        let before = here(self)?;
        for (ip, bits) in before.iter().filter(|address| !port.addresses.contains(address)) {
            let done = Self::ask(&mut self.buffer, &space.routes, &address::remove(index, *ip, *bits));
            done.map_err(|e| format!("{ip}/{bits}, which is not given, can't be taken away: {e}"))?;
        }
        for (ip, bits) in port.addresses.iter().filter(|address| !before.contains(address)) {
            let done = Self::ask(&mut self.buffer, &space.routes, &address::add(index, *ip, *bits));
            done.map_err(|e| format!("{ip}/{bits} can't be given to {}: {e}: mend --address", port.name))?;
        }
        let after = here(self)?;
        let missing = port.addresses.iter().find(|address| !after.contains(address));
        match missing {
            None if after.len() == port.addresses.len() => Ok(()),
            None => Err(format!("{} has addresses that are not given: {after:?}", port.name)),
            Some((ip, bits)) => Err(format!("{ip}/{bits} was given to {} and is not there", port.name)),
        }
    }

    /// Routes need a link that is up: those of a port that is down come with the first laying after it is armed.
    fn routes(&mut self, space: &Space, port: &Port, index: u32) -> Result<(), String> {
        let answer = Self::ask(&mut self.buffer, &space.routes, &link::get(index)).map_err(|e| format!("{} can't be read: {e}", port.name))?;
        let wanted: Vec<route::Route> = match link::is_up(&answer) {
            Some(true) => port.routes.iter().map(|(to, gateway)| route::Route { to: *to, gateway: *gateway, index }).collect(),
            Some(false) | None => Vec::new(),
        };
        let here = |layer: &mut Self| {
            let answer = Self::ask(&mut layer.buffer, &space.routes, &route::list());
            Ok::<_, String>(route::routes(&answer.map_err(|e| format!("routes can't be listed: {e}"))?))
        };
        let words = |route: &route::Route| format!("the route to {}/{} via {}", route.to.0, route.to.1, route.gateway);
        let before = here(self)?;
        for route in before.iter().filter(|route| !wanted.contains(route)) {
            let done = Self::ask(&mut self.buffer, &space.routes, &route::remove(route));
            done.map_err(|e| format!("{}, which is not given, can't be taken away: {e}", words(route)))?;
        }
        for route in wanted.iter().filter(|route| !before.contains(route)) {
            let done = Self::ask(&mut self.buffer, &space.routes, &route::add(route));
            let mend = "is the gateway in a network of the port's? Mend --gateway or --route";
            done.map_err(|e| format!("{} can't be added: {e}: {mend}", words(route)))?;
        }
        let after = here(self)?;
        match wanted.iter().find(|route| !after.contains(route)).or_else(|| after.iter().find(|route| !wanted.contains(route))) {
            None => Ok(()),
            Some(route) => Err(format!("{} is not as it was laid: who else changes routes?", words(route))),
        }
    }
}
