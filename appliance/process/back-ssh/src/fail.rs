//! Failures of reaching a machine, in words for the operator.

use crate::yard::Yard;
use border::Line;
use border::machine::{Event, Step};

/// One failure: where, why, and what mends it.
#[derive(Debug)]
pub struct Failure {
    step: Step,
    cause: String,
    mend: String,
}

impl Failure {
    fn new(step: Step, cause: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { step, cause: cause.into(), mend: mend.into() }
    }

    /// As the broker hears it.
    pub fn event(self) -> Event {
        Event::Failed { step: self.step, cause: Line::cut(self.cause), mend: Line::cut(self.mend) }
    }
}

/// Version and key exchange, or the host key in them, failed.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library's own list, open-ended")]
pub fn exchange(yard: &Yard, error: &russh::Error) -> Failure {
    if let Some(unpinned) = yard.lock().unpinned.take() {
        let target = &yard.setup.target;
        let mend = format!("if this is right: dinlock target trust {target} '{}'", unpinned.key);
        return Failure::new(Step::HostKey, unpinned.cause, mend);
    }
    let (cause, mend) = match error {
        russh::Error::NoCommonAlgo { kind, theirs, .. } => (
            format!("the machine offers no {kind:?} algorithm that is allowed; it offers {}", theirs.join(", ")),
            "update the machine, or name one of these under `legacy_algorithms` of this target".to_owned(),
        ),
        russh::Error::PacketSize(size) => (
            format!("the machine sent a packet of {size} bytes, which SSH does not allow"),
            "check that the address and port are an SSH server's".to_owned(),
        ),
        russh::Error::Version => (
            "the machine did not answer as an SSH server".to_owned(),
            "check the port of this target".to_owned(),
        ),
        russh::Error::HUP | russh::Error::Disconnect | russh::Error::IO(_) => (
            "the machine closed the connection during key exchange".to_owned(),
            "check its SSH service and its limit of parallel logins".to_owned(),
        ),
        other => (
            format!("key exchange failed: {other}"),
            "check the machine's SSH service".to_owned(),
        ),
    };
    Failure::new(Step::KeyExchange, cause, mend)
}

/// The machine took the connection and went quiet.
pub fn exchange_hung() -> Failure {
    let mend = "check the machine's SSH service; it may be hung or overloaded";
    Failure::new(Step::KeyExchange, "no key exchange within 15 s", mend)
}

/// The login went quiet.
pub fn login_hung() -> Failure {
    let mend = "check the machine's SSH service and its account database";
    Failure::new(Step::Login, "the machine did not answer the login within 15 s", mend)
}

/// The vault has nothing for this target.
pub fn no_credential(yard: &Yard) -> Failure {
    let target = &yard.setup.target;
    Failure::new(Step::Login, "no credential is stored", format!("dinlock secret set for target {target}"))
}

/// What the vault has is neither a key nor a password.
pub fn bad_secret(yard: &Yard) -> Failure {
    let target = &yard.setup.target;
    Failure::new(Step::Login, "the stored credential can't be read", format!("store it again for target {target}: an OpenSSH private key without passphrase, or a password"))
}

/// The machine said no.
pub fn rejected(yard: &Yard, user: &str) -> Failure {
    let cause = format!("the machine refused the stored credential of account {user}");
    let mend = format!("store the right one for target {}, or allow the account on the machine", yard.setup.target);
    Failure::new(Step::Login, cause, mend)
}

/// The connection broke during login.
pub fn login_broke(error: &russh::Error) -> Failure {
    let mend = "check the machine's SSH service and its log";
    Failure::new(Step::Login, format!("the connection broke during login: {error}"), mend)
}
