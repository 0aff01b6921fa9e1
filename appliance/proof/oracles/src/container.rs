//! The recording's container, written here a second time from `docs/formats/recording.md`, so that any
//! bytes can stand behind a right seal.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use codec::{Text, Wire};
use recording::{End, Header, Marker, ReadError, Reader, Sealer, What, check};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The session key of all these recordings.
pub const KEY: [u8; 32] = [5; 32];
/// An auditor of nothing else: 32 bytes of 0x42.
pub const IDENTITY: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

/// Whose session it is.
pub fn header() -> Header {
    let text = "s-000042 \u{202e}";
    Header {
        session: Text::cut(text),
        person: Text::cut("vera"),
        target: Text::cut("plc-gw.maint"),
        started_ms: 1_700_000_000_123,
        clock_known: true,
    }
}

/// A header's bytes, with these in the place of the wrapped key.
fn start(wrapped: &[u8]) -> Vec<u8> {
    let mut body = codec::encode(&header());
    body.extend((wrapped.len() as u32).to_le_bytes());
    body.extend_from_slice(wrapped);
    [&b"DINREC\r\n\x01\x00"[..], &(body.len() as u32).to_le_bytes(), &body].concat()
}

/// One frame, sealed.
fn frame(header: &[u8], seq: u64, kind: u8, packed: u8, plain: &[u8]) -> Vec<u8> {
    let length = (plain.len() + 16) as u32;
    let head = [&length.to_le_bytes()[..], &seq.to_le_bytes(), &[kind, packed]].concat();
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&seq.to_be_bytes());
    let aad = [&Sha256::digest(header)[..], &head].concat();
    let mut sealed = plain.to_vec();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).expect("32 bytes are a key"));
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed).expect("it is short");
    [head, sealed].concat()
}

/// Readers with and without the key agree on what is whole, whatever the bytes.
///
/// # Panics
/// If they do not.
pub fn file(file: &[u8]) {
    let keyless = check(file, &[], false);
    let peeked = recording::peek(&mut &file[..]);
    let mut reader = match Reader::open_with_key(file, &KEY) {
        Ok(reader) => reader,
        Err(why) => return crate::shown::line(&why.to_string()),
    };
    assert!(peeked.is_ok_and(|header| header == *reader.header()), "two readings of one header");
    let failed = reader.by_ref().find_map(Result::err);
    assert!(reader.next().is_none(), "items after an error");
    if let Some(why) = failed {
        return crate::shown::line(&why.to_string());
    }
    let report = keyless.expect("what is whole with a key is so without one");
    match reader.end().expect("a reader ends or fails") {
        End::Closed { .. } => assert!(report.closed && report.whole == file.len() as u64 && report.length == report.whole),
        End::Open { whole, torn, .. } => {
            assert!(!report.closed && report.whole == whole && whole + torn == file.len() as u64, "another length is whole");
        }
    }
}

/// A session with every kind of item: the file, and the plain bytes of its items.
fn session() -> (Vec<u8>, Vec<u8>) {
    let head = start(b"not looked at");
    let plain: Vec<u8> = crate::exports::every_kind().iter().flat_map(codec::encode).collect();
    let last = crate::exports::every_kind().last().map_or(0, |item| item.at_us);
    let frames = [
        frame(&head, 0, 0, 0, &[]),
        frame(&head, 1, 1, 0, &plain),
        frame(&head, 2, 2, 0, &last.to_le_bytes()),
    ];
    ([head, frames.concat()].concat(), plain)
}

/// Whole, cut and zero-filled files.
pub fn file_seeds() -> Vec<Vec<u8>> {
    let (file, _) = session();
    let cut = file.len() - 30;
    vec![file.clone(), file[..cut].to_vec(), file[..40].to_vec(), [&file[..cut - 12], &[0; 60]].concat()]
}

/// Frames behind a right seal: a byte for kind and packing, a count, that many plain bytes. Items that
/// come out are those that went in, byte for byte.
///
/// # Panics
/// If a property does not hold.
pub fn frames(script: &[u8]) {
    let head = start(b"");
    let mut out = [head.clone(), frame(&head, 0, 0, 0, &[])].concat();
    let (mut rest, mut seq, mut plain) = (script, 1, Some(Vec::new()));
    while let Some((&[what, low, high], tail)) = rest.split_first_chunk::<3>() {
        let (bytes, tail) = tail.split_at(usize::from(u16::from_le_bytes([low, high])).min(tail.len()));
        rest = tail;
        let (kind, packed) = (1 + (what & 1), (what >> 1) & 1);
        out.extend(frame(&head, seq, kind, packed, bytes));
        seq += 1;
        match (kind, packed) {
            (1, 0) => plain.iter_mut().for_each(|plain| plain.extend_from_slice(bytes)),
            (1, _) => plain = None,
            _ => {}
        }
    }
    file(&out);
    let Ok(mut reader) = Reader::open_with_key(&out[..], &KEY) else { panic!("frame 0 is right") };
    let mut again = Vec::new();
    for item in reader.by_ref().flatten() {
        item.put(&mut again);
    }
    let whole = reader.end().is_some();
    assert!(plain.is_none_or(|plain| if whole { plain == again } else { plain.starts_with(&again) }), "other items come out");
}

