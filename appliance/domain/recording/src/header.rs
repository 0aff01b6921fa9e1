//! What a recording is of, in clear, and the session key, wrapped to the auditors.

use crate::error::{ReadError, SealError};
use crate::frame::fill;
use age::x25519::{Identity, Recipient};
use codec::{Bytes, Text, Wire, wire_struct};
use sha2::{Digest, Sha256};
use std::io::{Read, Write};
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"DINREC\r\n";
const VERSION: u16 = 1;
/// Magic, version and the body's length.
const FIXED: usize = 14;
/// The most bytes of the body.
const BODY: u32 = 20_000;
/// The most auditor recipients of one recording.
pub const MAX_RECIPIENTS: usize = 64;

wire_struct! {
    /// Whose session it was. Anyone who has the file can read this.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Header {
        /// The session's id.
        pub session: Text<64>,
        /// The person.
        pub person: Text<64>,
        /// The target, or `target.account`.
        pub target: Text<96>,
        /// When it began: milliseconds since 1970-01-01 UTC.
        pub started_ms: u64,
        /// Whether the box knew then that its clock is right.
        pub clock_known: bool,
    }
}

wire_struct! {
    /// The header's body on disk.
    pub struct Body {
        /// In clear.
        pub header: Header,
        /// An age file whose contents are the session key.
        pub wrapped: Bytes<16384>,
    }
}

/// The header as read, not yet vouched for by a key.
pub(crate) struct Found {
    pub header: Header,
    pub wrapped: Vec<u8>,
    pub hash: [u8; 32],
    pub length: u64,
}

/// The header's bytes, and their hash.
pub(crate) fn write(header: &Header, wrapped: Vec<u8>) -> (Vec<u8>, [u8; 32]) {
    let wrapped = Bytes::new(wrapped).expect("64 recipients fit into 16 KiB");
    let body = codec::encode(&Body { header: header.clone(), wrapped });
    let mut out = MAGIC.to_vec();
    VERSION.put(&mut out);
    u32::try_from(body.len()).expect("a body is below 20,000 bytes").put(&mut out);
    out.extend_from_slice(&body);
    let hash = Sha256::digest(&out).into();
    (out, hash)
}

/// The session key as an age file to `recipients` (`age1...`), below 16 KiB.
///
/// # Errors
/// [`SealError`] if the key can't be wrapped to every recipient.
pub fn wrap(key: &[u8; 32], recipients: &[&str]) -> Result<Vec<u8>, SealError> {
    if recipients.is_empty() {
        return Err(SealError::NoRecipient);
    }
    if recipients.len() > MAX_RECIPIENTS {
        return Err(SealError::TooManyRecipients(MAX_RECIPIENTS, recipients.len()));
    }
    let parsed = recipients.iter().map(|&text| {
        text.trim().parse::<Recipient>().map_err(|_| SealError::BadRecipient(text.to_owned()))
    });
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    let wrong = |error: &dyn std::fmt::Display| SealError::Wrap(error.to_string());
    let age = age::Encryptor::with_recipients(parsed.iter().map(|recipient| recipient as &dyn age::Recipient))
        .map_err(|error| wrong(&error))?;
    let mut out = Vec::new();
    let mut writer = age.wrap_output(&mut out).map_err(|error| wrong(&error))?;
    writer.write_all(key).map_err(|error| wrong(&error))?;
    writer.finish().map_err(|error| wrong(&error))?;
    Ok(out)
}

/// Reads the header's bytes. Nothing here is vouched for until frame 0 opens.
pub(crate) fn read(source: &mut impl Read) -> Result<Found, ReadError> {
    let mut bytes = vec![0; FIXED];
    let got = fill(source, &mut bytes)?;
    let known = got.min(MAGIC.len());
    if bytes[..known] != MAGIC[..known] {
        return Err(ReadError::NotARecording);
    }
    if got < FIXED {
        return Err(ReadError::HeaderCut);
    }
    let version = u16::from_le_bytes([bytes[8], bytes[9]]);
    if version != VERSION {
        return Err(ReadError::Version(version));
    }
    let length = u32::from_le_bytes([bytes[10], bytes[11], bytes[12], bytes[13]]);
    if length > BODY {
        return Err(ReadError::HeaderLength(length));
    }
    bytes.resize(FIXED + length as usize, 0);
    if fill(source, &mut bytes[FIXED..])? < length as usize {
        return Err(ReadError::HeaderCut);
    }
    let body: Body = codec::decode(&bytes[FIXED..]).map_err(ReadError::Header)?;
    Ok(Found {
        header: body.header,
        wrapped: body.wrapped.into_vec(),
        hash: Sha256::digest(&bytes).into(),
        length: bytes.len() as u64,
    })
}

/// What a recording says it is of, read without a key: for lists, not for evidence.
///
/// # Errors
/// [`ReadError`] if it does not begin with a header.
pub fn peek(source: &mut impl Read) -> Result<Header, ReadError> {
    read(source).map(|found| found.header)
}

/// The identities in the text of an age key file.
fn identities(text: &str) -> Result<Vec<Identity>, ReadError> {
    let mut out = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            out.push(line.parse().map_err(|_| ReadError::BadIdentity(number))?);
        }
    }
    if out.is_empty() { Err(ReadError::NoIdentity) } else { Ok(out) }
}

/// The session key, for who holds one of the identities.
pub(crate) fn unwrap(wrapped: &[u8], identity: &str) -> Result<Zeroizing<[u8; 32]>, ReadError> {
    let identities = identities(identity)?;
    // The library's words may be several lines.
    let said = |error: &dyn std::fmt::Display| ReadError::WrappedKey(error.to_string().replace('\n', " "));
    let wrong = |error: age::DecryptError| {
        if matches!(error, age::DecryptError::NoMatchingKeys) { ReadError::WrongIdentity } else { said(&error) }
    };
    let age = age::Decryptor::new(wrapped).map_err(wrong)?;
    let mut reader = age.decrypt(identities.iter().map(|identity| identity as &dyn age::Identity)).map_err(wrong)?;
    let mut key = Zeroizing::new([0; 32]);
    let mut more = [0; 1];
    let got = fill(&mut reader, &mut key[..]).and_then(|got| Ok((got, fill(&mut reader, &mut more)?)));
    match got {
        Ok((32, 0)) => Ok(key),
        Ok(_) => Err(ReadError::WrappedKey("it is not 32 bytes".to_owned())),
        Err(error) => Err(said(&error)),
    }
}
