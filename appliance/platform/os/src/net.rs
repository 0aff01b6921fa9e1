//! What a process can see of its network namespace.

use nix::net::if_::InterfaceFlags;
use std::collections::BTreeMap;
use std::io;

/// One network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name, such as `lo`.
    pub name: String,
    /// Whether it is up.
    pub up: bool,
}

/// The interfaces of this process's network namespace, by name.
///
/// # Errors
/// The kernel's.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let mut seen = BTreeMap::new();
    for entry in nix::ifaddrs::getifaddrs()? {
        let up = entry.flags.contains(InterfaceFlags::IFF_UP);
        *seen.entry(entry.interface_name).or_insert(false) |= up;
    }
    Ok(seen.into_iter().map(|(name, up)| Interface { name, up }).collect())
}
