//! What a taken-over process is told before its sandbox: what to try, and where its prey is.

use std::net::SocketAddrV4;
use std::path::PathBuf;

/// Where things are that nobody should get at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// A mediator of another session.
    pub victim: i32,
    /// Where its secret lies, an address in its memory.
    pub secret: usize,
    /// A process of root's that nothing protects but the sandboxes of others.
    pub sleeper: i32,
    /// A machine that listens in the zone.
    pub machine: SocketAddrV4,
    /// The vault's data folder, with a file `ledger` in it.
    pub data: PathBuf,
    /// The victim's `cgroup.kill`.
    pub kill: PathBuf,
    /// A cgroup that is not the box's.
    pub foreign: PathBuf,
    /// An empty folder.
    pub folder: PathBuf,
    /// A datagram socket on the disk.
    pub inbox: PathBuf,
    /// This executable.
    pub executable: PathBuf,
    /// What the launcher was given: workers' folder, and its cgroup folders (one, or three).
    pub launcher: Vec<PathBuf>,
}

impl Facts {
    /// One line a fact.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut lines = vec![
            self.victim.to_string(),
            self.secret.to_string(),
            self.sleeper.to_string(),
            self.machine.to_string(),
        ];
        let paths = [&self.data, &self.kill, &self.foreign, &self.folder, &self.inbox, &self.executable];
        lines.extend(paths.into_iter().chain(&self.launcher).map(|path| path.display().to_string()));
        lines.join("\n")
    }

    /// Reads [`Self::to_text`]; nothing for anything else.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        Some(Self {
            victim: lines.next()?.parse().ok()?,
            secret: lines.next()?.parse().ok()?,
            sleeper: lines.next()?.parse().ok()?,
            machine: lines.next()?.parse().ok()?,
            data: lines.next()?.into(),
            kill: lines.next()?.into(),
            foreign: lines.next()?.into(),
            folder: lines.next()?.into(),
            inbox: lines.next()?.into(),
            executable: lines.next()?.into(),
            launcher: lines.map(PathBuf::from).collect(),
        })
    }
}
