//! The start-up order of every process: check, disarm, prepare, shut in, serve.
//!
//! It must never run the served part outside the sandbox, nor start with a descriptor, user or
//! network that the policy does not name. Proof: `tests/order.rs`.

use jail::{Network, Places, Policy, Uid};
use os::process::Resource;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::ExitCode;

/// The users that the launcher gives to session processes.
pub const WORKERS: std::ops::RangeInclusive<u32> = 100_000..=165_535;

/// One executable.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    /// Its name, for messages.
    pub name: &'static str,
    /// The text of its `sandbox.policy`.
    pub policy: &'static str,
}

/// The inherited descriptors, to be taken by the names that the policy gives them.
#[derive(Debug)]
pub struct Descriptors {
    present: Vec<(String, i32)>,
    places: Places,
}

impl Descriptors {
    /// Takes a descriptor that the policy requires.
    ///
    /// # Panics
    /// If the policy does not list it, or it is taken twice: bugs of the process.
    pub fn take(&mut self, name: &str) -> OwnedFd {
        self.take_optional(name).unwrap_or_else(|| panic!("no descriptor {name} in the policy"))
    }

    /// Takes a descriptor that may be missing.
    pub fn take_optional(&mut self, name: &str) -> Option<OwnedFd> {
        let index = self.present.iter().position(|(known, _)| known == name)?;
        Some(os::fds::from_raw(self.present.remove(index).1))
    }

    /// Takes all descriptors of this name that are there, in the order of their numbers.
    pub fn take_all(&mut self, name: &str) -> Vec<OwnedFd> {
        std::iter::from_fn(|| self.take_optional(name)).collect()
    }

    /// Says which path the policy means by `@name`. It has to exist when `prepare` returns.
    pub fn place(&mut self, name: &'static str, path: impl Into<PathBuf>) {
        self.places.insert(name, path.into());
    }
}

/// Runs a process, in this order: environment emptied, policy read, descriptors, user and network
/// checked, dumps forbidden, limits set; then `prepare` with the rights that are left (ports,
/// files, a runtime; no thread); then the sandbox; then `serve`.
///
/// A failure is one line on standard error, `name: what`, and exit code 1.
pub fn run<P>(
    process: Process,
    prepare: impl FnOnce(&mut Descriptors) -> Result<P, String>,
    serve: impl FnOnce(P) -> ExitCode,
) -> ExitCode {
    match shut_in(process, prepare) {
        Ok(prepared) => serve(prepared),
        Err(what) => {
            // If even standard error is gone, the exit code still says it.
            let line = format!("{}: {}\n", process.name, what.replace('\n', " "));
            let _ = std::io::stderr().write_all(line.as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn shut_in<P>(
    process: Process,
    prepare: impl FnOnce(&mut Descriptors) -> Result<P, String>,
) -> Result<P, String> {
    os::process::clear_environment().map_err(|error| error.to_string())?;
    let policy = Policy::parse(process.policy).map_err(|fault| format!("sandbox policy: {fault}"))?;
    let present = check_descriptors(&policy)?;
    check_user(policy.uid)?;
    check_network(policy.network)?;
    let rights = |error: std::io::Error| format!("cannot limit itself: {error}");
    os::process::set_dumpable(false).map_err(rights)?;
    os::process::set_limit(Resource::Core, 0).map_err(rights)?;
    for (resource, value) in &policy.limits {
        os::process::set_limit(*resource, *value)
            .map_err(|error| format!("cannot set the limit {resource:?} to {value}: {error}"))?;
    }
    let mut descriptors = Descriptors { present, places: Places::new() };
    let prepared = prepare(&mut descriptors)?;
    if let Some((name, number)) = descriptors.present.first() {
        return Err(format!("descriptor {number} ({name}) was given and never taken"));
    }
    let _applied = policy.apply(&descriptors.places).map_err(|error| error.to_string())?;
    Ok(prepared)
}

/// Every required one is there; what the policy does not name is closed.
fn check_descriptors(policy: &Policy) -> Result<Vec<(String, i32)>, String> {
    let open = os::fds::open_numbers().map_err(|error| format!("cannot list descriptors: {error}"))?;
    if let Some(missing) = (0..3).find(|number| !open.contains(number)) {
        return Err(format!("standard descriptor {missing} is closed; give it /dev/null"));
    }
    let mut keep = vec![0, 1, 2];
    let mut present = Vec::new();
    for fd in &policy.fds {
        if open.contains(&fd.number) {
            keep.push(fd.number);
            present.push((fd.name.clone(), fd.number));
        } else if !fd.optional {
            return Err(format!("descriptor {} ({}) was not inherited", fd.number, fd.name));
        }
    }
    os::fds::close_except(&keep).map_err(|error| format!("cannot close the rest: {error}"))?;
    present.sort_by_key(|(_, number)| *number);
    Ok(present)
}

fn check_user(wanted: Uid) -> Result<(), String> {
    let ids = os::process::user_ids().map_err(|error| format!("cannot read its user: {error}"))?;
    let (fits, name) = match wanted {
        Uid::Any => return Ok(()),
        Uid::Root => (ids.iter().all(|id| *id == 0), "root".to_owned()),
        Uid::Workers => (
            ids.iter().all(|id| *id == ids[0] && WORKERS.contains(id)),
            format!("one of {}..={}", WORKERS.start(), WORKERS.end()),
        ),
    };
    if fits { Ok(()) } else { Err(format!("runs as user {}, not {name}", ids[1])) }
}

fn check_network(wanted: Network) -> Result<(), String> {
    match wanted {
        Network::Empty => {}
        Network::Uplink | Network::Ot | Network::NoneChecked => return Ok(()),
    }
    let seen = os::net::interfaces().map_err(|error| format!("cannot list interfaces: {error}"))?;
    match seen.iter().find(|interface| interface.name != "lo" || interface.up) {
        None => Ok(()),
        Some(interface) => Err(format!(
            "its network namespace is not empty: {} is there; start it in a new one",
            interface.name
        )),
    }
}
