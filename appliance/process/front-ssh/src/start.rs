//! Before the jail: what has to be read, built and set while system calls are still free.

use border::front::Answer;
use border::secrets;
use codec::Wire;
use entry::Descriptors;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::Config;
use russh::{MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex, mac};
use std::borrow::Cow;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// All that serving needs.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) runtime: Runtime,
    pub(crate) control: OwnedFd,
    pub(crate) secrets: OwnedFd,
    pub(crate) connection: TcpStream,
    pub(crate) config: Arc<Config>,
    pub(crate) banner: String,
}

/// Receives the setup, the host key and the connection, and builds the runtime.
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
    let secrets = descriptors.take("secrets");
    let handover = descriptors.take("handover");
    let (setup, _) = receive::<Answer>(control.as_fd(), "broker")?;
    let Answer::Setup { banner, peer: _ } = setup else {
        return Err(format!("broker: message {} before Setup", setup.name()));
    };
    let key = host_key(secrets.as_fd())?;
    let connection = connection(handover.as_fd())?;
    let config = Arc::new(config(key));
    Ok(Prepared { runtime, control, secrets, connection, config, banner: banner.to_string() })
}

fn receive<T: Wire>(fd: BorrowedFd<'_>, peer: &str) -> Result<(T, Vec<OwnedFd>), String> {
    let mut buffer = vec![0; border::MESSAGE_BYTES_MAX];
    let received =
        os::seqpacket::recv(fd, &mut buffer).map_err(|error| format!("{peer}: {error}"))?;
    if received.len == 0 {
        return Err(format!("{peer}: closed before it said anything"));
    }
    let message = codec::decode(&buffer[..received.len]);
    // The message may have been a private key.
    buffer.fill(0);
    Ok((message.map_err(|error| format!("{peer}: {error}"))?, received.fds))
}

fn host_key(vault: BorrowedFd<'_>) -> Result<PrivateKey, String> {
    let request = codec::encode(&secrets::Request::HostKey);
    os::seqpacket::send(vault, &request, &[]).map_err(|error| format!("vault: {error}"))?;
    let (answer, _) = receive::<secrets::Answer>(vault, "vault")?;
    let secrets::Answer::HostKey { key } = answer else {
        return Err("vault: something else than the host key".to_owned());
    };
    let mut key = key.into_vec();
    let parsed = PrivateKey::from_openssh(&key).map_err(|error| format!("host key: {error}"));
    key.fill(0);
    parsed
}

fn connection(handover: BorrowedFd<'_>) -> Result<TcpStream, String> {
    let mut buffer = [0; 64];
    let mut received = os::seqpacket::recv(handover, &mut buffer)
        .map_err(|error| format!("handover: {error}"))?;
    let fd = received.fds.pop().ok_or("handover: no connection came")?;
    let stream = TcpStream::from(fd);
    let set = stream.set_nodelay(true).and_then(|()| stream.set_nonblocking(true));
    set.map_err(|error| format!("operator's connection: {error}"))?;
    Ok(stream)
}

/// How the box speaks SSH to operators: modern algorithms only; AES-GCM first, since it is the fastest by
/// far. Fuzzed as it is.
pub fn config(key: PrivateKey) -> Config {
    let preferred = Preferred {
        kex: Cow::Borrowed(&[
            kex::MLKEM768X25519_SHA256,
            kex::CURVE25519,
            kex::CURVE25519_PRE_RFC_8731,
            kex::EXTENSION_SUPPORT_AS_SERVER,
            kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
        ]),
        key: Cow::Borrowed(&[Algorithm::Ed25519]),
        host_key_certificates: Cow::Borrowed(&[]),
        cipher: Cow::Borrowed(&[
            cipher::AES_256_GCM,
            cipher::AES_128_GCM,
            cipher::CHACHA20_POLY1305,
        ]),
        mac: Cow::Borrowed(&[mac::HMAC_SHA256_ETM]),
        compression: Cow::Borrowed(&[compression::NONE]),
    };
    let methods = [MethodKind::PublicKey, MethodKind::KeyboardInteractive];
    Config {
        server_id: SshId::Standard("SSH-2.0-Dinlock".into()),
        methods: MethodSet::from(&methods[..]),
        auth_rejection_time: Duration::from_secs(1),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key],
        window_size: crate::handler::WINDOW,
        maximum_packet_size: 32 * 1024,
        event_buffer_size: 64,
        preferred,
        max_auth_attempts: 6,
        // The mediator knows the person's idle limit; a quiet connection is no fault.
        inactivity_timeout: None,
        keepalive_interval: Some(Duration::from_secs(30)),
        keepalive_max: 3,
        nodelay: true,
        ..Config::default()
    }
}
