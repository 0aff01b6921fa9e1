//! Items in, frames out.

use crate::error::SealError;
use crate::frame::{HEAD, Kind, MAX_OUTPUT, MAX_PLAIN, Seal, TAG};
use crate::header::{Header, wrap, write};
use crate::item::Item;
use codec::Wire;
use zeroize::Zeroizing;
use zstd::bulk::Compressor;

/// Below this, compressing costs more than it saves.
const WORTH: usize = 256;
/// The most frames that go by without a try, where tries fail.
const PATIENCE: u32 = 64;
/// The fields of an output item before its bytes.
const PREFIX: usize = 8 + 1 + 4 + 1 + 4;

/// Seals one session. Append what each call returns, in the order of the calls, whole.
pub struct Sealer {
    seal: Seal,
    seq: u64,
    last_at_us: u64,
    packer: Packer,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer before frame {}", self.seq)
    }
}

/// Compresses where it helps.
struct Packer {
    zstd: Compressor<'static>,
    scratch: Zeroizing<Vec<u8>>,
    /// Frames to go without a try.
    skip: u32,
    /// How long the last wait was.
    wait: u32,
}

impl Packer {
    /// Compresses `frame[HEAD..]` in place if that saves an eighth, and says whether it did.
    fn pack(&mut self, frame: &mut Vec<u8>) -> bool {
        let plain = frame.len() - HEAD;
        if plain < WORTH {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.scratch.resize(plain - plain / 8, 0);
        // Too little room is the library's way to say that it does not compress well enough.
        match self.zstd.compress_to_buffer(&frame[HEAD..], &mut self.scratch[..]) {
            Ok(length) => {
                frame.truncate(HEAD);
                frame.extend_from_slice(&self.scratch[..length]);
                self.wait = 0;
                true
            }
            Err(_) => {
                self.wait = (self.wait * 2).clamp(1, PATIENCE);
                self.skip = self.wait;
                false
            }
        }
    }
}

impl Sealer {
    /// Begins a recording under `key` (fresh random bytes, never used for another), wrapped to
    /// `recipients` (`age1...`); with it, the first bytes of the file.
    ///
    /// # Errors
    /// [`SealError`] if the key can't be wrapped to every recipient.
    pub fn new(header: &Header, key: &[u8; 32], recipients: &[&str]) -> Result<(Self, Vec<u8>), SealError> {
        Ok(Self::with_wrapped(header, key, wrap(key, recipients)?))
    }

    /// The same where the key is wrapped already: age draws its own randomness, and a simulator
    /// that replays a seed can't have that.
    pub fn with_wrapped(header: &Header, key: &[u8; 32], wrapped: Vec<u8>) -> (Self, Vec<u8>) {
        let (mut bytes, hash) = write(header, wrapped);
        let zstd = Compressor::new(1).expect("level 1 exists");
        let packer = Packer { zstd, scratch: Zeroizing::default(), skip: 0, wait: 0 };
        let mut sealer = Self { seal: Seal::new(key, hash), seq: 0, last_at_us: 0, packer };
        let mut start = vec![0; HEAD];
        sealer.close(&mut start, Kind::Start, false);
        bytes.extend_from_slice(&start);
        (sealer, bytes)
    }

    fn close(&mut self, frame: &mut Vec<u8>, kind: Kind, packed: bool) {
        self.seal.close(frame, self.seq, kind, packed);
        self.seq += 1;
    }

    fn items(&mut self, frame: &mut Vec<u8>) {
        let packed = self.packer.pack(frame);
        self.close(frame, Kind::Items, packed);
    }

    /// Seals items; as few frames as hold them, none for no items.
    pub fn seal(&mut self, items: &[Item]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut frame = vec![0; HEAD];
        for item in items {
            let before = frame.len();
            item.put(&mut frame);
            if frame.len() > HEAD + MAX_PLAIN {
                let last = frame.split_off(before);
                self.items(&mut frame);
                out.extend_from_slice(&frame);
                frame.truncate(HEAD);
                frame.extend_from_slice(&last);
            }
            self.last_at_us = item.at_us;
        }
        if frame.len() > HEAD {
            self.items(&mut frame);
            if out.is_empty() {
                return frame;
            }
            out.extend_from_slice(&frame);
        }
        out
    }

    /// Seals one frame of items that are encoded already, one after another; the last is of
    /// `last_at_us`.
    ///
    /// # Panics
    /// If there are none, or more than [`MAX_PLAIN`] bytes: the caller must know.
    pub fn seal_encoded(&mut self, last_at_us: u64, encoded: &[u8]) -> Vec<u8> {
        assert!((1..=MAX_PLAIN).contains(&encoded.len()), "{} bytes do not make a frame", encoded.len());
        let mut frame = Vec::with_capacity(HEAD + encoded.len() + TAG);
        frame.resize(HEAD, 0);
        frame.extend_from_slice(encoded);
        self.items(&mut frame);
        self.last_at_us = last_at_us;
        frame
    }

    /// Seals output of a channel (`stream` 0, or 1 for errors) with one copy of the bytes: an item
    /// for each [`MAX_OUTPUT`] of them, a frame for each item.
    pub fn seal_output(&mut self, at_us: u64, channel: u32, stream: u8, bytes: &[u8]) -> Vec<u8> {
        self.last_at_us = at_us;
        if bytes.len() <= MAX_OUTPUT {
            return self.output(at_us, channel, stream, bytes);
        }
        bytes.chunks(MAX_OUTPUT).flat_map(|part| self.output(at_us, channel, stream, part)).collect()
    }

    fn output(&mut self, at_us: u64, channel: u32, stream: u8, bytes: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(HEAD + PREFIX + bytes.len() + TAG);
        frame.resize(HEAD, 0);
        at_us.put(&mut frame);
        // The form of `What::Output`, without building one; a test holds it against the codec.
        1_u8.put(&mut frame);
        channel.put(&mut frame);
        stream.put(&mut frame);
        u32::try_from(bytes.len()).expect("a part is at most 64 KiB").put(&mut frame);
        frame.extend_from_slice(bytes);
        self.items(&mut frame);
        frame
    }

    /// Closes the recording: the last bytes of the file.
    pub fn end(mut self) -> Vec<u8> {
        let mut frame = vec![0; HEAD];
        self.last_at_us.put(&mut frame);
        self.close(&mut frame, Kind::End, false);
        frame
    }

    /// The moment of the last item, in microseconds since the session began.
    pub fn last_at_us(&self) -> u64 {
        self.last_at_us
    }
}
