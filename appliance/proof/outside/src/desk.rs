//! The guardian's desk, as `dinlock cutoff` and the console use it.

use border::desk::{Reply, Request};
use guard::State;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// One place at it.
#[derive(Debug)]
pub struct Desk(OwnedFd);

impl Desk {
    /// Takes a place.
    ///
    /// # Errors
    /// The kernel's: no guardian runs.
    pub fn at(socket: &Path) -> io::Result<Self> {
        os::seqpacket::connect(socket).map(Self)
    }

    /// How it stands.
    ///
    /// # Errors
    /// If it sends us away, or is gone.
    pub fn look(&self) -> io::Result<State> {
        self.ask(&Request::Look)
    }

    /// Cuts everything off; how it stands then.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub fn cut(&self) -> io::Result<State> {
        self.ask(&Request::Cut { console: false })
    }

    fn ask(&self, request: &Request) -> io::Result<State> {
        os::seqpacket::send(self.0.as_fd(), &codec::encode(request), &[])?;
        let mut buffer = [0; 1024];
        let got = os::seqpacket::recv(self.0.as_fd(), &mut buffer)?;
        if got.len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Reply::Is { state, .. } = codec::decode(&buffer[..got.len]).map_err(io::Error::other)?;
        Ok(state)
    }
}
