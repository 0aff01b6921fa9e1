//! A machine that misbehaves, for tests of the box's machine side: `fake-machine MANNER ADDRESS:PORT`.
//!
//! It listens where a test put it (the plant's namespace), sends what its manner says to who comes,
//! and ends by itself after two minutes. It never dials.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

/// Longer than any test that uses it.
const LIFE: Duration = Duration::from_secs(120);
const VERSION: &[u8] = b"SSH-2.0-fake\r\n";

/// A well-formed first message of a key exchange (RFC 4253 7.1).
fn key_exchange_init() -> Vec<u8> {
    let lists = ["curve25519-sha256", "ssh-ed25519", "aes128-ctr", "aes128-ctr", "hmac-sha2-256", "hmac-sha2-256", "none", "none", "", ""];
    let mut payload = vec![20];
    payload.extend([7; 16]);
    for list in lists {
        payload.extend(u32::try_from(list.len()).expect("short").to_be_bytes());
        payload.extend(list.as_bytes());
    }
    payload.extend([0; 5]);
    let padding = 4 + (8 - (payload.len() + 9) % 8) % 8;
    let mut packet = u32::try_from(payload.len() + padding + 1).expect("short").to_be_bytes().to_vec();
    packet.push(u8::try_from(padding).expect("below 16"));
    packet.extend(payload);
    packet.extend(vec![0; padding]);
    packet
}

/// Reads until the peer leaves.
fn wait(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while matches!(stream.read(&mut buffer), Ok(count) if count > 0) {}
}

/// Sends these bytes and leaves, once the peer's version has come: a reset would take them away.
fn say_and_leave(mut stream: TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    wait(stream);
    Ok(())
}

fn behave(manner: &str, mut stream: TcpStream) -> std::io::Result<()> {
    match manner {
        "hang" => wait(stream),
        "close-after-version" => say_and_leave(stream, VERSION)?,
        "close-after-kexinit" => say_and_leave(stream, &[VERSION, &key_exchange_init()].concat())?,
        "huge-packet" => {
            stream.write_all(&[VERSION, &[0xff; 4], &[0; 64]].concat())?;
            wait(stream);
        }
        "endless-lines" => loop {
            stream.write_all(&b"no version yet\r\n".repeat(64))?;
        },
        _ => {}
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [manner, address] = arguments.as_slice() else {
        eprintln!("fake-machine MANNER ADDRESS:PORT");
        return ExitCode::FAILURE;
    };
    let listener = match TcpListener::bind(address) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("fake-machine: {address}: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("listening");
    std::thread::spawn(|| {
        std::thread::sleep(LIFE);
        std::process::exit(0);
    });
    for stream in listener.incoming().flatten() {
        let manner = manner.clone();
        std::thread::spawn(move || behave(&manner, stream));
    }
    ExitCode::SUCCESS
}
