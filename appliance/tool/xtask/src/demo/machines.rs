//! The demo's plant: real OpenSSH servers on two addresses of the OT zone.

use super::zones;
use crate::run::succeed;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// The machine that people may reach.
pub const PLC_GW: &str = "10.99.2.10";
/// A second machine that nobody may reach.
pub const HIDDEN: &str = "10.99.2.20";

/// Files of the machines.
pub struct Machines {
    folder: PathBuf,
}

impl Machines {
    /// Host keys, the account's key, and the account itself, all below `state`.
    pub fn prepare(state: &Path) -> Result<Self, String> {
        let folder = state.join("plant");
        fs::create_dir_all(folder.join("home")).map_err(|e| format!("{}: {e}", folder.display()))?;
        let machines = Self { folder };
        for key in ["host_key", "account_key"] {
            let path = machines.file(key);
            if !path.exists() {
                succeed(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", key, "-f"]).arg(&path))?;
            }
        }
        machines.write("authorized_keys", &machines.read("account_key.pub")?)?;
        let home = machines.file("home");
        let home = home.display();
        machines.write("passwd", &format!(
            "root:x:0:0:root:/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\nmaint:x:2000:2000:plant:{home}:/bin/bash\n"
        ))?;
        machines.write("group", "root:x:0:\nmaint:x:2000:\nnogroup:x:65534:\ntty:x:5:\n")?;
        machines.write("shadow", "root:*:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\nmaint:*:19000:0:99999:7:::\n")?;
        machines.write("sshd_config", &machines.configuration())?;
        succeed(Command::new("chown").arg("2000:2000").arg(machines.file("home")))?;
        Ok(machines)
    }

    fn configuration(&self) -> String {
        format!(
            "Port 22\nListenAddress {PLC_GW}\nListenAddress {HIDDEN}\nListenAddress fd99:2::10\nHostKey {}\nAuthorizedKeysFile {}\n\
             PidFile none\nUsePAM no\nPasswordAuthentication no\nStrictModes no\nMaxStartups 300\nMaxSessions 100\n\
             PermitUserEnvironment no\nAcceptEnv LANG LC_*\nSubsystem sftp internal-sftp\nPrintMotd no\nPrintLastLog no\n",
            self.file("host_key").display(),
            self.file("authorized_keys").display(),
        )
    }

    /// A file of theirs.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Reads one.
    pub fn read(&self, name: &str) -> Result<String, String> {
        fs::read_to_string(self.file(name)).map_err(|e| format!("{}: {e}", self.file(name).display()))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.file(name);
        fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        let mode = fs::Permissions::from_mode(0o644);
        fs::set_permissions(&path, mode).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// Starts the server. Its accounts are its own: the files lie over the host's in its mount namespace.
    pub fn start(&self) -> Result<Child, String> {
        fs::create_dir_all("/run/sshd").map_err(|e| format!("/run/sshd: {e}"))?;
        let script = format!(
            "for f in passwd group shadow; do mount --bind {0}/$f /etc/$f || exit 1; done; exec /usr/sbin/sshd -D -e -f {0}/sshd_config",
            self.folder.display()
        );
        let log = fs::File::create(self.file("sshd.log")).map_err(|e| format!("sshd.log: {e}"))?;
        zones::inside(zones::MACHINES, "/bin/sh")
            .args(["-c", &script])
            .stdin(std::process::Stdio::null())
            .stdout(log.try_clone().map_err(|e| e.to_string())?)
            .stderr(log)
            .spawn()
            .map_err(|e| format!("can't start sshd: {e}"))
    }
}
