//! Installs what is missing on a Debian machine.

use crate::run::{is_there, succeed};
use std::path::Path;
use std::process::Command;

/// A program that we need, the package that brings it, and what for.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("/usr/bin/ssh", "openssh-client", "the operator's client"),
    ("/usr/sbin/sshd", "openssh-server", "the machine in the OT zone"),
    ("/usr/sbin/ip", "iproute2", "the zones' network namespaces"),
    ("/usr/sbin/nft", "nftables", "lists the zones' filters: a second opinion in tests"),
    ("/usr/bin/tcpdump", "tcpdump", "a tap on OT's wire: when the last packet passed"),
    ("/usr/bin/cc", "gcc", "builds the crates that hold C"),
    ("/usr/bin/make", "make", "builds the crates that hold C"),
];

/// What fuzz targets need, and nothing else does.
const CXX: &[(&str, &str, &str)] = &[("/usr/bin/c++", "g++", "builds libFuzzer")];

/// A compiler of C++, for `cargo xtask fuzz`.
pub fn compiler_of_cxx() -> Result<(), String> {
    packages(CXX)
}

/// Installs the packages of programs that are not there.
fn packages(programs: &[(&str, &'static str, &str)]) -> Result<(), String> {
    let missing: Vec<&str> = programs
        .iter()
        .filter(|(program, _, _)| !Path::new(program).exists())
        .map(|(program, package, why)| {
            println!("missing: {program} ({why}), from package {package}");
            *package
        })
        .collect();
    if !missing.is_empty() {
        let apt = || {
            let mut command = Command::new("apt-get");
            command.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
            command
        };
        succeed(apt().arg("update"))?;
        succeed(apt().args(["install", "-y", "--no-install-recommends"]).args(&missing))?;
    }
    Ok(())
}

/// Everything that tests and demo need.
pub fn ensure() -> Result<(), String> {
    packages(PROGRAMS)?;
    for (program, why) in [("cargo-nextest", "runs the tests"), ("cargo-deny", "holds the libraries against deny.toml")] {
        if !is_there(program) {
            println!("missing: {program} ({why})");
            succeed(Command::new("cargo").args(["install", "--locked", "--quiet", program]))?;
        }
    }
    Ok(())
}
