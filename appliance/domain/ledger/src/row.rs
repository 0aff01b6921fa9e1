//! One row: `<hash> <JSON>\n`.

use crate::event::{At, CHECKPOINT, Category, Event, Outcome};
use crate::fault::Problem;
use crate::json::{Object, Reader};
use crate::{hex, unhex};
use codec::Text;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// Keeps a checkpoint's signature from meaning anything else.
const CHECKPOINT_DOMAIN: &[u8] = b"dinlock ledger checkpoint 1\0";
/// Keeps the first row's previous hash apart for each box.
const GENESIS_DOMAIN: &[u8] = b"dinlock ledger 1\0";

/// A row as read; that it stands in an unbroken chain is for [`crate::Checker`] to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number, from 1.
    pub seq: u64,
    /// When the vault wrote it.
    pub at: At,
    /// What it says.
    pub event: Event,
    /// The box's signature: in a checkpoint, and only there.
    pub signature: Option<[u8; 64]>,
    /// SHA-256 of the previous row's hash and this row's JSON, as the line says.
    pub hash: Hash,
}

/// What stands in for the hash before row 1 of the box with this key.
pub(crate) fn genesis(key: &VerifyingKey) -> Hash {
    Sha256::new().chain_update(GENESIS_DOMAIN).chain_update(key.as_bytes()).finalize().into()
}

/// The hash of a row.
pub(crate) fn chain(previous: &Hash, json: &[u8]) -> Hash {
    Sha256::new().chain_update(previous).chain_update(json).finalize().into()
}

/// What a checkpoint's signature is over.
pub(crate) fn checkpoint_message(seq: u64, previous: &Hash, at: At) -> Vec<u8> {
    let mut out = CHECKPOINT_DOMAIN.to_vec();
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(previous);
    out.extend_from_slice(&at.unix_ms.to_le_bytes());
    out.push(u8::from(at.known));
    out
}

/// Whether `signature` is the box's over `message`; the strict rule, so that it has one form.
pub(crate) fn signed(key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
}

/// The word for whether the clock was known to be right.
pub(crate) fn clock(at: At) -> &'static str {
    if at.known { "known" } else { "unknown" }
}

/// The moment that two words of a file name.
pub(crate) fn moment(unix_ms: u64, clock: &str) -> Result<At, Problem> {
    match clock {
        "known" => Ok(At { unix_ms, known: true }),
        "unknown" => Ok(At { unix_ms, known: false }),
        _ => Err(Problem::Form("clock")),
    }
}

/// The JSON of a row.
pub(crate) fn json(seq: u64, at: At, event: &Event, signature: Option<&[u8; 64]>) -> String {
    let mut object = Object::new();
    object.number("seq", seq);
    object.number("at", at.unix_ms);
    object.text("clock", clock(at));
    object.text("source", &event.source);
    object.text("category", event.category.as_str());
    object.text("kind", &event.kind);
    object.text("result", event.result.as_str());
    object.text("requirement", &event.requirement);
    object.option("person", event.person.as_deref());
    object.option("target", event.target.as_deref());
    object.option("session", event.session.as_deref());
    object.option("peer", event.peer.as_deref());
    object.text("detail", &event.detail);
    if let Some(signature) = signature {
        object.text("signature", &hex(signature));
    }
    object.end()
}

fn bounded<const N: usize>(text: String, part: &'static str) -> Result<Text<N>, Problem> {
    Text::new(text).map_err(|_| Problem::Form(part))
}

fn maybe<const N: usize>(text: Option<String>, part: &'static str) -> Result<Option<Text<N>>, Problem> {
    text.map(|text| bounded(text, part)).transpose()
}

fn fields(json: &[u8], hash: Hash) -> Result<Row, Problem> {
    let mut reader = Reader::new(json)?;
    let seq = reader.number("seq")?;
    let unix_ms = reader.number("at")?;
    let at = moment(unix_ms, &reader.text("clock")?)?;
    let source = bounded(reader.text("source")?, "source")?;
    let category = reader.text("category")?;
    let category = Category::ALL.into_iter().find(|c| c.as_str() == category);
    let kind = bounded(reader.text("kind")?, "kind")?;
    let result = reader.text("result")?;
    let result = Outcome::ALL.into_iter().find(|r| r.as_str() == result);
    let event = Event {
        source,
        category: category.ok_or(Problem::Form("category"))?,
        kind,
        result: result.ok_or(Problem::Form("result"))?,
        requirement: bounded(reader.text("requirement")?, "requirement")?,
        person: maybe(reader.option("person")?, "person")?,
        target: maybe(reader.option("target")?, "target")?,
        session: maybe(reader.option("session")?, "session")?,
        peer: maybe(reader.option("peer")?, "peer")?,
        detail: bounded(reader.text("detail")?, "detail")?,
    };
    let signature = if reader.more() {
        Some(unhex(reader.text("signature")?.as_bytes()).ok_or(Problem::Form("signature"))?)
    } else {
        None
    };
    reader.end()?;
    Ok(Row { seq, at, event, signature, hash })
}

/// Splits a line (without its line end) into hash and JSON.
pub(crate) fn split(line: &[u8]) -> Result<(Hash, &[u8]), Problem> {
    let (digits, rest) = line.split_at_checked(64).ok_or(Problem::Form("no hash"))?;
    let hash = unhex(digits).ok_or(Problem::Form("no hash"))?;
    let json = rest.strip_prefix(b" ").ok_or(Problem::Form("no space after the hash"))?;
    Ok((hash, json))
}

/// Reads one line, without its line end. Its place in the chain is not looked at.
///
/// # Errors
/// [`Problem::Form`] if the line is not exactly what the ledger would have written.
pub fn parse(line: &[u8]) -> Result<Row, Problem> {
    let (hash, bytes) = split(line)?;
    let row = fields(bytes, hash)?;
    if json(row.seq, row.at, &row.event, row.signature.as_ref()).as_bytes() != bytes {
        return Err(Problem::Form("a second way to write the same row"));
    }
    if (*row.event.kind == *CHECKPOINT) != row.signature.is_some() {
        return Err(Problem::Form("a checkpoint has a signature, and nothing else has"));
    }
    Ok(row)
}
