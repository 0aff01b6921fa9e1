//! Before the jail: what has to be read, built and set while system calls are still free.

use crate::yard::Setup;
use border::machine::Order;
use border::secrets::{Answer, Kind};
use codec::Wire;
use entry::Descriptors;
use russh::client::Config;
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};
use russh::{Preferred, SshId, cipher, compression, kex, mac};
use std::borrow::Cow;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How to log in.
pub(crate) struct Credential {
    pub(crate) user: String,
    pub(crate) kind: Kind,
    pub(crate) secret: Vec<u8>,
}

/// All that serving needs.
pub struct Prepared {
    pub(crate) runtime: Runtime,
    pub(crate) control: OwnedFd,
    pub(crate) stream: OwnedFd,
    pub(crate) connection: TcpStream,
    pub(crate) config: Arc<Config>,
    pub(crate) setup: Setup,
    pub(crate) credential: Option<Credential>,
}

/// Receives the setup, the credential and the connection, and builds the runtime.
///
/// # Errors
/// What is missing or wrong, in one line.
pub fn prepare(descriptors: &mut Descriptors) -> Result<Prepared, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| format!("runtime: {error}"))?;
    let control = descriptors.take("control");
    let stream = descriptors.take("stream");
    let order = receive::<Order>(control.as_fd(), "broker")?;
    let Order::Setup { target, host_keys, legacy } = order.ok_or("broker: closed before Setup")?;
    let mut pins = Vec::new();
    for line in host_keys.iter() {
        let pin = PublicKey::from_openssh(line);
        pins.push(pin.map_err(|error| format!("pinned host key of {target}: {error}"))?);
    }
    let preferred = preferred(legacy.iter().map(|name| name.as_str()))?;
    let secrets = descriptors.take("secrets");
    let credential = match receive::<Answer>(secrets.as_fd(), "vault")? {
        Some(Answer::Credential { user, kind, secret }) => {
            Some(Credential { user: user.to_string(), kind, secret: secret.into_vec() })
        }
        Some(Answer::NoCredential { .. }) | None => None,
        Some(Answer::HostKey { .. }) => return Err("vault: a host key for a back".to_owned()),
    };
    let handover = descriptors.take("handover");
    let connection = connection(handover.as_fd())?;
    let config = Arc::new(config(preferred));
    let setup = Setup { target, pins };
    Ok(Prepared { runtime, control, stream, connection, config, setup, credential })
}

fn receive<T: Wire>(fd: BorrowedFd<'_>, peer: &str) -> Result<Option<T>, String> {
    let mut buffer = vec![0; border::MESSAGE_BYTES_MAX];
    let received =
        os::seqpacket::recv(fd, &mut buffer).map_err(|error| format!("{peer}: {error}"))?;
    if received.len == 0 {
        return Ok(None);
    }
    let message = codec::decode(&buffer[..received.len]);
    // The message may have been a credential.
    buffer.fill(0);
    message.map(Some).map_err(|error| format!("{peer}: {error}"))
}

fn connection(handover: BorrowedFd<'_>) -> Result<TcpStream, String> {
    let mut buffer = [0; 64];
    let mut received = os::seqpacket::recv(handover, &mut buffer)
        .map_err(|error| format!("handover: {error}"))?;
    let stream = TcpStream::from(received.fds.pop().ok_or("handover: no connection came")?);
    let set = stream.set_nodelay(true).and_then(|()| stream.set_nonblocking(true));
    set.map_err(|error| format!("machine's connection: {error}"))?;
    Ok(stream)
}

