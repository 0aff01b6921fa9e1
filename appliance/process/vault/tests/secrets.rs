//! The file of secrets is the old one or the new one, whatever a power cut tears.

mod common;

use codec::{Bytes, Text};
use common::{FakeDisk, Random};
use vault::disk::Disk;
use vault::keys::Keys;
use vault::secrets::{Secrets, StoreKey};

fn key() -> StoreKey {
    StoreKey::new([3; 32])
}

fn with(value: u8) -> Secrets {
    let mut secrets = Secrets::default();
    secrets.set_target(&Text::new("plc").unwrap(), Bytes::new(vec![value; 3000]).unwrap());
    secrets
}

/// Whether a cut after `fuse` operations leaves the old or the new secrets.
fn torn(seed: u64, without_syncs: bool) -> bool {
    let mut random = Random(seed);
    let mut disk = FakeDisk::default();
    with(1).store(&key(), &mut disk).unwrap();
    disk.without_syncs = without_syncs;
    disk.fuse = Some(random.below(7));
    let done = with(2).store(&key(), &mut disk).is_ok();
    match Secrets::load(&key(), &disk.cut(&mut random)) {
        Ok(found) => found == with(2) || (!done && found == with(1)),
        Err(_) => false,
    }
}

#[test]
fn a_torn_write_leaves_the_old_secrets_or_the_new_ones() {
    assert!((0..500).all(|seed| torn(seed, false)));
}

#[test]
fn without_syncs_it_does_not() {
    assert!(!(0..500).all(|seed| torn(seed, true)));
}

#[test]
fn a_changed_file_or_another_key_opens_nothing() {
    let mut disk = FakeDisk::default();
    with(1).store(&key(), &mut disk).unwrap();
    assert!(Secrets::load(&StoreKey::new([4; 32]), &disk).is_err());
    for at in [0, 11, 12, 1000] {
        let mut other = disk.clone();
        other.tamper("secrets", |bytes| bytes[at] ^= 1);
        assert!(Secrets::load(&key(), &other).is_err(), "byte {at}");
    }
    disk.tamper("secrets", |bytes| bytes.truncate(5));
    assert!(Secrets::load(&key(), &disk).is_err());
}

#[test]
fn first_run_keys_survive_a_cut_or_were_never_there() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let mut disk = FakeDisk { fuse: Some(random.below(20)), ..FakeDisk::default() };
        let first = Keys::load(&mut disk).map(|keys| keys.box_key.to_bytes());
        let again = Keys::load(&mut disk.cut(&mut random)).unwrap();
        if let Ok(first) = first {
            assert_eq!(again.box_key.to_bytes(), first);
        }
    }
}

#[test]
fn a_key_that_others_depend_on_is_never_made_anew() {
    let mut disk = FakeDisk::default();
    with(1).store(&key(), &mut disk).unwrap();
    let why = Keys::load(&mut disk).unwrap_err();
    assert!(why.contains("store.key is missing"), "{why}");
}

#[test]
fn a_broken_host_key_is_named_and_not_said_back() {
    // A key whose cipher is called SECRETSECRETSECR: what stands there may be any part of a key.
    let broken = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAAEFNFQ1JFVFNFQ1JFVFNFQ1IAAAAAAAAAAA==\n-----END OPENSSH PRIVATE KEY-----\n";
    let mut disk = FakeDisk::default();
    disk.write("host.key", broken).unwrap();
    let why = Keys::load(&mut disk).unwrap_err();
    assert!(why.contains("host.key") && !why.contains("SECRET") && !why.contains(char::is_control), "{why}");
}
