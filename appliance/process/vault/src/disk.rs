//! The data disk: the few things that the vault does with files, so that tests can lose some of them.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Files below one directory, named by relative paths. Nothing is durable before it is synced: a
/// file's bytes by [`sync`](Self::sync), its name by [`sync_folder`](Self::sync_folder).
pub trait Disk {
    /// All of a file; `None` if there is none.
    ///
    /// # Errors
    /// Those of the file system.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;
    /// The names in a folder (`""` is the directory itself), in order; none if it is not there.
    ///
    /// # Errors
    /// Those of the file system.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
    /// Makes a folder, durably, unless it is there.
    ///
    /// # Errors
    /// Those of the file system.
    fn make_folder(&mut self, name: &str) -> io::Result<()>;
    /// Makes a file with these bytes, or replaces its bytes.
    ///
    /// # Errors
    /// Those of the file system.
    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Writes at the end of a file; makes it if it is not there.
    ///
    /// # Errors
    /// Those of the file system; a part may have been written.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Cuts a file to this length.
    ///
    /// # Errors
    /// Those of the file system.
    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()>;
    /// Makes a file's bytes and length durable.
    ///
    /// # Errors
    /// Those of the disk. What was written since the last success may be lost, whatever a later
    /// success says.
    fn sync(&mut self, name: &str) -> io::Result<()>;
    /// Gives a file another name, replacing what has it.
    ///
    /// # Errors
    /// Those of the file system.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// Those of the disk.
    fn sync_folder(&mut self, folder: &str) -> io::Result<()>;
    /// Nothing more will be appended to this file.
    fn done(&mut self, name: &str);
    /// Bytes that may still be written.
    ///
    /// # Errors
    /// Those of the file system.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// Replaces a file so that a power cut leaves either the old bytes or the new ones.
///
/// # Errors
/// Those of the disk; the old file then still counts.
pub fn replace(disk: &mut impl Disk, name: &str, bytes: &[u8]) -> io::Result<()> {
    let new = format!("{name}.new");
    disk.write(&new, bytes)?;
    disk.sync(&new)?;
    disk.done(&new);
    disk.rename(&new, name)?;
    disk.sync_folder("")
}

/// The real one.
#[derive(Debug)]
pub struct RealDisk {
    root: PathBuf,
    open: HashMap<String, File>,
}

impl RealDisk {
    /// The disk below `root`.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf(), open: HashMap::new() }
    }

    /// A file that is open for appending, made if need be, for the vault's user alone.
    fn file(&mut self, name: &str) -> io::Result<&mut File> {
        if !self.open.contains_key(name) {
            use std::os::unix::fs::OpenOptionsExt;
            let mut options = OpenOptions::new();
            let file = options.append(true).create(true).mode(0o600).open(self.root.join(name))?;
            self.open.insert(name.to_owned(), file);
        }
        Ok(self.open.get_mut(name).expect("it was just put there"))
    }
}

impl Disk for RealDisk {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut file = match File::open(self.root.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.root.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    fn make_folder(&mut self, name: &str) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        match fs::DirBuilder::new().mode(0o700).create(self.root.join(name)) {
            Ok(()) => self.sync_folder(""),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let file = self.file(name)?;
        file.set_len(0)?;
        file.write_all(bytes)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.file(name)?.write_all(bytes)
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        self.file(name)?.set_len(length)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.file(name)?.sync_data()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.open.remove(to);
        fs::rename(self.root.join(from), self.root.join(to))
    }

    fn sync_folder(&mut self, folder: &str) -> io::Result<()> {
        File::open(self.root.join(folder))?.sync_all()
    }

    fn done(&mut self, name: &str) {
        self.open.remove(name);
    }

    fn free_bytes(&self) -> io::Result<u64> {
        os::disk::free_bytes(&self.root)
    }
}
