//! A disk that loses what was not synced, in any part and any order.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io;
use vault::disk::Disk;

/// What a disk writes at once; a cut loses or keeps each whole.
const SECTOR: u64 = 512;

/// Small, seeded, good enough (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    pub fn coin(&mut self) -> bool {
        self.next() & 1 == 0
    }
}

#[derive(Clone, Debug)]
enum Write {
    At(u64, Vec<u8>),
    Length(u64),
}

#[derive(Clone, Default, Debug)]
pub struct Node {
    now: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Write>,
}

/// Names to nodes, now and durable; nodes by number.
#[derive(Clone, Default, Debug)]
pub struct FakeDisk {
    pub nodes: Vec<Node>,
    pub names: BTreeMap<String, usize>,
    pub durable: BTreeMap<String, usize>,
    /// Syncs do nothing: the negative of every claim.
    pub without_syncs: bool,
    /// Operations until the power goes; none: never.
    pub fuse: Option<u64>,
    /// Writes and syncs fail, as on a broken disk.
    pub fails: bool,
    /// Bytes that may still be appended before the disk is full; none: no limit.
    pub space: Option<u64>,
}

fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn put(bytes: &mut Vec<u8>, at: u64, part: &[u8]) {
    let (at, end) = (at as usize, at as usize + part.len());
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(part);
}

impl FakeDisk {
    /// The disk after the power has gone and come back.
    pub fn cut(&self, random: &mut Random) -> Self {
        let mut names = self.durable.clone();
        // Names that changed since: each change is there or not.
        let changed = |name: &&String| self.names.get(*name) != self.durable.get(*name);
        let all: Vec<&String> = self.names.keys().chain(self.durable.keys()).filter(changed).collect();
        for name in all {
            if random.coin() {
                match self.names.get(name) {
                    Some(node) => names.insert(name.clone(), *node),
                    None => names.remove(name),
                };
            }
        }
        let nodes = self.nodes.iter().map(|node| {
            let mut bytes = node.durable.clone();
            for write in &node.pending {
                if random.coin() {
                    match write {
                        Write::At(at, part) => put(&mut bytes, *at, part),
                        Write::Length(length) => bytes.resize(*length as usize, 0),
                    }
                }
            }
            Node { now: bytes.clone(), durable: bytes, pending: vec![] }
        });
        let nodes = nodes.collect();
        Self { nodes, durable: names.clone(), names, without_syncs: self.without_syncs, ..Self::default() }
    }

    fn step(&mut self) -> io::Result<()> {
        if self.fails {
            return Err(io::Error::from_raw_os_error(28));
        }
        match &mut self.fuse {
            Some(0) => Err(io::Error::other("the power is gone")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn node(&mut self, name: &str) -> &mut Node {
        let next = self.nodes.len();
        let index = *self.names.entry(name.to_owned()).or_insert(next);
        if index == next {
            self.nodes.push(Node::default());
        }
        &mut self.nodes[index]
    }

    /// Overwrites bytes for good, as somebody with the disk could.
    pub fn tamper(&mut self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let node = self.node(name);
        change(&mut node.now);
        node.durable = node.now.clone();
    }
}

impl Disk for FakeDisk {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.names.get(name).map(|index| self.nodes[*index].now.clone()))
    }
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let inside = |name: &&String| folder_of(name) == folder;
        Ok(self.names.keys().filter(inside).map(|name| name.rsplit('/').next().unwrap().to_owned()).collect())
    }
    fn make_folder(&mut self, _name: &str) -> io::Result<()> {
        Ok(())
    }
    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.truncate(name, 0)?;
        self.append(name, bytes)
    }
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.node(name);
        self.step()?;
        // What fits is written, as a real file system does it.
        let fits = self.space.map_or(bytes.len(), |space| bytes.len().min(space as usize));
        self.space = self.space.map(|space| space - fits as u64);
        let node = self.node(name);
        let mut rest = &bytes[..fits];
        while !rest.is_empty() {
            let at = node.now.len() as u64;
            let room = (SECTOR - at % SECTOR) as usize;
            let (part, more) = rest.split_at(room.min(rest.len()));
            node.now.extend_from_slice(part);
            node.pending.push(Write::At(at, part.to_vec()));
            rest = more;
        }
        if fits < bytes.len() { Err(io::Error::from_raw_os_error(28)) } else { Ok(()) }
    }
    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        self.step()?;
        let node = self.node(name);
        let freed = (node.now.len() as u64).saturating_sub(length);
        node.now.resize(length as usize, 0);
        node.pending.push(Write::Length(length));
        self.space = self.space.map(|space| space + freed);
        Ok(())
    }
    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.step()?;
        if !self.without_syncs {
            let node = self.node(name);
            node.durable = node.now.clone();
            node.pending.clear();
        }
        Ok(())
    }
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.step()?;
        let node = self.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.names.insert(to.to_owned(), node);
        Ok(())
    }
    fn sync_folder(&mut self, folder: &str) -> io::Result<()> {
        self.step()?;
        if !self.without_syncs {
            let names = self.names.clone();
            self.durable.retain(|name, _| folder_of(name) != folder);
            self.durable.extend(names.into_iter().filter(|(name, _)| folder_of(name) == folder));
        }
        Ok(())
    }
    fn done(&mut self, _name: &str) {}
    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.space.unwrap_or(1 << 40))
    }
}
