//! Many sessions that move data for all they are worth, half of them each way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Sessions that begin at once: as many as there are clients' addresses.
const AT_ONCE: usize = 10;
/// How long so many may take until all have said on the machine that they are there.
const UP_WITHIN: Duration = Duration::from_secs(60);

/// The sessions' clients. They end with this value.
#[derive(Debug)]
pub struct Load {
    clients: Vec<Child>,
    home: PathBuf,
    said: PathBuf,
}

impl Load {
    /// Opens so many, ten at a time, and lets them loose once all are there. `ssh` makes a client of this number
    /// (0 to 9) that runs a command; `home` is the folder of the machine's account, `said` an empty one's name, for
    /// what the clients say.
    ///
    /// # Errors
    /// In words, with what the clients said, if not all come up.
    pub fn open(count: usize, home: &Path, said: &Path, ssh: impl Fn(usize, &str) -> Command) -> Result<Self, String> {
        let error = |what: &'static str| move |e: std::io::Error| format!("{what}: {e}");
        fs::remove_dir_all(said).ok();
        fs::create_dir_all(said).map_err(error("the clients' folder"))?;
        let mut load = Self { clients: Vec::new(), home: home.to_path_buf(), said: said.to_path_buf() };
        load.clear();
        while load.clients.len() < count {
            for client in 0..AT_ONCE.min(count - load.clients.len()) {
                let upload = load.clients.len().is_multiple_of(2);
                let work = if upload { "exec cat >/dev/null" } else { "exec yes" };
                let script = format!("touch $HOME/here-$$; until [ -e $HOME/go ]; do sleep 0.1; done; {work}");
                let mut command = ssh(client, &script);
                let zeros = fs::File::open("/dev/zero").map_err(error("/dev/zero"))?;
                let errors = fs::File::create(said.join(load.clients.len().to_string())).map_err(error("the clients' folder"))?;
                command.stdin(if upload { zeros.into() } else { Stdio::null() }).stdout(Stdio::null()).stderr(errors);
                load.clients.push(command.spawn().map_err(error("can't start ssh"))?);
            }
            load.wait_up()?;
        }
        fs::write(load.home.join("go"), "").map_err(error("the machine's home"))?;
        Ok(load)
    }

    fn here(&self) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(&self.home).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("here-")))
    }

    /// What an earlier one left on the machine.
    fn clear(&self) {
        self.here().for_each(|path| drop(fs::remove_file(path)));
        fs::remove_file(self.home.join("go")).ok();
    }

    fn wait_up(&self) -> Result<(), String> {
        let begun = Instant::now();
        while self.here().count() < self.clients.len() {
            if begun.elapsed() > UP_WITHIN {
                let entries = fs::read_dir(&self.said).into_iter().flatten().flatten();
                let said: String = entries.filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect();
                return Err(format!("{} of {} sessions came up within 60 s: {said}", self.here().count(), self.clients.len()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for client in &mut self.clients {
            client.kill().ok();
            client.wait().ok();
        }
        self.clear();
    }
}
