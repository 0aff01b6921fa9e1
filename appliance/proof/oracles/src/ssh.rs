//! The SSH library on both sides, up to the key exchange: all that a stranger can send it.

use russh::keys::PublicKeyOrCertificate;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData, PrivateKey};
use russh::{Error, client, server};
use std::future::Future;
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{join, sink};

/// Nobody is let in, and no machine is known.
struct Nobody;

impl server::Handler for Nobody {
    type Error = Error;
}

impl client::Handler for Nobody {
    type Error = Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Error> {
        Ok(false)
    }
}

/// Runs one connection, which must end when its input does; a panic in a task of the library is one here.
fn ends(connection: impl Future<Output = Result<(), Error>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let ended = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(9), connection).await });
    let ended = ended.expect("a connection ends when its input does");
    // A task that panics leaves no result to join.
    assert!(!matches!(ended, Err(Error::Join(_))), "the library panics");
}

/// What an operator's client sends before the box knows who it is.
///
/// # Panics
/// If the library panics, or does not end.
pub fn operator(bytes: &[u8]) {
    let pair = KeypairData::from(Ed25519Keypair::from_seed(&[3; 32]));
    let key = PrivateKey::new(pair, "dinlock").expect("a seed is a key");
    let config = Arc::new(front_ssh::config(key));
    let stream = join(Cursor::new(bytes.to_vec()), sink());
    ends(async { server::run_stream(config, stream, Nobody).await?.await });
}

/// What a machine sends before it is known to be the pinned one.
///
/// # Panics
/// If the library panics, does not end, or takes the machine for a known one.
pub fn machine(bytes: &[u8]) {
    let old = ["diffie-hellman-group14-sha1", "aes128-cbc", "hmac-sha1", "ssh-rsa"];
    let preferred = back_ssh::preferred(old.into_iter()).expect("these are old ones");
    let config = Arc::new(back_ssh::config(preferred));
    let stream = join(Cursor::new(bytes.to_vec()), sink());
    ends(async {
        let connected = client::connect_stream(config, stream, Nobody).await;
        connected.map(|_| panic!("an unknown machine is let in"))
    });
}

/// A packet in clear (RFC 4253 6).
fn packet(payload: &[u8]) -> Vec<u8> {
    let padding = 8 - (payload.len() + 5) % 8 + 4;
    let length = (payload.len() + padding + 1) as u32;
    [&length.to_be_bytes()[..], &[padding as u8], payload, &vec![0; padding]].concat()
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

/// KEXINIT (RFC 4253 7.1) with one name in each list.
fn offer(kex: &str, cipher: &str) -> Vec<u8> {
    let lists = [kex, "ssh-ed25519", cipher, cipher, "hmac-sha2-256-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", "none", "none", "", ""];
    let lists: Vec<u8> = lists.iter().flat_map(|list| string(list.as_bytes())).collect();
    packet(&[&[20][..], &[7; 16], &lists, &[0; 5]].concat())
}

/// Key exchanges up to their end, and what ends them earlier.
fn seeds(second: &[u8]) -> Vec<Vec<u8>> {
    let version = b"SSH-2.0-OpenSSH_9.9\r\n";
    let offers = [
        ("curve25519-sha256", "aes256-gcm@openssh.com"),
        ("diffie-hellman-group-exchange-sha256", "aes128-ctr"),
        ("mlkem768x25519-sha256", "chacha20-poly1305@openssh.com"),
        ("diffie-hellman-group14-sha1", "aes128-cbc"),
        ("rot13", "none"),
    ];
    let whole = |(kex, cipher): (&str, &str)| [&version[..], &offer(kex, cipher), &packet(second), &packet(&[21])].concat();
    let mut out: Vec<Vec<u8>> = offers.map(whole).to_vec();
    out.push([&version[..], &[0xff; 4], &[0; 40]].concat());
    out.push([&version[..], &packet(&[1, 0, 0, 0, 2]), &packet(&[2]), &packet(&[3, 0, 0, 0, 1])].concat());
    out.push([&b"hello\r\nSSH-1.99-old\n"[..], &offers.map(|(kex, cipher)| offer(kex, cipher)).concat()].concat());
    out
}

/// Clients.
pub fn operator_seeds() -> Vec<Vec<u8>> {
    seeds(&[&[30][..], &string(&[9; 32])].concat())
}

/// Machines: key, their half, a signature.
pub fn machine_seeds() -> Vec<Vec<u8>> {
    let key = [string(b"ssh-ed25519"), string(&[9; 32])].concat();
    let signature = [string(b"ssh-ed25519"), string(&[1; 64])].concat();
    let mut out = seeds(&[&[31][..], &string(&key), &string(&[9; 32]), &string(&signature)].concat());
    // A group of the machine's choice (RFC 4419).
    out.extend(seeds(&[&[31][..], &string(&[0x7f; 256]), &string(&[2])].concat()));
    out
}
