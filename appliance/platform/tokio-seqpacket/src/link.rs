//! One seqpacket descriptor in async code.

use codec::{Malformed, Wire};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Why a border's socket can't be used any longer.
#[derive(Debug)]
pub enum LinkError {
    /// The system call failed.
    Io(io::Error),
    /// The peer sent bytes that are no message of this border.
    Malformed(Malformed),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "socket: {error}"),
            Self::Malformed(malformed) => write!(f, "malformed message: {malformed}"),
        }
    }
}

impl std::error::Error for LinkError {}

/// How long a send waits before it tries a full queue again. Credit keeps queues from filling, and the
/// kernel would report room each time the peer takes a message: a wake-up for each that was sent.
const FULL: Duration = Duration::from_millis(1);

/// A border's socket, registered with the runtime that is current when it is made.
#[derive(Debug)]
pub struct Link {
    fd: AsyncFd<OwnedFd>,
}

impl Link {
    /// Takes a seqpacket socket and makes it non-blocking.
    ///
    /// # Errors
    /// The system's error if the descriptor can't be polled.
    #[expect(deprecated, reason = "its successor is unsafe for types that may lie about their descriptor; OwnedFd can't")]
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        os::seqpacket::set_nonblocking(fd.as_fd(), true)?;
        Ok(Self { fd: AsyncFd::with_interest(fd, Interest::READABLE)? })
    }

    /// Sends one message without descriptors; waits while the peer's queue is full.
    ///
    /// # Errors
    /// The system's error; `BrokenPipe` or `ConnectionReset` when the peer is gone.
    pub async fn send<T: Wire>(&self, message: &T) -> io::Result<()> {
        self.send_bytes(&codec::encode(message)).await
    }

    /// Sends one encoded message; waits while the peer's queue is full.
    ///
    /// # Errors
    /// As [`Link::send`].
    pub async fn send_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        loop {
            match os::seqpacket::send(self.fd.get_ref().as_fd(), bytes, &[]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::time::sleep(FULL).await,
                sent => return sent,
            }
        }
    }

    /// Receives one message with its descriptors; `None` when the peer is gone.
    ///
    /// # Errors
    /// [`LinkError`] if the socket failed or the bytes are no `T`: the caller ends the peer.
    pub async fn recv<T: Wire>(
        &self,
        buffer: &mut Buffer,
    ) -> Result<Option<(T, Vec<OwnedFd>)>, LinkError> {
        let recv = |fd: &OwnedFd| os::seqpacket::recv(fd.as_fd(), &mut buffer.0);
        let received = match self.fd.async_io(Interest::READABLE, recv).await {
            Ok(received) if received.len == 0 => return Ok(None),
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            Err(error) => return Err(LinkError::Io(error)),
        };
        let message = codec::decode(&buffer.0[..received.len]).map_err(LinkError::Malformed)?;
        Ok(Some((message, received.fds)))
    }
}

/// Room for one message of any border, used again for each.
#[derive(Debug)]
pub struct Buffer(Vec<u8>);

impl Default for Buffer {
    fn default() -> Self {
        Self(vec![0; border::MESSAGE_BYTES_MAX])
    }
}
