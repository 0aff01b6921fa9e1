//! `dinlock verify`: exports held against the box's public key, with no box and no network.

use ed25519_dalek::VerifyingKey;
use ledger::marks::{End, Marks};
use ledger::{Row, manifest};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// The name of an export's manifest.
pub const MANIFEST: &str = "manifest";
/// The name of an exported recording's ledger rows.
pub const ROWS: &str = "ledger.rows";

/// Checks a folder or a file; success only if all of it is whole.
pub fn verify(box_key: &str, path: &Path, json: bool) -> Result<(), String> {
    let key = key_of(box_key)?;
    let said = if path.is_dir() { folder(&key, path)? } else { file(&key, path)? };
    if json {
        println!("{}", serde_json::json!({"whole": true, "what": said}));
    } else {
        println!("whole: {said}");
    }
    Ok(())
}

fn key_of(text: &str) -> Result<VerifyingKey, String> {
    let bytes = ledger::unhex::<32>(text.trim().as_bytes()).ok_or("--box takes the box's public key: 64 hexadecimal digits")?;
    VerifyingKey::from_bytes(&bytes).map_err(|_| "--box is not a public key of a box".into())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn file(key: &VerifyingKey, path: &Path) -> Result<String, String> {
    let report = ledger::verify_export(&read(path)?, key).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(format!("audit log, rows {} to {}, head {}", report.from, report.to, ledger::hex(&report.rows.head)))
}

fn folder(key: &VerifyingKey, path: &Path) -> Result<String, String> {
    let signed = manifest::verify(&read(&path.join(MANIFEST))?, key).map_err(|e| format!("{MANIFEST}: {e}"))?;
    let mut found = Vec::new();
    let entries = fs::read_dir(path).map_err(|e| format!("{}: {e}", path.display()))?;
    for entry in entries {
        let entry = entry.map_err(|e| e.to_string())?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != MANIFEST {
            found.push(fingerprint(&name, &entry.path())?);
        }
    }
    found.sort();
    signed.check(&found).map_err(|e| format!("{}: {e}", path.display()))?;
    let recordings: Vec<&str> = signed.files.iter().map(|f| f.name.as_str()).filter(|name| *name != ROWS).collect();
    let rows = if signed.files.iter().any(|f| f.name == ROWS) { rows_of(key, &path.join(ROWS))? } else { Vec::new() };
    for name in recordings {
        recording_file(&path.join(name), name, &rows)?;
    }
    Ok(format!("{} files as the box signed them, ledger head {}", signed.files.len(), ledger::hex(&signed.ledger_head)))
}

/// The rows of an export that is whole; its first line is its header.
fn rows_of(key: &VerifyingKey, path: &Path) -> Result<Vec<Row>, String> {
    let bytes = read(path)?;
    ledger::verify_export(&bytes, key).map_err(|e| format!("{}: {e}", path.display()))?;
    let lines = bytes.split(|b| *b == b'\n').skip(1).filter(|line| !line.is_empty());
    lines.map(|line| ledger::parse(line).map_err(|e| format!("{}: {e}", path.display()))).collect()
}

/// Holds a recording against what the ledger said of it while it was written: an edit of the disk
/// before the export shows here, whatever the manifest says.
fn recording_file(path: &Path, name: &str, rows: &[Row]) -> Result<(), String> {
    let error = |why: String| format!("{}: {why}", path.display());
    let session = name.strip_suffix(".dlr").ok_or_else(|| error("it is neither a recording nor the ledger's rows".into()))?;
    let marks = Marks::of(rows.iter(), session);
    let source = io::BufReader::new(File::open(path).map_err(|e| error(e.to_string()))?);
    let found = recording::check(source, &marks.kept, marks.end == End::Whole).map_err(|e| error(e.to_string()))?;
    if marks.end == End::Open && found.marked != found.length {
        return Err(error(format!("the ledger closed it at {} bytes, it has {}", found.marked, found.length)));
    }
    Ok(())
}

/// Length and hash of one file, read in pieces: recordings may be larger than memory.
fn fingerprint(name: &str, path: &Path) -> Result<manifest::File, String> {
    let error = |e: io::Error| format!("{}: {e}", path.display());
    let mut source = File::open(path).map_err(error)?;
    let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        match source.read(&mut buffer).map_err(error)? {
            0 => break,
            count => {
                hasher.update(&buffer[..count]);
                size += count as u64;
            }
        }
    }
    Ok(manifest::File { name: name.to_owned(), size, sha256: hasher.finalize().into() })
}
