//! One table a process: what each attempt comes to.

use crate::attempts::ATTEMPTS;
use crate::world::{Ending, World};

/// What a filter kills with.
const SIGSYS: i32 = 31;

/// What an attempt comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The system-call filter killed the process (SIGSYS).
    Killed,
    /// The kernel answered with this error code.
    Refused(i32),
    /// It got through: it belongs to the process's trade, or `docs/THREATS.md` names it.
    Works,
}

/// Runs every attempt as `process`. What is not in `known` has to kill it.
///
/// # Panics
/// With all that came out otherwise.
pub fn check(process: &str, known: &[(&str, Outcome)]) {
    let strangers: Vec<_> = known.iter().filter(|(name, _)| !ATTEMPTS.iter().any(|(other, _, _)| name == other)).collect();
    assert!(strangers.is_empty(), "no such attempts: {strangers:?}");
    let of = |name: &str| known.iter().find(|(other, _)| *other == name).map_or(Outcome::Killed, |(_, outcome)| *outcome);
    let all: Vec<_> = ATTEMPTS.iter().map(|(name, _, _)| (*name, of(name))).collect();
    check_these(process, &all);
}

/// Runs these attempts as `process`.
///
/// # Panics
/// With all that came out otherwise.
pub fn check_these(process: &str, wanted: &[(&str, Outcome)]) {
    let mut world = World::new(process);
    let mut wrong = Vec::new();
    for (name, wanted) in wanted {
        let (_, need, _) = ATTEMPTS.iter().find(|(other, _, _)| name == other).unwrap_or_else(|| panic!("no attempt {name}"));
        let seen = world.attempt(process, name, *need);
        let fits = match wanted {
            Outcome::Killed => seen == Ending::Killed(SIGSYS),
            Outcome::Refused(code) => seen == Ending::Refused(*code),
            Outcome::Works => seen == Ending::Done,
        };
        if !fits {
            wrong.push(format!("{name}: {seen:?}, not {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{process}:\n{}\n{}", wrong.join("\n"), world.log());
}
