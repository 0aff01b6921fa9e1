//! The console's sockets: one PIN each, for the person whom the broker named.

use crate::checking::Ask;
use crate::hall::Hall;
use crate::rooms::Got;
use border::vault::{Event, Pin};
use border::{Guard, Name, secrets};
use std::os::fd::OwnedFd;
use std::sync::mpsc::Sender;
use zeroize::Zeroizing;

/// Sockets on which a PIN is awaited at once; a console that asks for more waits for none.
pub const ASKED_MAX: usize = 8;

/// One of them.
#[derive(Debug)]
pub struct Asked {
    ticket: u64,
    person: Name,
    socket: OwnedFd,
    guard: Guard<secrets::Phase>,
}

impl Hall {
    pub(crate) fn open_pin(&mut self, ticket: u64, person: Name, socket: OwnedFd) {
        let room = self.pins.len() < ASKED_MAX;
        match self.watch(&socket) {
            Ok(token) if room => {
                let guard = Guard::new(secrets::REQUESTS, secrets::Phase::Pin);
                self.pins.insert(token, Asked { ticket, person, socket, guard });
            }
            Ok(_) | Err(_) => self.tell(&Event::PinChecked { ticket, pin: Pin::NotGiven }, vec![]),
        }
    }

    /// One message, then it is closed whatever came.
    pub(crate) fn hear_pin(&mut self, token: u64, ask: &Sender<Ask>) {
        let Some(mut asked) = self.pins.remove(&token) else { return };
        let ticket = asked.ticket;
        let message = match self.receive::<secrets::Request>(&asked.socket) {
            Got::Nothing => {
                self.pins.insert(token, asked);
                return;
            }
            Got::Message(message) if asked.guard.pass(message.name()).is_ok() => Some(message),
            Got::Message(_) | Got::Closed | Got::Broken(_) => None,
        };
        match message {
            Some(secrets::Request::Pin { pin }) => {
                let typed = Zeroizing::new(pin.into_vec());
                let _ = ask.send(Ask::Pin { ticket, person: asked.person, typed });
            }
            Some(secrets::Request::HostKey | secrets::Request::Check { .. }) | None => {
                self.tell(&Event::PinChecked { ticket, pin: Pin::NotGiven }, vec![]);
            }
        }
    }
}