/// Scripts of frames, plain and compressed.
pub fn frame_seeds() -> Vec<Vec<u8>> {
    let (_, plain) = session();
    let step = |what: u8, bytes: &[u8]| [&[what], &(bytes.len() as u16).to_le_bytes()[..], bytes].concat();
    let last = crate::exports::every_kind().last().map_or(0, |item| item.at_us);
    // One raw block of Zstandard (RFC 8878, 3.1.1), and a run of a mebibyte in twelve bytes.
    let raw = [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, 21, 0xa9, 0, 0][..], &codec::encode(&hidden())].concat();
    let bomb = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, 0x03, 0, 0x10, 0];
    vec![
        [step(0, &plain), step(1, &last.to_le_bytes())].concat(),
        [step(2, &raw), step(1, &[0; 8])].concat(),
        [step(2, &bomb), step(0, &plain)].concat(),
        step(0, &plain[..plain.len() - 3]),
    ]
}

fn hidden() -> recording::Item {
    recording::Item { at_us: 9, what: What::InputHidden { channel: 1, length: 3 } }
}

/// A recording whose key is wrapped to [`IDENTITY`]: the file, and the wrapped key alone.
static WRAPPED: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let identity: age::x25519::Identity = IDENTITY.parse().expect("it is an identity");
    let (sealer, mut file) = Sealer::new(&header(), &KEY, &[&identity.to_public().to_string()]).expect("one recipient");
    let fields = codec::encode(&header()).len();
    let length = u32::from_le_bytes(*file[10..].first_chunk().expect("a header has a length")) as usize;
    let wrapped = file[14 + fields + 4..14 + length].to_vec();
    file.extend(sealer.end());
    (file, wrapped)
});

/// Any bytes in the place of the wrapped key, any text in the place of the auditor's identity.
///
/// # Panics
/// If a property does not hold.
pub fn wrapped(bytes: &[u8]) {
    let head = start(&bytes[..bytes.len().min(16_384)]);
    let file = [head.clone(), frame(&head, 0, 0, 0, &[])].concat();
    if let Err(why) = Reader::open(&file[..], IDENTITY) {
        crate::shown::line(&why.to_string());
    }
    let text = String::from_utf8_lossy(bytes);
    match Reader::open(&WRAPPED.0[..], &text) {
        Ok(_) => assert!(text.to_ascii_uppercase().contains(&IDENTITY[20..]), "another identity opens it"),
        Err(why) => {
            crate::shown::line(&why.to_string());
            assert!(!matches!(why, ReadError::HeaderChanged), "another identity gives a key");
        }
    }
}

/// Wrapped keys and identities.
pub fn wrapped_seeds() -> Vec<Vec<u8>> {
    let texts = [IDENTITY.to_owned(), format!("# created\n\n{IDENTITY}\n"), "AGE-SECRET-KEY-1QQQ".to_owned()];
    texts.into_iter().map(String::into_bytes).chain([WRAPPED.1.clone()]).collect()
}

/// True marks of any lengths are accepted, and one that is not true is refused.
///
/// # Panics
/// If it does not hold.
pub fn marks(bytes: &[u8]) {
    static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| session().0);
    let lengths = bytes.chunks_exact(2).map(|c| usize::from(u16::from_le_bytes([c[0], c[1]])) % (FILE.len() + 1));
    let mut lengths: Vec<usize> = lengths.take(8).collect();
    lengths.sort_unstable();
    let mark = |&length: &usize| {
        let mut marker = Marker::new();
        marker.update(&FILE[..length]);
        marker.mark()
    };
    let mut marks: Vec<_> = lengths.iter().map(mark).collect();
    let report = check(&FILE[..], &marks, false).expect("true marks are accepted");
    let covered = lengths.last().copied().unwrap_or(0);
    assert!(report.marked == covered as u64, "another length is marked");
    assert!(check(&FILE[..], &marks, true).is_ok() == (covered == FILE.len()), "not all of it is covered");
    if let Some(&byte) = bytes.last().filter(|_| !marks.is_empty()) {
        let (chosen, at) = (usize::from(byte) % marks.len(), usize::from(byte >> 3));
        marks[chosen].1[at] ^= 1;
        assert!(check(&FILE[..], &marks, false).is_err(), "a mark that is not true is accepted");
        marks[chosen].1[at] ^= 1;
        if covered > 0 {
            assert!(check(&FILE[..covered - 1], &marks, false).is_err(), "less is there than is marked");
        }
    }
}

/// Lengths.
pub fn mark_seeds() -> Vec<Vec<u8>> {
    let length = session().0.len() as u16;
    [vec![], vec![0, length], vec![1, 14, 40, length - 1, length], vec![length; 8]]
        .map(|lengths| lengths.iter().flat_map(|n| n.to_le_bytes()).collect())
        .to_vec()
}
