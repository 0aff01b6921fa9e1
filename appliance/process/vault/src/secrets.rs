//! Secrets at rest: one sealed file, replaced as a whole.

use crate::disk::{Disk, replace};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use codec::{Bytes, List, Text, wire_struct};
use std::{fmt, io};
use zeroize::{Zeroize, Zeroizing};

/// The file of secrets.
pub const SECRETS: &str = "secrets";
/// The file of the plant.
pub const PLANT: &str = "plant";
/// The file of the blocks.
pub const BLOCKS: &str = "blocks";
const NONCE: usize = 12;
const TAG: usize = 16;

/// Why a sealed file can't be used.
#[derive(Debug)]
pub enum SealError {
    /// The disk.
    Disk(io::Error),
    /// It was not sealed by this box, or it was changed; its name.
    Changed(&'static str),
    /// More than the file's form holds; what.
    Full(&'static str),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => write!(f, "the disk does not take it: {error}"),
            Self::Changed(name) => write!(f, "the file {name} was changed, or store.key is of another box: restore both"),
            Self::Full(what) => write!(f, "there are too many {what}: remove some first"),
        }
    }
}

impl std::error::Error for SealError {}

/// Seals the vault's files. The key's bytes lie in locked memory.
pub struct StoreKey(Box<[u8; 32]>);

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreKey")
    }
}

impl Drop for StoreKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl StoreKey {
    /// The key in `bytes`.
    pub fn new(mut bytes: [u8; 32]) -> Self {
        let mut key = Box::new(bytes);
        bytes.zeroize();
        // A limit of zero is the image's mistake, which the policy's own check names.
        let _ = os::memory::lock_key(&mut key[..]);
        Self(key)
    }

    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.0[..]).expect("the key is of the right length"))
    }

    /// Seals `plain` for the file `name` and replaces it, whole or not at all.
    ///
    /// # Errors
    /// Those of the disk; the old file then still counts.
    pub fn store(&self, disk: &mut impl Disk, name: &'static str, plain: &[u8]) -> Result<(), SealError> {
        let mut nonce = [0; NONCE];
        // 2^32 random nonces are within NIST SP 800-38D 8.3; a file is replaced far less often.
        os::random(&mut nonce);
        let mut sealed = plain.to_vec();
        self.cipher()
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name.as_bytes()), &mut sealed)
            .expect("a file is below the limit of the cipher");
        let file = [&nonce[..], &sealed].concat();
        replace(disk, name, &file).map_err(SealError::Disk)
    }

    /// Opens the file `name`; `None` if there is none.
    ///
    /// # Errors
    /// [`SealError::Changed`] for any other bytes than those that were stored under this name.
    pub fn load(&self, disk: &impl Disk, name: &'static str) -> Result<Option<Zeroizing<Vec<u8>>>, SealError> {
        let Some(mut file) = disk.read(name).map_err(SealError::Disk)? else { return Ok(None) };
        let Some((nonce, sealed)) = file.split_first_chunk_mut::<NONCE>() else {
            return Err(SealError::Changed(name));
        };
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.cipher().open_in_place(nonce, Aad::from(name.as_bytes()), sealed);
        let length = opened.map_err(|_| SealError::Changed(name))?.len();
        debug_assert!(length + TAG + NONCE == file.len());
        let plain = Zeroizing::new(file[NONCE..NONCE + length].to_vec());
        file.zeroize();
        Ok(Some(plain))
    }
}

wire_struct! {
    /// A password as kept: Argon2id (RFC 9106) with its own cost.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Password {
        /// Random.
        pub salt: [u8; 16],
        /// The hash.
        pub hash: [u8; 32],
        /// Memory in KiB.
        pub memory_kib: u32,
        /// Passes.
        pub passes: u32,
    }
}

wire_struct! {
    /// What a person proves themselves with.
    #[derive(Debug, Clone, PartialEq)]
    pub struct PersonSecret {
        /// Id.
        pub person: Text<32>,
        /// Password.
        pub password: Option<Password>,
        /// Seed of one-time codes.
        pub totp: Option<Bytes<64>>,
        /// The last step whose code was used: it and those before it are refused.
        pub used_step: u64,
        /// PIN for the console.
        pub pin: Option<Password>,
    }
}

