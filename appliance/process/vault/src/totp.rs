//! One-time codes (RFC 6238: HMAC-SHA-1, steps of 30 s).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Seconds of a step.
pub const STEP_S: u64 = 30;

/// The code of a step, with so many digits (RFC 4226 5.3).
pub fn code(seed: &[u8], step: u64, digits: u32) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(seed).expect("HMAC takes keys of any length");
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash[19] & 15);
    let word = [hash[offset] & 0x7f, hash[offset + 1], hash[offset + 2], hash[offset + 3]];
    let number = u32::from_be_bytes(word) % 10_u32.pow(digits);
    format!("{number:0width$}", width = digits as usize)
}

/// The step whose six digits these are: this one, the one before or after, and later than
/// `used_step`. Compares all three whatever the first ones say.
pub fn matching_step(seed: &[u8], typed: &str, unix_s: u64, used_step: u64) -> Option<u64> {
    let now = unix_s / STEP_S;
    let mut found = None;
    for step in now.saturating_sub(1)..=now + 1 {
        let same = same(code(seed, step, 6).as_bytes(), typed.trim().as_bytes());
        if same && step > used_step {
            found = found.or(Some(step));
        }
    }
    found
}

/// Compares in a time that does not depend on the contents.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}
