//! A tap on a wire: `tcpdump`, and the file that it writes (pcap, nanoseconds).

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

/// Bytes of each packet that are kept: the headers, and a little.
const KEPT: usize = 96;
const NANOSECONDS: u32 = 0xa1b2_3c4d;

/// One packet that came from the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// When the kernel saw it, ns of Unix time.
    pub at_ns: u64,
    /// The box's port of the connection: which session.
    pub port: u16,
    /// Bytes of the stream that it carries.
    pub payload: usize,
}

/// A running tap.
#[derive(Debug)]
pub struct Tap {
    tcpdump: Child,
    errors: BufReader<ChildStderr>,
    file: PathBuf,
}

impl Tap {
    /// Begins to listen on this interface of a namespace, to TCP that comes from `source`.
    ///
    /// # Errors
    /// In words.
    pub fn begin(namespace: &str, interface: &str, source: &str, file: &Path) -> Result<Self, String> {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, "tcpdump", "-i", interface, "-n", "-s", &KEPT.to_string()]);
        command.args(["-B", "65536", "--time-stamp-precision=nano", "-Z", "root", "-w"]).arg(file);
        command.arg(format!("tcp and src host {source}"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut tcpdump = command.spawn().map_err(|e| format!("can't start tcpdump: {e}"))?;
        let mut errors = BufReader::new(tcpdump.stderr.take().ok_or("tcpdump has no standard error")?);
        let mut said = String::new();
        while !said.contains("listening on") {
            let length = errors.read_line(&mut said).map_err(|e| format!("tcpdump: {e}"))?;
            if length == 0 {
                tcpdump.wait().ok();
                return Err(format!("tcpdump does not listen: {said}"));
            }
        }
        Ok(Self { tcpdump, errors, file: file.to_path_buf() })
    }

    /// Ends it: every packet, in the order of their times.
    ///
    /// # Errors
    /// In words; also if the kernel had to leave packets out.
    pub fn end(mut self) -> Result<Vec<Packet>, String> {
        Command::new("kill").args(["-INT", &self.tcpdump.id().to_string()]).status().map_err(|e| format!("kill: {e}"))?;
        self.tcpdump.wait().map_err(|e| format!("tcpdump: {e}"))?;
        let said: Vec<String> = std::mem::replace(&mut self.errors, empty()).lines().map_while(Result::ok).collect();
        if !said.iter().any(|line| line.starts_with("0 packets dropped by kernel")) {
            return Err(format!("tcpdump did not see all: {}", said.join("; ")));
        }
        let bytes = fs::read(&self.file).map_err(|e| format!("{}: {e}", self.file.display()))?;
        fs::remove_file(&self.file).ok();
        read(&bytes)
    }
}

/// A reader of nothing, in the place of one that was used up.
fn empty() -> BufReader<ChildStderr> {
    let (reader, _) = std::io::pipe().expect("a pipe");
    BufReader::new(ChildStderr::from(std::os::fd::OwnedFd::from(reader)))
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.tcpdump.kill().ok();
        self.tcpdump.wait().ok();
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn read(bytes: &[u8]) -> Result<Vec<Packet>, String> {
    if word(bytes, 0) != Some(NANOSECONDS) {
        return Err("tcpdump's file is not as expected".into());
    }
    let mut packets = Vec::new();
    let mut at = 24;
    while let (Some(seconds), Some(nanos), Some(kept)) = (word(bytes, at), word(bytes, at + 4), word(bytes, at + 8)) {
        let frame = bytes.get(at + 16..at + 16 + kept as usize).unwrap_or_default();
        packets.extend(packet(frame, u64::from(seconds) * 1_000_000_000 + u64::from(nanos)));
        at += 16 + kept as usize;
    }
    packets.sort_by_key(|packet| packet.at_ns);
    Ok(packets)
}

/// Ethernet, IPv4, TCP.
fn packet(frame: &[u8], at_ns: u64) -> Option<Packet> {
    let half = |at: usize| frame.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes);
    let ip_bytes = usize::from(frame.get(14)? & 15) * 4;
    let tcp = 14 + ip_bytes;
    let tcp_bytes = usize::from(frame.get(tcp + 12)? >> 4) * 4;
    let payload = usize::from(half(16)?).saturating_sub(ip_bytes + tcp_bytes);
    Some(Packet { at_ns, port: half(tcp)?, payload })
}

impl Packet {
    /// When each session's last packet came, of those that had any since `since_ns`.
    #[must_use]
    pub fn last_of_each(packets: &[Self], since_ns: u64) -> BTreeMap<u16, u64> {
        let mut last = BTreeMap::new();
        for packet in packets.iter().filter(|packet| packet.at_ns >= since_ns) {
            last.insert(packet.port, packet.at_ns);
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_to_its_payload_and_a_cut_one_is_none() {
        let mut frame = vec![0; 14];
        frame.extend([0x45, 0, 0, 62, 0, 0, 0, 0, 64, 6, 0, 0, 10, 99, 2, 1, 10, 99, 2, 10]);
        frame.extend([0x9c, 0x40, 0, 22, 0, 0, 0, 1, 0, 0, 0, 2, 0x80, 0x18, 0, 0, 0, 0, 0, 0]);
        frame.extend([0; 12]);
        assert_eq!(packet(&frame, 7), Some(Packet { at_ns: 7, port: 40_000, payload: 10 }));
        assert_eq!(packet(&frame[..40], 7), None);
    }
}
