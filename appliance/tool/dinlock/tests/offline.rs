//! Claims: `dinlock verify` accepts whole exports with no box, and refuses each after any single
//! change; a wrong auditor key opens nothing; playing needs only the file and the key.

use codec::{Bytes, Text};
use ledger::manifest::{self, Manifest};
use ledger::{At, Category, Event, Outcome, SigningKey, Writer, marks};
use recording::{Header, Item, Sealer, What};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const AT: At = At { unix_ms: 1_790_000_000_000, known: true };

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dinlock-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn dinlock(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dinlock")).args(arguments).output().unwrap()
}

fn box_key() -> (SigningKey, String) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let shown = ledger::hex(key.verifying_key().as_bytes());
    (key, shown)
}

fn rows(key: &SigningKey, count: usize) -> Vec<u8> {
    let mut writer = Writer::new(key.clone());
    let mut bytes = Vec::new();
    for number in 0..count {
        let mut event = Event::new("broker", Category::Access, "login.accepted", Outcome::Ok, "SR 1.1");
        event.detail = Text::cut(format!("row {number}"));
        bytes.extend(writer.row(&event, AT));
    }
    bytes.extend(writer.checkpoint(AT));
    ledger::export(&bytes, 1, count as u64 + 1, AT, key).unwrap()
}

fn sealed(recipient: &str) -> Vec<u8> {
    let header = Header {
        session: Text::new("s-000001").unwrap(),
        person: Text::new("vera").unwrap(),
        target: Text::new("plc-gw").unwrap(),
        started_ms: 1_790_000_000_000,
        clock_known: true,
    };
    let (mut sealer, mut bytes) = Sealer::new(&header, &[9; 32], &[recipient]).unwrap();
    let said = What::Output { channel: 0, stream: 0, bytes: Bytes::new(b"pump 3 runs\x1b]52;c;eA==\x07\r\n".to_vec()).unwrap() };
    bytes.extend(sealer.seal(&[Item { at_us: 1_000, what: said }]));
    bytes.extend(sealer.end());
    bytes
}

fn identity(folder: &Path, name: &str) -> (String, String) {
    let path = folder.join(name).display().to_string();
    let made = dinlock(&["auditor", "new", "--out", &path]);
    assert!(made.status.success());
    (path, String::from_utf8(made.stdout).unwrap().trim().to_owned())
}

/// The ledger of a recording that was kept in two steps and closed.
fn rows_about(key: &SigningKey, recording: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(key.clone());
    let mut bytes = Vec::new();
    let half = &recording[..recording.len() / 2];
    for (kind, state, part) in [(marks::KEPT, "", half), (marks::CLOSED, "whole, ", recording)] {
        let mut event = Event::new("vault", Category::Recording, kind, Outcome::Ok, "SR 2.8");
        event.session = Some(Text::cut("s-000001"));
        event.detail = Text::cut(format!("{state}{}", marks::words(part.len() as u64, &Sha256::digest(part).into())));
        bytes.extend(writer.row(&event, AT));
    }
    bytes.extend(writer.checkpoint(AT));
    ledger::export(&bytes, 1, 3, AT, key).unwrap()
}

fn export(folder: &Path, recipient: &str) -> PathBuf {
    let (key, _) = box_key();
    let recording = sealed(recipient);
    let rows = rows_about(&key, &recording);
    signed_export(folder, rows, recording)
}

/// Whatever it is given, signed as the box would.
fn signed_export(folder: &Path, rows: Vec<u8>, recording: Vec<u8>) -> PathBuf {
    let (key, _) = box_key();
    let out = folder.join("export");
    fs::create_dir_all(&out).unwrap();
    let contents = [("ledger.rows", rows), ("s-000001.dlr", recording)];
    let files = contents.iter().map(|(name, bytes)| manifest::File {
        name: (*name).to_owned(),
        size: bytes.len() as u64,
        sha256: Sha256::digest(bytes).into(),
    });
    let manifest = Manifest { at: AT, ledger_seq: 3, ledger_head: [1; 32], files: files.collect() };
    fs::write(out.join("manifest"), manifest::sign(&manifest, &key).unwrap()).unwrap();
    for (name, bytes) in contents {
        fs::write(out.join(name), bytes).unwrap();
    }
    out
}

