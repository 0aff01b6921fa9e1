//! `dinlock person` and `dinlock secret`: what the vault keeps and the plant file only names.

use crate::box_socket::BoxSocket;
use crate::{plant, private_key, table};
use border::Name;
use border::admin::Request;
use clap::Subcommand;
use codec::Bytes;
use serde_json::json;
use std::fs;
use std::io::{IsTerminal, Read};
use std::os::fd::AsFd;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// What can be done with people.
#[derive(Subcommand)]
pub enum Person {
    /// The people of the plant file.
    List,
    /// Sets login secrets.
    Set {
        /// The person.
        person: String,
        /// Seed of the one-time codes, base32.
        #[arg(long)]
        totp: Option<String>,
        /// Password.
        #[arg(long)]
        password: Option<String>,
        /// PIN for the console at the box: 6 to 12 digits, asked for, or read from standard input.
        #[arg(long)]
        pin: bool,
    },
}

/// What can be done with machines' secrets.
#[derive(Subcommand)]
pub enum Secret {
    /// The secrets that the plant file names.
    List,
    /// Puts one into the vault.
    Set {
        /// Its name in the plant file.
        name: String,
        /// The file that holds it: a private key, or a password in one line.
        #[arg(long)]
        file: PathBuf,
    },
}

/// A name as the borders carry it.
pub fn name(text: &str) -> Result<Name, String> {
    Name::new(text).map_err(|e| format!("{text}: {e}"))
}

/// RFC 4648 base32 without padding.
fn base32(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for character in text.trim_end_matches('=').chars() {
        let value = match character.to_ascii_uppercase() {
            letter @ 'A'..='Z' => letter as u32 - 'A' as u32,
            digit @ '2'..='7' => digit as u32 - '2' as u32 + 26,
            other => return Err(format!("--totp: {other:?} is not base32 (A-Z, 2-7)")),
        };
        held = held << 5 | value;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits & 0xff) as u8);
        }
    }
    Ok(out)
}

/// Does it for people.
pub fn person(socket: &BoxSocket, verb: Person, json: bool) -> Result<(), String> {
    match verb {
        Person::List => {
            let plant = plant::of_box(socket)?;
            if json {
                let rows = plant.people.iter().map(|p| json!({"id": p.id.to_string(), "name": p.name.as_str(), "employer": p.employer.as_str()}));
                println!("{}", serde_json::Value::Array(rows.collect()));
            } else {
                let rows = plant.people.iter().map(|p| vec![p.id.to_string(), p.name.to_string(), p.employer.to_string(), p.telephone.to_string()]);
                table::print(&["id", "name", "employer", "telephone"], &rows.collect::<Vec<_>>());
            }
            Ok(())
        }
        Person::Set { person, totp: None, password: None, pin: true } => set_pin(socket, &person),
        Person::Set { pin: true, .. } => Err("--pin stands alone: set the other secrets by a call of their own".into()),
        Person::Set { person, totp, password, pin: false } => {
            let totp = totp.as_deref().map(base32).transpose()?.map(Bytes::new).transpose().map_err(|e| format!("--totp: {e}"))?;
            let password = password.map(|p| Bytes::new(p.into_bytes())).transpose().map_err(|e| format!("--password: {e}"))?;
            socket.order(&Request::SetPerson { person: name(&person)?, password, totp }, None)
        }
    }
}

/// Asks for it twice where somebody types it.
fn set_pin(socket: &BoxSocket, person: &str) -> Result<(), String> {
    let person = name(person)?;
    let pin = secret_line(&format!("PIN of {person} (6 to 12 digits): "))?;
    if !(6..=12).contains(&pin.len()) || !pin.iter().all(u8::is_ascii_digit) {
        return Err("a PIN has 6 to 12 digits".into());
    }
    if std::io::stdin().is_terminal() && *secret_line("once more: ")? != *pin {
        return Err("the two are not the same; nothing was changed".into());
    }
    let pin = Bytes::new(pin.to_vec()).map_err(|e| format!("the PIN: {e}"))?;
    socket.order(&Request::SetPin { person, pin }, None)
}

/// One line of standard input, which a terminal does not show.
pub fn secret_line(prompt: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let stdin = std::io::stdin();
    let fault = |e: std::io::Error| format!("standard input: {e}");
    let before = if stdin.is_terminal() {
        eprint!("{prompt}");
        Some(os::tty::raw(stdin.as_fd()).map_err(fault)?)
    } else {
        None
    };
    let mut line = Zeroizing::new(Vec::with_capacity(256));
    let read = loop {
        let mut byte = [0];
        match stdin.lock().read(&mut byte) {
            Ok(0) => break Ok(()),
            Ok(_) if matches!(byte[0], b'\r' | b'\n') => break Ok(()),
            Ok(_) if before.is_some() && matches!(byte[0], 0x03 | 0x1b) => break Err("nothing was changed".to_owned()),
            Ok(_) if before.is_some() && matches!(byte[0], 0x08 | 0x7f) => drop(line.pop()),
            Ok(_) if line.len() < 256 => line.push(byte[0]),
            Ok(_) => {}
            Err(e) => break Err(fault(e)),
        }
    };
    if let Some(before) = before {
        os::tty::set(stdin.as_fd(), &before).map_err(fault)?;
        eprintln!();
    }
    read.map(|()| line)
}

/// What the plant file says that a secret is.
fn kind_of(plant: &model::Plant, secret: &str) -> Option<model::SecretKind> {
    let mut accounts = plant.targets.iter().flat_map(|target| target.accounts.iter());
    accounts.find(|account| account.secret.as_str() == secret).map(|account| account.secret_kind)
}

/// Does it for machines' secrets.
pub fn secret(socket: &BoxSocket, verb: Secret, json: bool) -> Result<(), String> {
    match verb {
        Secret::List => {
            let plant = plant::of_box(socket)?;
            let named = plant.targets.iter().flat_map(|t| t.accounts.iter().map(move |a| (a.secret.to_string(), t.id.to_string())));
            if json {
                let rows = named.map(|(secret, target)| json!({"secret": secret, "target": target}));
                println!("{}", serde_json::Value::Array(rows.collect()));
            } else {
                table::print(&["secret", "target"], &named.map(|(s, t)| vec![s, t]).collect::<Vec<_>>());
            }
            Ok(())
        }
        Secret::Set { name: secret, file } => {
            let bytes = Zeroizing::new(fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?);
            let wanted = plant::of_box(socket).ok().and_then(|plant| kind_of(&plant, &secret));
            let value = private_key::checked(&bytes, wanted).map_err(|why| format!("{}: {why}", file.display()))?;
            let value = Bytes::new(value).map_err(|e| format!("{}: {e}", file.display()))?;
            socket.order(&Request::SetSecret { name: name(&secret)?, value }, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::base32;

    #[test]
    fn base32_reads_the_vectors_of_rfc_4648() {
        assert_eq!(base32("MZXW6YTBOI======").unwrap(), b"foobar");
        assert_eq!(base32("mzxw6").unwrap(), b"foo");
        assert!(base32("MZXW1").unwrap_err().contains("'1'"));
    }
}
