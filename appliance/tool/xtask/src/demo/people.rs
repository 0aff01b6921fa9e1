//! The demo's people, their keys, and the plant file that names them.

use super::machines::{HIDDEN, Machines, PLC_GW};
use crate::run::{output, succeed};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Folder and files of the people.
pub struct People {
    folder: PathBuf,
    otto_seed: String,
    otto_password: String,
}

/// A random text of this many characters out of RFC 4648's base32.
fn base32(characters: usize) -> String {
    let mut bytes = vec![0; characters];
    os::random(&mut bytes);
    bytes.iter().map(|b| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(b % 32)])).collect()
}

/// Otto's PIN at the demo's console.
pub const OTTO_PIN: &str = "246810";

/// Sets a person's PIN through `dinlock`, which reads it from standard input.
pub fn set_pin(dinlock: &mut Command, person: &str, pin: &str) -> Result<(), String> {
    let mut child = dinlock
        .args(["person", "set", person, "--pin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|e| format!("dinlock: {e}"))?;
    let written = child.stdin.take().map(|mut stdin| writeln!(stdin, "{pin}"));
    let status = child.wait().map_err(|e| format!("dinlock: {e}"))?;
    match written {
        Some(Ok(())) if status.success() => Ok(()),
        Some(Ok(())) | None => Err(format!("the PIN of {person} could not be set: {status}")),
        Some(Err(e)) => Err(format!("dinlock does not read the PIN: {e}")),
    }
}

impl People {
    /// Makes keys and secrets once; a later demo on the same state keeps them.
    pub fn prepare(state: &Path) -> Result<Self, String> {
        let folder = state.join("people");
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for name in ["vera", "otto"] {
            let path = folder.join(name);
            if !path.exists() {
                succeed(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&path))?;
            }
        }
        let kept = |name: &str, characters: usize| -> Result<String, String> {
            let path = folder.join(name);
            if !path.exists() {
                fs::write(&path, base32(characters)).map_err(|e| format!("{}: {e}", path.display()))?;
            }
            fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
        };
        let (otto_seed, otto_password) = (kept("otto.totp", 32)?, kept("otto.password", 16)?);
        Ok(Self { otto_seed, otto_password, folder })
    }

    /// A person's private key.
    pub fn key(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn public_key(&self, name: &str) -> Result<String, String> {
        let path = self.folder.join(format!("{name}.pub"));
        Ok(fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?.trim().to_owned())
    }

    /// The auditor's identity, made by `dinlock` once, and its recipient.
    pub fn auditor(&self, dinlock: &Path) -> Result<(PathBuf, String), String> {
        let path = self.folder.join("auditor.key");
        if !path.exists() {
            succeed(Command::new(dinlock).args(["auditor", "new", "--out"]).arg(&path))?;
        }
        let recipient = output(Command::new(dinlock).args(["auditor", "recipient"]).arg(&path))?;
        Ok((path, recipient.trim().to_owned()))
    }

    /// The demo's plant file.
    pub fn plant_file(&self, machines: &Machines, recipient: &str) -> Result<String, String> {
        let host_key = machines.read("host_key.pub")?;
        Ok(format!(
            r#"# The plant of the demo.
[box]
name = "demo"
banner = "Pump station demo. Work here is recorded. Go on only if you may."
zone_time = "UTC"

[recording]
auditors = ["{recipient}"]

[[person]]
id = "vera"
name = "Vera Vendor"
employer = "Pumpworks"
telephone = "+49 30 000000"
roles = ["vendor"]
login = "key"
keys = ["{vera}"]

[[person]]
id = "otto"
name = "Otto Operator"
employer = "The plant"
telephone = "+49 30 000001"
roles = ["operator"]
login = "key+totp"
keys = ["{otto}"]
console = true

[[target]]
id = "plc-gw"
kind = "ssh"
address = "{PLC_GW}"
port = 22
host_keys = ["{host_key}"]

[[target.account]]
id = "maint"
user = "maint"
secret = "plc-gw-maint"
secret_kind = "key"

[[conduit]]
id = "vendor-maintenance"
people = ["vera", "otto"]
targets = ["plc-gw"]
longest = "8h"
idle = "30m"
"#,
            vera = self.public_key("vera")?,
            otto = self.public_key("otto")?,
            host_key = host_key.trim(),
        ))
    }

    /// For `demo.json`.
    pub fn describe(&self) -> Value {
        json!([
            {"name": "vera", "roles": ["vendor"], "password": null, "totp": null, "ssh_key": self.key("vera")},
            {"name": "otto", "roles": ["operator"], "password": self.otto_password, "totp": self.otto_seed, "pin": OTTO_PIN, "ssh_key": self.key("otto")},
        ])
    }

    /// Otto's one-time seed.
    pub fn otto_seed(&self) -> &str {
        &self.otto_seed
    }

    /// Otto's password.
    pub fn otto_password(&self) -> &str {
        &self.otto_password
    }

    /// The machine that is in no conduit.
    pub fn forbidden() -> String {
        format!("{HIDDEN}:22")
    }
}
