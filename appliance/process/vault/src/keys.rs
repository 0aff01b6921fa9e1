//! The box's own keys: made once, each file whole or not there.

use crate::book;
use crate::disk::{Disk, replace};
use crate::secrets::{PLANT, SECRETS, StoreKey};
use ledger::SigningKey;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};
use zeroize::Zeroizing;

/// The Ed25519 seed that signs the ledger.
const BOX_KEY: &str = "box.key";
/// The SSH host key, OpenSSH's private form.
const HOST_KEY: &str = "host.key";
/// Stand-in for the key that a TPM seals.
const STORE_KEY: &str = "store.key";

/// All of them.
#[derive(Debug)]
pub struct Keys {
    /// Signs.
    pub box_key: SigningKey,
    /// OpenSSH's private form.
    pub host: Zeroizing<Vec<u8>>,
    /// Seals files.
    pub store: StoreKey,
}

fn fault(name: &str, error: &dyn std::fmt::Display) -> String {
    format!("{name}: {error}")
}

/// Reads a key of 32 bytes, or makes it where nothing yet depends on it.
fn seed(disk: &mut impl Disk, name: &str, used_by: &[&str]) -> Result<Zeroizing<[u8; 32]>, String> {
    if let Some(bytes) = disk.read(name).map_err(|e| fault(name, &e))? {
        let bytes = Zeroizing::new(bytes);
        let key = <[u8; 32]>::try_from(&bytes[..]).map_err(|_| format!("{name} is not 32 bytes: restore it"))?;
        return Ok(Zeroizing::new(key));
    }
    for used in used_by {
        let there = disk.read(used).map_err(|e| fault(used, &e))?.is_some_and(|bytes| !bytes.is_empty());
        if there {
            return Err(format!("{name} is missing, and {used} was made with it: restore it"));
        }
    }
    let mut key = Zeroizing::new([0; 32]);
    os::random(&mut key[..]);
    replace(disk, name, &key[..]).map_err(|e| fault(name, &e))?;
    Ok(key)
}

fn host(disk: &mut impl Disk) -> Result<Zeroizing<Vec<u8>>, String> {
    if let Some(bytes) = disk.read(HOST_KEY).map_err(|e| fault(HOST_KEY, &e))? {
        let bytes = Zeroizing::new(bytes);
        // The library's words would say back parts of the key.
        PrivateKey::from_openssh(&bytes[..]).map_err(|_| format!("{HOST_KEY} is no private key of OpenSSH's: restore it"))?;
        return Ok(bytes);
    }
    let mut seed = Zeroizing::new([0; 32]);
    os::random(&mut seed[..]);
    let pair = KeypairData::from(Ed25519Keypair::from_seed(&seed));
    let text = PrivateKey::new(pair, "dinlock").and_then(|key| key.to_openssh(LineEnding::LF));
    let text = text.map_err(|e| fault(HOST_KEY, &e))?;
    replace(disk, HOST_KEY, text.as_bytes()).map_err(|e| fault(HOST_KEY, &e))?;
    Ok(Zeroizing::new(text.as_bytes().to_vec()))
}

impl Keys {
    /// Reads the keys, or makes them on the first run.
    ///
    /// # Errors
    /// In words: the disk, a key that is no key, or one that is missing where others depend on it.
    pub fn load(disk: &mut impl Disk) -> Result<Self, String> {
        let first = format!("{}/000001.rows", book::FOLDER);
        let box_key = SigningKey::from_bytes(&*seed(disk, BOX_KEY, &[&first])?);
        let store = StoreKey::new(*seed(disk, STORE_KEY, &[SECRETS, PLANT])?);
        Ok(Self { box_key, host: host(disk)?, store })
    }
}
