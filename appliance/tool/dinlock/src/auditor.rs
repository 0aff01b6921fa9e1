//! Auditors' keys: made and kept outside the box, which only ever knows recipients.

use age::secrecy::ExposeSecret;
use clap::Subcommand;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// What can be done with them.
#[derive(Subcommand)]
pub enum Auditor {
    /// Makes an identity; keep it where the box is not.
    New {
        /// The identity's file; it must not exist yet.
        #[arg(long)]
        out: PathBuf,
    },
    /// Prints an identity's recipient, for the plant file.
    Recipient {
        /// The identity's file.
        file: PathBuf,
    },
}

/// Does it.
pub fn auditor(verb: Auditor) -> Result<(), String> {
    match verb {
        Auditor::New { out } => {
            let identity = age::x25519::Identity::generate();
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&out)
                .map_err(|e| format!("{}: {e}", out.display()))?;
            let text = format!("# recipient: {}\n{}\n", identity.to_public(), identity.to_string().expose_secret());
            file.write_all(text.as_bytes()).map_err(|e| format!("{}: {e}", out.display()))?;
            println!("{}", identity.to_public());
            Ok(())
        }
        Auditor::Recipient { file } => {
            let text = read_identity(&file)?;
            let identity: age::x25519::Identity = text.parse().map_err(|e| format!("{}: {e}", file.display()))?;
            println!("{}", identity.to_public());
            Ok(())
        }
    }
}

/// The identity line of an age key file.
pub fn read_identity(file: &std::path::Path) -> Result<String, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let line = text.lines().map(str::trim).find(|line| line.starts_with("AGE-SECRET-KEY-"));
    line.map(str::to_owned).ok_or_else(|| format!("{}: holds no line that begins with AGE-SECRET-KEY-", file.display()))
}
