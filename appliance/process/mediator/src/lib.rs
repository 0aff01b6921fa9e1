//! The room between the two doors of one session.
//!
//! Every typed message of a session goes through here: it is checked against its border and its
//! channel's own order, filtered, recorded, held back until its record is in the vault's hand, timed.
//! It must never pass a message that is out of turn, never release input whose record the vault does
//! not hold, and never outlive the session's deadline by more than a second, nor the box's guardian. The rules are in
//! [`room`], which does no I/O; [`shell`] does only I/O. Proof: `tests/` (`time.rs`, `order.rs`,
//! `hold.rs`, `sandbox.rs`, and `sockets.rs` over real sockets).

pub mod room;
pub mod shell;
pub mod wire;

use std::os::fd::OwnedFd;
use std::process::ExitCode;
use zeroize::Zeroizing;

/// What the room is started with: its four sockets, the guardian's lifeline, and fresh random bytes.
#[derive(Debug)]
pub struct Prepared {
    /// The broker's socket.
    pub control: OwnedFd,
    /// The operator's side.
    pub front: OwnedFd,
    /// The machine's side.
    pub back: OwnedFd,
    /// The vault's side.
    pub record: OwnedFd,
    /// A pipe that the guardian holds open: it ends when the guardian does.
    pub lifeline: OwnedFd,
    /// The session key, in locked memory.
    pub key: SessionKey,
}

/// The session key. It is wiped when dropped, and never shown.
pub struct SessionKey(pub Box<Zeroizing<[u8; 32]>>);

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionKey")
    }
}

/// Makes the session key and takes the sockets; runs before the sandbox.
///
/// # Errors
/// In words, if the key's page can't be locked.
pub fn prepare(fds: &mut entry::Descriptors) -> Result<Prepared, String> {
    let mut key = Box::new(Zeroizing::new([0_u8; 32]));
    os::memory::lock_key(&mut key[..])
        .map_err(|error| format!("the session key can't be locked in memory: {error}; raise RLIMIT_MEMLOCK"))?;
    os::random(&mut key[..]);
    Ok(Prepared {
        control: fds.take("control"),
        front: fds.take("front"),
        back: fds.take("back"),
        record: fds.take("record"),
        lifeline: fds.take("lifeline"),
        key: SessionKey(key),
    })
}

/// Runs the session to its end; success if it ended as the rules say.
pub fn serve(prepared: Prepared) -> ExitCode {
    match shell::run(prepared) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("mediator: {why}");
            ExitCode::FAILURE
        }
    }
}
