//! One request to the box, and its reply.

use border::MESSAGE_BYTES_MAX;
use border::admin::{Reply, Request};
use os::{memfd, seqpacket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The longest document that a box gives out in one piece.
const DOCUMENT_BYTES_MAX: usize = 1 << 31;

/// Where the box is.
pub struct BoxSocket {
    path: PathBuf,
}

impl BoxSocket {
    /// The box behind this socket.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf() }
    }

    /// Asks, with a document if the request takes one.
    pub fn ask(&self, request: &Request, document: Option<&[u8]>) -> Result<(Reply, Vec<OwnedFd>), String> {
        self.begin(request, document)?.reply()
    }

    /// Asks for something that is answered in two steps.
    pub fn open(&self, request: &Request) -> Result<Asked, String> {
        self.begin(request, None)
    }

    fn begin(&self, request: &Request, document: Option<&[u8]>) -> Result<Asked, String> {
        let socket = seqpacket::connect(&self.path)
            .map_err(|e| format!("no box answers at {}: {e}; is it running, and are you its administrator?", self.path.display()))?;
        let sealed = document.map(|bytes| memfd::sealed(bytes, "document")).transpose().map_err(|e| e.to_string())?;
        let fds: Vec<BorrowedFd<'_>> = sealed.iter().map(AsFd::as_fd).collect();
        seqpacket::send(socket.as_fd(), &codec::encode(request), &fds).map_err(|e| format!("can't ask the box: {e}"))?;
        Ok(Asked(socket))
    }

    /// Asks for something that is done or refused.
    pub fn order(&self, request: &Request, document: Option<&[u8]>) -> Result<(), String> {
        match self.ask(request, document)?.0 {
            Reply::Done { text } => {
                println!("{text}");
                Ok(())
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Asks for documents.
    pub fn documents(&self, request: &Request) -> Result<Vec<Vec<u8>>, String> {
        match self.ask(request, None)? {
            (Reply::Document, fds) => fds
                .iter()
                .map(|fd| memfd::read_sealed(fd.as_fd(), DOCUMENT_BYTES_MAX).map_err(|e| format!("document: {e}")))
                .collect(),
            (other, _) => Err(unexpected(&other)),
        }
    }
}

/// A request that is being answered.
pub struct Asked(OwnedFd);

impl Asked {
    /// The next reply, with its descriptors; one that refuses is the error.
    pub fn reply(&self) -> Result<(Reply, Vec<OwnedFd>), String> {
        let mut buffer = vec![0; MESSAGE_BYTES_MAX];
        let received = seqpacket::recv(self.0.as_fd(), &mut buffer).map_err(|e| format!("no reply: {e}"))?;
        if received.len == 0 {
            return Err("the box closed the connection without a reply; its log says why".into());
        }
        let reply = codec::decode(&buffer[..received.len]).map_err(|e| format!("the reply is not of this version: {e}"))?;
        match reply {
            Reply::Refused { text } => Err(text.to_string()),
            other => Ok((other, received.fds)),
        }
    }
}

/// A reply that does not belong to what was asked.
pub fn unexpected(reply: &Reply) -> String {
    format!("the box answered {} to that; box and dinlock are not of one version", reply.name())
}
