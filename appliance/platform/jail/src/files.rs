//! Landlock: files, TCP ports, abstract sockets and signals.

use crate::{JailError, Opening, Places};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath,
    PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use std::path::{Path, PathBuf};

/// Pinned: a newer kernel must not change what a policy means.
const PINNED: ABI = ABI::V6;

fn fault(error: impl std::fmt::Display) -> JailError {
    JailError::Landlock(error.to_string())
}

/// Opens the listed paths and makes the rules, while the rights to open are still there.
pub(crate) fn prepare(
    openings: &[Opening],
    places: &Places,
) -> Result<RulesetCreated, JailError> {
    let mut net = AccessNet::from_all(PINNED);
    for opening in openings {
        if *opening == Opening::Connect(None) {
            net.remove(AccessNet::ConnectTcp);
        } else if *opening == Opening::Bind(None) {
            net.remove(AccessNet::BindTcp);
        }
    }
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(PINNED))
        .map_err(fault)?;
    if !net.is_empty() {
        rules = rules.handle_access(net).map_err(fault)?;
    }
    let mut rules =
        rules.scope(Scope::from_all(PINNED)).map_err(fault)?.create().map_err(fault)?;
    for opening in openings {
        rules = match opening {
            Opening::Read(path) => below(rules, places, path, readable())?,
            Opening::Write(path) => below(rules, places, path, writable())?,
            Opening::Device(path) => below(rules, places, path, device())?,
            Opening::Execute(path) => {
                below(rules, places, path, readable() | AccessFs::Execute)?
            }
            Opening::Connect(Some(port)) => rules
                .add_rule(NetPort::new(*port, AccessNet::ConnectTcp))
                .map_err(fault)?,
            Opening::Bind(Some(port)) => {
                rules.add_rule(NetPort::new(*port, AccessNet::BindTcp)).map_err(fault)?
            }
            Opening::Connect(None) | Opening::Bind(None) => rules,
        };
    }
    Ok(rules)
}

/// Holds this thread, and all it will start, to the rules.
pub(crate) fn enforce(rules: RulesetCreated) -> Result<(), JailError> {
    let status = rules.restrict_self().map_err(fault)?;
    if status.ruleset == RulesetStatus::FullyEnforced {
        Ok(())
    } else {
        Err(JailError::Landlock(format!("only {:?}", status.ruleset)))
    }
}

fn readable() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

/// Data: never devices, sockets or programs.
fn writable() -> BitFlags<AccessFs> {
    readable()
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer
}

fn device() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev
}

fn below(
    rules: RulesetCreated,
    places: &Places,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, JailError> {
    let path = resolve(places, path)?;
    let named = |error: &dyn std::fmt::Display| {
        JailError::Landlock(format!("{}: {error}", path.display()))
    };
    let directory = std::fs::metadata(&path).map_err(|error| named(&error))?.is_dir();
    // A file has no entries: rights on directories would be refused on it.
    let access = if directory { access } else { access & AccessFs::from_file(PINNED) };
    let fd = PathFd::new(&path).map_err(|error| named(&error))?;
    rules.add_rule(PathBeneath::new(fd, access)).map_err(|error| named(&error))
}

fn resolve(places: &Places, path: &Path) -> Result<PathBuf, JailError> {
    match path.to_str().and_then(|text| text.strip_prefix('@')) {
        Some(name) => {
            places.get(name).cloned().ok_or_else(|| JailError::Place(name.to_owned()))
        }
        None => Ok(path.to_owned()),
    }
}