wire_struct! {
    /// A machine's secret.
    #[derive(Debug, Clone, PartialEq)]
    pub struct TargetSecret {
        /// Name, as the plant file calls it.
        pub name: Text<32>,
        /// A password or a private key.
        pub value: Bytes<16384>,
    }
}

wire_struct! {
    /// The file's contents.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Contents {
        /// People.
        pub people: List<PersonSecret, 1024>,
        /// Machines.
        pub targets: List<TargetSecret, 4096>,
    }
}

/// All secrets, in memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Secrets {
    people: Vec<PersonSecret>,
    targets: Vec<TargetSecret>,
}

impl Secrets {
    /// Reads the file; nothing yet is no secret.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn load(key: &StoreKey, disk: &impl Disk) -> Result<Self, SealError> {
        let Some(plain) = key.load(disk, SECRETS)? else { return Ok(Self::default()) };
        let contents: Contents = codec::decode(&plain).map_err(|_| SealError::Changed(SECRETS))?;
        Ok(Self { people: contents.people.into_vec(), targets: contents.targets.into_vec() })
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// [`SealError`]; the old file then still counts.
    pub fn store(&self, key: &StoreKey, disk: &mut impl Disk) -> Result<(), SealError> {
        let people = List::new(self.people.clone()).map_err(|_| SealError::Full("people"))?;
        let targets = List::new(self.targets.clone()).map_err(|_| SealError::Full("secrets of targets"))?;
        let plain = Zeroizing::new(codec::encode(&Contents { people, targets }));
        key.store(disk, SECRETS, &plain)
    }

    /// A machine's secret.
    pub fn target(&self, name: &str) -> Option<&[u8]> {
        self.targets.iter().find(|t| *t.name == *name).map(|t| &t.value[..])
    }

    /// A person's secrets.
    pub fn person(&self, person: &str) -> Option<&PersonSecret> {
        self.people.iter().find(|p| *p.person == *person)
    }

    /// Sets a machine's secret.
    pub fn set_target(&mut self, name: &Text<32>, value: Bytes<16384>) {
        self.targets.retain(|t| t.name != *name);
        self.targets.push(TargetSecret { name: name.clone(), value });
    }

    /// Sets what is given of a person's secrets, and leaves the rest.
    pub fn set_person(&mut self, person: &Text<32>, password: Option<Password>, totp: Option<Bytes<64>>) {
        let entry = self.entry(person);
        entry.password = password.or(entry.password.take());
        if totp.is_some() {
            // Steps that were used stay used: they are in the past for another seed, too.
            entry.totp = totp;
        }
    }

    /// Replaces a person's PIN.
    pub fn set_pin(&mut self, person: &Text<32>, pin: Password) {
        self.entry(person).pin = Some(pin);
    }

    /// The code of `step` was used.
    pub fn set_used(&mut self, person: &Text<32>, step: u64) {
        let entry = self.entry(person);
        entry.used_step = entry.used_step.max(step);
    }

    /// Takes over which codes were used: one that was used stays so, whatever else changes.
    pub fn keep_used(&mut self, other: &Self) {
        for person in other.people.iter().filter(|person| person.used_step > 0) {
            self.set_used(&person.person, person.used_step);
        }
    }

    /// Overwrites what can be overwritten: for copies.
    pub fn wipe(&mut self) {
        for person in &mut self.people {
            if let Some(seed) = person.totp.take() {
                seed.into_vec().zeroize();
            }
        }
        for target in self.targets.drain(..) {
            target.value.into_vec().zeroize();
        }
    }

    fn entry(&mut self, person: &Text<32>) -> &mut PersonSecret {
        let found = self.people.iter().position(|p| p.person == *person);
        let index = found.unwrap_or_else(|| {
            self.people.push(PersonSecret { person: person.clone(), password: None, totp: None, used_step: 0, pin: None });
            self.people.len() - 1
        });
        &mut self.people[index]
    }
}
