//! Passwords and one-time codes: the same work, and the same answer, for a wrong name and a wrong
//! secret.

use crate::secrets::{Password, Secrets};
use crate::totp;
use argon2::{Algorithm, Argon2, Params, Version};
use border::vault::Pin;
use codec::{Bytes, Text};
use policy::tries::{Limits, Origin, Tries};
use std::net::IpAddr;

/// Memory of a hash in KiB: OWASP's second choice for Argon2id, since the box is small.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes.
const PASSES: u32 = 2;
/// The wait after the first wrong PIN, in µs; it doubles up to the lockout.
const PIN_FIRST_US: u64 = 1_000_000;
/// What a refused login is told, whatever was wrong.
pub const REFUSED: &str = "the name, the password or the code is wrong";

/// One thing to check.
#[derive(Debug)]
pub struct Question {
    /// Who they say they are.
    pub person: Text<32>,
    /// What they typed.
    pub password: Option<Bytes<256>>,
    /// What they typed.
    pub code: Option<Text<16>>,
    /// Whether this login needs the password.
    pub wants_password: bool,
    /// Whether this login needs the code.
    pub wants_code: bool,
    /// From where.
    pub source: IpAddr,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The password was asked for, and right.
    pub password: bool,
    /// The code was asked for, and right.
    pub code: bool,
    /// Why not; empty if all that was asked for is right.
    pub why: String,
    /// The step to remember as used.
    pub used_step: Option<u64>,
}

/// Checks one login after another.
pub struct Checker {
    tries: Tries,
    /// Of PINs: whoever fails from afar keeps nobody out at the box.
    pins: Tries,
    dummy: Password,
    runs: u64,
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checker after {} hashes", self.runs)
    }
}

/// The limits of failed logins that a plant names.
pub fn limits(plant: &model::Limits) -> Limits {
    let lockout_us = u64::from(plant.lockout_s) * 1_000_000;
    let doublings = u32::from(plant.tries_before_lockout.saturating_sub(1)).min(40);
    Limits { first_us: (lockout_us >> doublings).max(1), lockout_us, ..Limits::default() }
}

impl Checker {
    /// A checker that has seen no failure.
    pub fn new(limits: Limits) -> Self {
        let mut salt = [0; 16];
        os::random(&mut salt);
        let dummy = Password { salt, hash: [0; 32], memory_kib: MEMORY_KIB, passes: PASSES };
        // A slip at the keys of the box waits a second; who goes on guessing waits as long as from afar.
        let pins = Tries::new(Limits { first_us: limits.first_us.min(PIN_FIRST_US), ..limits });
        Self { tries: Tries::new(limits), pins, dummy, runs: 0 }
    }

    /// How many password hashes were computed.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// The password as it is kept.
    pub fn hash(&mut self, typed: &[u8]) -> Password {
        let mut kept = Password { salt: [0; 16], ..self.dummy.clone() };
        os::random(&mut kept.salt);
        kept.hash = self.run(&kept, typed);
        kept
    }

    fn run(&mut self, kept: &Password, typed: &[u8]) -> [u8; 32] {
        self.runs += 1;
        let mut out = [0; 32];
        let params = Params::new(kept.memory_kib, kept.passes, 1, Some(32)).expect("costs are those of this file");
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(typed, &kept.salt, &mut out)
            .expect("a password is below 4 GiB, a salt above 8 bytes");
        out
    }

    /// Checks one login at `now_us` of a clock that does not jump, and `unix_s` of the wall clock.
    pub fn check(&mut self, ask: &Question, secrets: &Secrets, now_us: u64, unix_s: u64) -> Verdict {
        let origin = Origin::Network(ask.source);
        if let Err(wait) = self.tries.may_try(now_us, &ask.person, origin) {
            return Verdict { password: false, code: false, why: wait.to_string(), used_step: None };
        }
        let known = secrets.person(&ask.person);
        // One hash and three codes each time, needed or not.
        let kept = known.and_then(|p| p.password.clone());
        let typed = ask.password.as_deref().unwrap_or_default();
        let against = kept.clone().unwrap_or_else(|| self.dummy.clone());
        let same = totp::same(&self.run(&against, typed), &against.hash);
        let password = same && kept.is_some() && ask.password.is_some();
        let seed = known.and_then(|p| p.totp.as_deref());
        let used = known.map_or(0, |p| p.used_step);
        let typed = ask.code.as_deref().unwrap_or_default();
        let step = totp::matching_step(seed.unwrap_or(&self.dummy.salt), typed, unix_s, used);
        let step = step.filter(|_| seed.is_some() && ask.code.is_some());
        let right = (password || !ask.wants_password)
            && (step.is_some() || !ask.wants_code)
            && (ask.wants_password || ask.wants_code);
        if !right {
            self.tries.failed(now_us, &ask.person, origin);
            return Verdict { password: false, code: false, why: REFUSED.to_owned(), used_step: None };
        }
        self.tries.succeeded(&ask.person);
        Verdict {
            password: ask.wants_password,
            code: ask.wants_code,
            why: String::new(),
            used_step: step.filter(|_| ask.wants_code),
        }
    }
    /// Checks a PIN of the console at `now_us` of a clock that does not jump.
    pub fn check_pin(&mut self, person: &Text<32>, typed: &[u8], secrets: &Secrets, now_us: u64) -> Pin {
        if let Err(wait) = self.pins.may_try(now_us, person, Origin::Pin) {
            let seconds = wait.until_us.saturating_sub(now_us).div_ceil(1_000_000);
            return Pin::Wait { seconds: u32::try_from(seconds).unwrap_or(u32::MAX) };
        }
        let Some(kept) = secrets.person(person).and_then(|known| known.pin.clone()) else { return Pin::None };
        if totp::same(&self.run(&kept, typed), &kept.hash) {
            self.pins.succeeded(person);
            Pin::Right
        } else {
            self.pins.failed(now_us, person, Origin::Pin);
            Pin::Wrong
        }
    }
}
