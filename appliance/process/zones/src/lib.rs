//! Lays the box's zones: namespaces, settings, base filters, ports, addresses, routes. At its start, and anew
//! whenever the guardian asks.
//!
//! It must never arm: OT ports are left down, and the cut's chains dropping, wherever it had to make something
//! anew; and never cut: what is right is left alone. It reads back all that it did. It parses nothing but its
//! command line and the kernel's answers. Proof: `tests/lay.rs`, `tests/faults.rs`, `tests/border.rs`; taken
//! over, `proof/breakout/tests/zones.rs`.

mod fault;
mod filters;
mod lay;
mod options;
mod settings;
mod space;

use border::Guard;
use border::zones::{Event, ORDERS, Order, Phase};
use entry::{Descriptors, Process};
use fault::Fault;
use lay::Layer;
use netlink::{Family, Socket};
use os::seqpacket;
use space::Space;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

/// More than the longest order.
const ORDER_BYTES_MAX: usize = 64;

/// The whole process.
pub fn run() -> ExitCode {
    entry::run(Process { name: "zones", policy: include_str!("../sandbox.policy") }, prepare, serve)
}

struct Zones {
    guardian: Option<OwnedFd>,
    ready: Option<OwnedFd>,
    layer: Layer,
    spaces: Vec<Space>,
}

/// What needs files, mounts and namespaces: all of them are opened here.
fn prepare(descriptors: &mut Descriptors) -> Result<Zones, String> {
    let (guardian, ready) = (descriptors.take_optional("guardian"), descriptors.take_optional("ready"));
    let zones = options::read(std::env::args().skip(1))?;
    let outside = Socket::open(Family::Route).map_err(|e| format!("no netlink socket: {e}"))?;
    match space::open_all(zones) {
        Ok(spaces) => Ok(Zones { guardian, ready, layer: Layer::new(outside), spaces }),
        Err(fault) => {
            tell(guardian.as_ref(), Event::Failed { step: fault.step }).ok();
            Err(fault.to_string())
        }
    }
}

fn serve(mut zones: Zones) -> ExitCode {
    match zones.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("zones: {why}");
            ExitCode::FAILURE
        }
    }
}

fn tell(guardian: Option<&OwnedFd>, event: Event) -> Result<(), String> {
    let Some(guardian) = guardian else { return Ok(()) };
    seqpacket::send(guardian.as_fd(), &codec::encode(&event), &[]).map_err(|e| format!("the guardian does not listen: {e}"))
}

impl Zones {
    /// Lays, and serves the guardian until it is gone. Without one it lays once.
    fn run(&mut self) -> Result<(), String> {
        let laid = self.lay();
        if self.guardian.is_none() {
            return laid.map_err(|fault| fault.to_string());
        }
        self.report(laid)?;
        let mut guard = Guard::new(ORDERS, Phase::Open);
        while let Some(order) = self.order(&mut guard)? {
            match order {
                Order::Lay => {
                    let laid = self.lay();
                    self.report(laid)?;
                }
            }
        }
        Ok(())
    }

    fn lay(&mut self) -> Result<(), Fault> {
        self.spaces.iter().try_for_each(|space| self.layer.lay(space))?;
        // Nobody need wait for it.
        if let Some(ready) = self.ready.take() {
            File::from(ready).write_all(b"r").ok();
        }
        Ok(())
    }

    fn report(&self, laid: Result<(), Fault>) -> Result<(), String> {
        let event = match laid {
            Ok(()) => Event::Laid,
            Err(fault) => {
                eprintln!("zones: {fault}");
                Event::Failed { step: fault.step }
            }
        };
        tell(self.guardian.as_ref(), event)
    }

    /// The next order; none when the guardian is gone.
    fn order(&self, guard: &mut Guard<Phase>) -> Result<Option<Order>, String> {
        let Some(guardian) = &self.guardian else { return Ok(None) };
        let mut buffer = [0; ORDER_BYTES_MAX];
        let received = match seqpacket::recv(guardian.as_fd(), &mut buffer) {
            Ok(received) => received,
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => return Ok(None),
            Err(e) => return Err(format!("the guardian's socket: {e}")),
        };
        if received.len == 0 {
            return Ok(None);
        }
        if !received.fds.is_empty() {
            return Err("the guardian sent a descriptor, which no order has".to_owned());
        }
        let order: Order = codec::decode(&buffer[..received.len]).map_err(|e| format!("malformed order from the guardian: {e}"))?;
        guard.pass(order.name()).map_err(|e| format!("from the guardian: {e}"))?;
        Ok(Some(order))
    }
}