#[test]
fn a_disk_that_was_edited_before_the_export_is_found_out_by_the_ledgers_marks() {
    let folder = Folder::new("edited");
    let (_, recipient) = identity(&folder.0, "auditor.key");
    let (key, shown) = box_key();
    let good = sealed(&recipient);
    let rows = rows_about(&key, &good);
    let accepted = |recording: Vec<u8>| {
        let out = signed_export(&folder.0, rows.clone(), recording);
        dinlock(&["verify", "--box", &shown, &out.display().to_string()]).status.success()
    };
    assert!(accepted(good.clone()), "the recording as it was kept");
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(!accepted(changed), "a byte changed on the disk");
    assert!(!accepted(good[..good.len() - 1].to_vec()), "cut on the disk");
    assert!(!accepted([good, vec![0]].concat()), "a byte added on the disk");
}

#[test]
fn a_whole_audit_log_is_accepted_and_another_boxs_key_is_not() {
    let folder = Folder::new("audit");
    let (key, shown) = box_key();
    let path = folder.0.join("audit.rows");
    fs::write(&path, rows(&key, 5)).unwrap();
    let path = path.display().to_string();
    let whole = dinlock(&["verify", "--box", &shown, &path]);
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
    let other = ledger::hex(SigningKey::from_bytes(&[8; 32]).verifying_key().as_bytes());
    assert!(!dinlock(&["verify", "--box", &other, &path]).status.success());
}

#[test]
fn an_export_is_refused_after_any_single_change() {
    let folder = Folder::new("export");
    let (_, recipient) = identity(&folder.0, "auditor.key");
    let out = export(&folder.0, &recipient);
    let (_, shown) = box_key();
    let verify = || dinlock(&["verify", "--box", &shown, &out.display().to_string()]).status.success();
    assert!(verify(), "the whole export is accepted");
    for name in ["manifest", "ledger.rows", "s-000001.dlr"] {
        let path = out.join(name);
        let good = fs::read(&path).unwrap();
        // Every byte is covered by one signed hash; the domain crates' own tests flip each of them.
        for at in (0..good.len()).step_by(good.len() / 12 + 1) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, bad).unwrap();
            assert!(!verify(), "{name}: byte {at} changed");
        }
        fs::write(&path, &good[..good.len() - 1]).unwrap();
        assert!(!verify(), "{name}: truncated");
        fs::remove_file(&path).unwrap();
        assert!(!verify(), "{name}: removed");
        fs::write(&path, good).unwrap();
    }
    fs::write(out.join("more"), "x").unwrap();
    assert!(!verify(), "a file too many");
}

#[test]
fn only_the_auditors_key_opens_a_recording() {
    let folder = Folder::new("play");
    let (right, recipient) = identity(&folder.0, "right.key");
    let (wrong, _) = identity(&folder.0, "wrong.key");
    let out = export(&folder.0, &recipient).display().to_string();
    let txt = dinlock(&["recording", "export", &out, "--format", "txt", "--identity", &right]);
    assert!(txt.status.success(), "{}", String::from_utf8_lossy(&txt.stderr));
    assert!(String::from_utf8_lossy(&txt.stdout).contains("pump 3 runs"));
    let cast = dinlock(&["recording", "export", &out, "--format", "cast", "--identity", &right]);
    let first = String::from_utf8(cast.stdout).unwrap().lines().next().unwrap().to_owned();
    let header: serde_json::Value = serde_json::from_str(&first).unwrap();
    assert_eq!(header["version"], 2);
    let played = dinlock(&["recording", "play", &out, "--identity", &right]);
    // The clipboard write in it stays out of the terminal of who looks back.
    assert_eq!(String::from_utf8_lossy(&played.stdout), "pump 3 runs\r\n");
    let nothing = dinlock(&["recording", "export", &out, "--format", "txt", "--identity", &wrong]);
    assert!(!nothing.status.success());
    assert!(nothing.stdout.is_empty(), "a wrong key opens nothing");
}

#[test]
fn no_box_is_one_clear_line() {
    let out = dinlock(&["--socket", "/nonexistent/admin.sock", "status"]);
    assert!(!out.status.success());
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("/nonexistent/admin.sock"));
}

#[test]
fn a_pin_that_is_none_is_refused_before_the_box_hears_of_it_and_is_never_said_back() {
    use std::io::Write;
    use std::process::Stdio;
    for (pin, words) in [("48291", "6 to 12 digits"), ("48291x", "6 to 12 digits"), ("482913", "no box answers")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dinlock"));
        command.args(["--socket", "/nowhere", "person", "set", "otto", "--pin"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{pin}").unwrap();
        let said = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&said.stderr);
        assert!(!said.status.success() && error.contains(words) && !error.contains(pin), "{pin}: {error}");
    }
}

#[test]
fn the_console_wants_a_terminal() {
    let said = dinlock(&["--socket", "/nowhere", "console"]);
    assert!(!said.status.success() && String::from_utf8_lossy(&said.stderr).contains("terminal"), "{said:?}");
}
