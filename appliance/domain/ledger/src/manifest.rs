//! The signed list of files of an exported directory.

use crate::event::At;
use crate::fault::{Fault, Problem};
use crate::row::{Hash, clock, moment, signed};
use crate::{hex, unhex};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use std::collections::BTreeMap;

const DOMAIN: &[u8] = b"dinlock manifest 1\0";
const FIRST: &str = "dinlock-manifest 1";
/// The longest name, in bytes.
const NAME: usize = 255;

/// One file of the directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// Its path below the directory: parts of `a-z A-Z 0-9 . _ -`, with `/` between.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of its contents.
    pub sha256: Hash,
}

/// What the box vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// When the box made it.
    pub at: At,
    /// The number of the ledger's last row at that time.
    pub ledger_seq: u64,
    /// That row's hash.
    pub ledger_head: Hash,
    /// The files, by name.
    pub files: Vec<File>,
}

fn good_name(name: &str) -> bool {
    name.len() <= NAME
        && name.split('/').all(|part| {
            !matches!(part, "" | "." | "..")
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        })
}

fn body(manifest: &Manifest, box_key: &VerifyingKey) -> String {
    let total: u64 = manifest.files.iter().fold(0, |sum, file| sum.saturating_add(file.size));
    let mut out = format!(
        "{FIRST}\nbox {}\ntime {} {}\nledger {} {}\nfiles {} {total}\n",
        hex(box_key.as_bytes()),
        manifest.at.unix_ms,
        clock(manifest.at),
        manifest.ledger_seq,
        hex(&manifest.ledger_head),
        manifest.files.len(),
    );
    for file in &manifest.files {
        out.push_str(&format!("{} {} {}\n", hex(&file.sha256), file.size, file.name));
    }
    out
}

fn message(body: &[u8]) -> Vec<u8> {
    [DOMAIN, body].concat()
}

/// The manifest's text, signed; files are put in order by name.
///
/// # Errors
/// [`Problem::Name`] for a name that is not allowed, or stands there twice.
pub fn sign(manifest: &Manifest, key: &SigningKey) -> Result<Vec<u8>, Problem> {
    let mut sorted = manifest.clone();
    sorted.files.sort();
    names(&sorted.files)?;
    let mut out = body(&sorted, &key.verifying_key());
    let signature = key.sign(&message(out.as_bytes())).to_bytes();
    out.push_str(&format!("signature {}\n", hex(&signature)));
    Ok(out.into_bytes())
}

fn names(files: &[File]) -> Result<(), Problem> {
    if let Some(bad) = files.iter().find(|file| !good_name(&file.name)) {
        return Err(Problem::Name(bad.name.clone()));
    }
    match files.windows(2).find(|pair| pair[0].name >= pair[1].name) {
        Some(pair) => Err(Problem::Name(pair[1].name.clone())),
        None => Ok(()),
    }
}

/// Reads a manifest that the box with `key` signed.
///
/// # Errors
/// The first [`Fault`]; every changed, added or missing byte is one.
pub fn verify(bytes: &[u8], key: &VerifyingKey) -> Result<Manifest, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::Form("not UTF-8").at(0))?;
    let whole = text.strip_suffix('\n').ok_or(Problem::Unfinished.at(0))?;
    let (above, last) = whole.rsplit_once('\n').ok_or(Problem::Form("no signature").at(1))?;
    let signature = last.strip_prefix("signature ").and_then(|digits| unhex(digits.as_bytes()));
    let signature = signature.ok_or(Problem::Form("no signature").at(0))?;
    let manifest = parse(above, key)?;
    // Written again, byte for byte: whatever the parser let pass as a second form ends here.
    let again = body(&manifest, key);
    if again.strip_suffix('\n') != Some(above) {
        return Err(Problem::Form("a second way to write the same manifest").at(0));
    }
    if !signed(key, &message(again.as_bytes()), &signature) {
        return Err(Problem::Signature.at(0));
    }
    names(&manifest.files).map_err(|what| what.at(0))?;
    Ok(manifest)
}

fn parse(text: &str, key: &VerifyingKey) -> Result<Manifest, Fault> {
    let mut lines = (1_u64..).zip(text.split('\n'));
    let mut next = |word: &'static str| {
        let (number, line) = lines.next().ok_or(Problem::Form(word).at(0))?;
        let rest = line.strip_prefix(word).ok_or(Problem::Form(word).at(number))?;
        Ok::<_, Fault>((number, rest))
    };
    next(FIRST)?;
    let (_, box_key) = next("box ")?;
    if box_key != hex(key.as_bytes()) {
        return Err(Problem::OtherBox.at(2));
    }
    let (number, time) = next("time ")?;
    let (unix_ms, known) = pair(time, "time", number)?;
    let at = moment(unix_ms, known).map_err(|what| what.at(number))?;
    let (number, ledger) = next("ledger ")?;
    let (ledger_seq, head) = pair(ledger, "ledger", number)?;
    let ledger_head = unhex(head.as_bytes()).ok_or(Problem::Form("ledger").at(number))?;
    let (number, counts) = next("files ")?;
    let (said, _total) = pair(counts, "files", number)?;
    let files = lines.map(|(number, line)| file(line).ok_or(Problem::Form("file").at(number)));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    if files.len() as u64 != said {
        return Err(Problem::Count { said, found: files.len() as u64 }.at(0));
    }
    Ok(Manifest { at, ledger_seq, ledger_head, files })
}

fn pair<'a>(text: &'a str, part: &'static str, line: u64) -> Result<(u64, &'a str), Fault> {
    let split = text.split_once(' ').and_then(|(number, rest)| Some((number.parse().ok()?, rest)));
    split.ok_or(Problem::Form(part).at(line))
}

fn file(line: &str) -> Option<File> {
    let mut parts = line.splitn(3, ' ');
    let sha256 = unhex(parts.next()?.as_bytes())?;
    let size = parts.next()?.parse().ok()?;
    Some(File { name: parts.next()?.to_owned(), size, sha256 })
}

impl Manifest {
    /// Holds the files that were found (all of the directory but the manifest) against the list.
    ///
    /// # Errors
    /// [`Problem::Missing`], [`Problem::Extra`] or [`Problem::Changed`], the first by name.
    pub fn check(&self, found: &[File]) -> Result<(), Problem> {
        let mut there: BTreeMap<&str, &File> = found.iter().map(|file| (file.name.as_str(), file)).collect();
        for file in &self.files {
            match there.remove(file.name.as_str()) {
                None => return Err(Problem::Missing(file.name.clone())),
                Some(same) if same == file => {}
                Some(_) => return Err(Problem::Changed(file.name.clone())),
            }
        }
        match there.keys().next() {
            Some(name) => Err(Problem::Extra((*name).to_owned())),
            None => Ok(()),
        }
    }
}
