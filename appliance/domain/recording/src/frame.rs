//! The frame around sealed bytes, and what binds it to its place.

use crate::error::ReadError;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::io::{self, Read};

/// The most plain bytes of a frame, compressed or not.
pub const MAX_PLAIN: usize = 1 << 20;
/// The most bytes of one output or input item.
pub const MAX_OUTPUT: usize = 65536;
/// Bytes of a frame head.
pub(crate) const HEAD: usize = 14;
/// Bytes of an AES-GCM tag.
pub(crate) const TAG: usize = 16;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Frame 0: empty, it seals the header.
    Start = 0,
    /// Items.
    Items = 1,
    /// The last one.
    End = 2,
}

/// The 14 bytes before a frame's sealed bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    /// Sealed bytes that follow, the tag included.
    pub length: u32,
    /// Its number, from 0.
    pub seq: u64,
    pub kind: Kind,
    /// Whether the plain bytes are one zstd frame.
    pub packed: bool,
}

impl Head {
    pub(crate) fn bytes(self) -> [u8; HEAD] {
        let mut out = [0; HEAD];
        out[..4].copy_from_slice(&self.length.to_le_bytes());
        out[4..12].copy_from_slice(&self.seq.to_le_bytes());
        out[12] = self.kind as u8;
        out[13] = u8::from(self.packed);
        out
    }

    /// Reads the head of the frame that must be number `due`.
    pub(crate) fn parse(bytes: &[u8; HEAD], due: u64) -> Result<Self, ReadError> {
        let (length, rest) = bytes.split_first_chunk::<4>().expect("a head has 14 bytes");
        let (seq, rest) = rest.split_first_chunk::<8>().expect("a head has 14 bytes");
        let (length, seq) = (u32::from_le_bytes(*length), u64::from_le_bytes(*seq));
        if seq != due {
            return Err(ReadError::OutOfOrder { due, found: seq });
        }
        let kind = match (due, rest[0]) {
            (0, 0) => Kind::Start,
            (1.., 1) => Kind::Items,
            (1.., 2) => Kind::End,
            (_, _) => return Err(ReadError::Kind(due)),
        };
        let packed = match (kind, rest[1]) {
            (Kind::Start | Kind::Items | Kind::End, 0) => false,
            (Kind::Items, 1) => true,
            (Kind::Start | Kind::Items | Kind::End, _) => return Err(ReadError::Kind(due)),
        };
        if !(TAG..=MAX_PLAIN + TAG).contains(&(length as usize)) {
            return Err(ReadError::Length(due, length));
        }
        Ok(Self { length, seq, kind, packed })
    }
}

/// The session key, with the header that it is bound to.
pub(crate) struct Seal {
    key: LessSafeKey,
    header: [u8; 32],
}

impl Seal {
    pub(crate) fn new(key: &[u8; 32], header: [u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes any 32 bytes");
        Self { key: LessSafeKey::new(key), header }
    }

    /// The number is the nonce: a sealer never makes two frames of one number, and no two
    /// recordings have one key.
    fn bind(&self, head: Head) -> (Nonce, Aad<[u8; 32 + HEAD]>) {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&head.seq.to_be_bytes());
        let mut aad = [0; 32 + HEAD];
        aad[..32].copy_from_slice(&self.header);
        aad[32..].copy_from_slice(&head.bytes());
        (Nonce::assume_unique_for_key(nonce), Aad::from(aad))
    }

    /// Seals `frame[HEAD..]` in place, fills the head in, appends the tag.
    pub(crate) fn close(&self, frame: &mut Vec<u8>, seq: u64, kind: Kind, packed: bool) {
        let length = u32::try_from(frame.len() - HEAD + TAG).expect("a frame is below 2 MiB");
        let head = Head { length, seq, kind, packed };
        let (nonce, aad) = self.bind(head);
        let tag = self.key.seal_in_place_separate_tag(nonce, aad, &mut frame[HEAD..]);
        frame.extend_from_slice(tag.expect("AES-GCM seals up to 64 GiB").as_ref());
        frame[..HEAD].copy_from_slice(&head.bytes());
    }

    /// Opens sealed bytes in place; none if they are not exactly what was sealed here.
    pub(crate) fn open<'a>(&self, head: Head, sealed: &'a mut [u8]) -> Option<&'a [u8]> {
        let (nonce, aad) = self.bind(head);
        self.key.open_in_place(nonce, aad, sealed).ok().map(|plain| &*plain)
    }
}

/// Reads until `into` is full or the source ends; the bytes read.
pub(crate) fn fill(source: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < into.len() {
        match source.read(&mut into[done..]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Reads to the end: how many bytes were left, and whether all were zero (as a power cut leaves a
/// file whose length was written before its contents).
pub(crate) fn drain(source: &mut impl Read) -> io::Result<(u64, bool)> {
    let mut buffer = [0; 4096];
    let (mut length, mut zero) = (0, true);
    loop {
        let count = fill(source, &mut buffer)?;
        zero &= buffer[..count].iter().all(|&b| b == 0);
        length += count as u64;
        if count < buffer.len() {
            return Ok((length, zero));
        }
    }
}
