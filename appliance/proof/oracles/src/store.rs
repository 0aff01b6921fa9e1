//! What the vault reads back from its disk, and one-time codes.

use std::collections::BTreeMap;
use std::io;
use vault::disk::Disk;
use vault::keys::Keys;
use vault::secrets::{SECRETS, SealError, Secrets, StoreKey};
use vault::totp::{STEP_S, code, matching_step};

/// A disk that forgets nothing.
#[derive(Debug, Default, Clone)]
struct Shelf(BTreeMap<String, Vec<u8>>);

impl Disk for Shelf {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(name).cloned())
    }
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let below = |name: &String| Some(name.strip_prefix(folder)?.trim_start_matches('/').to_owned());
        Ok(self.0.keys().filter_map(below).collect())
    }
    fn make_folder(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.entry(name.to_owned()).or_default().extend_from_slice(bytes);
        Ok(())
    }
    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        self.0.entry(name.to_owned()).or_default().truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(())
    }
    fn sync(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let bytes = self.0.remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.0.insert(to.to_owned(), bytes);
        Ok(())
    }
    fn sync_folder(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn done(&mut self, _: &str) {}
    fn free_bytes(&self) -> io::Result<u64> {
        Ok(1 << 40)
    }
}

/// A sealed file that was changed is refused; contents behind a right seal are read, or refused too.
///
/// # Panics
/// If a property does not hold.
pub fn sealed(bytes: &[u8]) {
    let key = StoreKey::new([9; 32]);
    let mut shelf = Shelf(BTreeMap::from([(SECRETS.to_owned(), bytes.to_vec())]));
    assert!(matches!(Secrets::load(&key, &shelf), Err(SealError::Changed(_))), "a file that nobody sealed is read");
    key.store(&mut shelf, SECRETS, bytes).expect("a shelf takes it");
    match Secrets::load(&key, &shelf) {
        Err(why) => crate::shown::line(&why.to_string()),
        Ok(secrets) => {
            secrets.store(&key, &mut shelf).expect("a shelf takes it");
            assert!(Secrets::load(&key, &shelf).is_ok_and(|again| again == secrets), "other secrets come back");
        }
    }
    let file = shelf.0.get_mut(SECRETS).expect("it was stored");
    let at = bytes.iter().fold(7_usize, |sum, &b| sum.rotate_left(5) ^ usize::from(b)) % file.len();
    file[at] ^= 1;
    assert!(matches!(Secrets::load(&key, &shelf), Err(SealError::Changed(_))), "a changed file is read");
}

/// Contents of the file of secrets.
pub fn sealed_seeds() -> Vec<Vec<u8>> {
    crate::messages::vault_secrets::seeds()
}

/// Any bytes as the box's SSH host key, which is a foreign parser's.
///
/// # Panics
/// If a property does not hold.
pub fn host_key(bytes: &[u8]) {
    let mut shelf = Shelf(BTreeMap::from([("host.key".to_owned(), bytes.to_vec())]));
    match Keys::load(&mut shelf) {
        Ok(keys) => assert!(*keys.host == bytes, "another host key"),
        Err(why) => crate::shown::line(&why),
    }
}

/// A host key as the vault makes one. Chance is the system's: the key differs in each run.
pub fn host_key_seeds() -> Vec<Vec<u8>> {
    let mut shelf = Shelf::default();
    let keys = Keys::load(&mut shelf).expect("a new box makes its keys");
    let one_line = keys.host.split(|&b| b == b'\n').collect::<Vec<_>>().concat();
    vec![keys.host.to_vec(), one_line]
}

/// A code is right only if it is that of a step around now which was not used.
///
/// # Panics
/// If a property does not hold.
pub fn one_time(bytes: &[u8]) {
    let Some((&[seed, back, used], rest)) = bytes.split_first_chunk::<3>() else { return };
    let Some((now, typed)) = rest.split_first_chunk::<8>() else { return };
    let (seed, now) = ([seed; 20], u64::from_le_bytes(*now));
    let used = (now / STEP_S).saturating_sub(u64::from(used % 4));
    let typed = String::from_utf8_lossy(typed);
    if let Some(step) = matching_step(&seed, &typed, now, used) {
        assert!(step > used && step.abs_diff(now / STEP_S) <= 1, "a code of another time, or a used one");
        assert!(code(&seed, step, 6) == typed.trim(), "another code is right");
    }
    let step = (now / STEP_S).saturating_sub(u64::from(back % 4));
    let right = matching_step(&seed, &code(&seed, step, 6), now, used).is_some();
    // A code of six digits may be that of another step too.
    assert!(right || step <= used || now / STEP_S - step > 1, "a right code is refused");
}

/// Typed codes at odd moments.
pub fn one_time_seeds() -> Vec<Vec<u8>> {
    let seed = |now: u64, typed: &str| [&[1, 1, 2][..], &now.to_le_bytes(), typed.as_bytes()].concat();
    let right = code(&[1; 20], 1_700_000_000 / STEP_S, 6);
    vec![seed(1_700_000_000, &right), seed(0, "000000"), seed(u64::MAX, " 123456 "), seed(29, "")]
}
