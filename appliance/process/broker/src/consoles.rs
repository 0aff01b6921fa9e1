//! The shell's side of the consoles: their sockets, and the pair over which one PIN goes to the vault.

use crate::core::{Core, Input};
use crate::peers::{ConsolePeer, Peer};
use crate::shell::{Shell, send};
use border::console::{Phase, REQUESTS, Reply, Request};
use border::{Guard, Name};
use os::seqpacket;
use std::os::fd::{AsFd, OwnedFd};

/// Consoles at once: the box's own, and those that administrators attach.
const CONSOLES_MAX: usize = 8;

impl Shell {
    pub(crate) fn accept_console(&mut self) -> Result<(), String> {
        let Ok(socket) = seqpacket::accept(self.console_door.as_fd()) else { return Ok(()) };
        if self.consoles.len() >= CONSOLES_MAX {
            return Ok(());
        }
        let client = self.next_client;
        self.next_client += 1;
        let token = self.peers.token(Peer::Console(client));
        let watched = seqpacket::set_nonblocking(socket.as_fd(), true)
            .and_then(|()| self.poll.add(socket.as_fd(), token, true, false));
        if watched.is_ok() {
            self.consoles.insert(client, ConsolePeer { socket, guard: Guard::new(REQUESTS, Phase::Open) });
        }
        Ok(())
    }

    pub(crate) fn console_asked(&mut self, client: u64, request: Request) -> Result<(), String> {
        let Some(peer) = self.consoles.get_mut(&client) else { return Ok(()) };
        peer.guard.pass(request.name()).map_err(|e| e.to_string())?;
        self.feed(Input::Console { client, request })
    }

    /// It left, or broke its border: its starter starts it again.
    pub(crate) fn drop_console(&mut self, client: u64) -> Result<(), String> {
        if let Some(peer) = self.consoles.remove(&client) {
            self.poll.remove(peer.socket.as_fd()).ok();
            self.peers.forget(Peer::Console(client));
            self.feed(Input::ConsoleGone(client))?;
        }
        Ok(())
    }

    /// A console that does not read is as good as gone.
    pub(crate) fn tell_console(&mut self, client: u64, reply: &Reply, fds: &[OwnedFd]) -> Result<(), String> {
        match self.consoles.get(&client).map(|peer| send(peer.socket.as_fd(), reply, fds)) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(_)) => self.drop_console(client),
        }
    }

    /// The console's end goes first: the PIN waits in the pair until the vault has the other.
    pub(crate) fn ask_pin(&mut self, ticket: u64, person: Name, client: u64) -> Result<(), String> {
        let (ours, theirs) = seqpacket::pair().map_err(|e| format!("socketpair: {e}"))?;
        self.tell_console(client, &Reply::Asked, &[theirs])?;
        self.act(Core::pin_asked(ticket, person, ours))
    }
}
