//! One-time codes as an authenticator app makes them (RFC 6238: SHA-1, 30 s, 6 digits).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::time::{SystemTime, UNIX_EPOCH};

/// The code of a base32 seed, now.
pub fn code(seed: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0_u64);
    for character in seed.chars() {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(character).expect("base32");
        held = (held << 5 | value as u64) & 0xffff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(&bytes).expect("any length is a key");
    mac.update(&(now / 30).to_be_bytes());
    let sum = mac.finalize().into_bytes();
    let at = usize::from(sum[19] & 15);
    let word = u32::from_be_bytes([sum[at], sum[at + 1], sum[at + 2], sum[at + 3]]) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}