/// Modern algorithms, then exactly the old ones that are named.
///
/// # Errors
/// In words, the name that is no old algorithm.
pub fn preferred<'a>(legacy: impl Iterator<Item = &'a str>) -> Result<Preferred, String> {
    let mut kexes = vec![
        kex::MLKEM768X25519_SHA256,
        kex::CURVE25519,
        kex::CURVE25519_PRE_RFC_8731,
        kex::ECDH_SHA2_NISTP256,
        kex::ECDH_SHA2_NISTP384,
        kex::ECDH_SHA2_NISTP521,
        kex::DH_G16_SHA512,
        kex::DH_G18_SHA512,
        kex::DH_GEX_SHA256,
    ];
    let curves = [EcdsaCurve::NistP256, EcdsaCurve::NistP384, EcdsaCurve::NistP521];
    let mut keys = vec![Algorithm::Ed25519];
    keys.extend(curves.map(|curve| Algorithm::Ecdsa { curve }));
    keys.extend([HashAlg::Sha512, HashAlg::Sha256].map(|hash| Algorithm::Rsa { hash: Some(hash) }));
    let mut ciphers = vec![
        cipher::AES_256_GCM,
        cipher::AES_128_GCM,
        cipher::CHACHA20_POLY1305,
        cipher::AES_256_CTR,
        cipher::AES_128_CTR,
    ];
    let mut macs =
        vec![mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM, mac::HMAC_SHA256, mac::HMAC_SHA512];
    for name in legacy {
        if let Ok(known) = kex::Name::try_from(name).and_then(real_kex) {
            kexes.push(known);
        } else if let Ok(known) = cipher::Name::try_from(name).and_then(real_cipher) {
            ciphers.push(known);
        } else if let Ok(known) = mac::Name::try_from(name).and_then(real_mac) {
            macs.push(known);
        } else if name == "ssh-rsa" {
            keys.push(Algorithm::Rsa { hash: None });
        } else {
            return Err(format!("legacy algorithm {name:?} is not known; remove it from the plant file"));
        }
    }
    kexes.push(kex::EXTENSION_SUPPORT_AS_CLIENT);
    kexes.push(kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT);
    Ok(Preferred {
        kex: Cow::Owned(kexes),
        key: Cow::Owned(keys),
        host_key_certificates: Cow::Borrowed(&[]),
        cipher: Cow::Owned(ciphers),
        mac: Cow::Owned(macs),
        compression: Cow::Borrowed(&[compression::NONE]),
    })
}

/// Old is one thing, none at all another: no plant file can switch encryption off.
fn real_cipher(name: cipher::Name) -> Result<cipher::Name, ()> {
    if name == cipher::NONE || name == cipher::CLEAR { Err(()) } else { Ok(name) }
}

fn real_kex(name: kex::Name) -> Result<kex::Name, ()> {
    if name == kex::NONE { Err(()) } else { Ok(name) }
}

fn real_mac(name: mac::Name) -> Result<mac::Name, ()> {
    if name == mac::NONE { Err(()) } else { Ok(name) }
}

/// How the box speaks SSH to machines. Fuzzed as it is.
pub fn config(preferred: Preferred) -> Config {
    Config {
        client_id: SshId::Standard("SSH-2.0-Dinlock".into()),
        window_size: 2 * 1024 * 1024,
        maximum_packet_size: 32 * 1024,
        preferred,
        inactivity_timeout: None,
        // Answers are not read while the operator takes no output, so the library must not count
        // them; `serve` watches for silence itself.
        keepalive_interval: Some(Duration::from_secs(30)),
        keepalive_max: 0,
        nodelay: true,
        ..Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(preferred: &Preferred) -> Vec<&str> {
        let kex = preferred.kex.iter().map(AsRef::as_ref);
        kex.chain(preferred.cipher.iter().map(AsRef::as_ref))
            .chain(preferred.mac.iter().map(AsRef::as_ref))
            .collect()
    }

    #[test]
    fn nothing_old_is_offered_unless_named() {
        let preferred = preferred([].into_iter()).unwrap();
        for old in ["diffie-hellman-group14-sha1", "aes128-cbc", "hmac-sha1", "none"] {
            assert!(!names(&preferred).contains(&old), "{old}");
        }
        assert!(!preferred.key.contains(&Algorithm::Rsa { hash: None }));
    }

    #[test]
    fn exactly_what_is_named_is_added() {
        let old = ["diffie-hellman-group14-sha1", "aes128-cbc", "hmac-sha1", "ssh-rsa"];
        let (some, none) = (preferred(old.into_iter()).unwrap(), preferred([].into_iter()).unwrap());
        assert_eq!(names(&some).len(), names(&none).len() + 3);
        assert!(some.key.contains(&Algorithm::Rsa { hash: None }));
    }

    #[test]
    fn no_encryption_is_no_legacy_algorithm() {
        for name in ["clear", "none", "rot13", ""] {
            assert!(preferred([name].into_iter()).is_err(), "{name}");
        }
    }
}
