//! Running other programs, with errors that name them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(3).expect("xtask lies three folders below the root").to_path_buf()
}

/// Where cargo puts what it builds, as cargo itself finds it.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// Runs `command` in the repository's root and wants success.
pub fn succeed(command: &mut Command) -> Result<(), String> {
    let name = format!("{command:?}");
    let status = command.current_dir(root()).status().map_err(|e| format!("can't start {name}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} ended with {status}")) }
}

/// What `command` prints on standard output.
pub fn output(command: &mut Command) -> Result<String, String> {
    let name = format!("{command:?}");
    let out = command.current_dir(root()).output().map_err(|e| format!("can't start {name}: {e}"))?;
    if !out.status.success() {
        return Err(format!("{name} ended with {}: {}", out.status, String::from_utf8_lossy(&out.stderr)));
    }
    String::from_utf8(out.stdout).map_err(|_| format!("{name} did not print text"))
}

/// Whether a program is on the path.
pub fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
