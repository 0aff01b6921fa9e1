//! The form of all messages: a header, a fixed part, attributes; each aligned to four bytes (netlink(7)).

/// Bytes of a message's header: length, kind, flags, sequence, sender.
const HEADER_BYTES: usize = 16;
/// NLMSG_ERROR: an error, or an acknowledgement (error 0).
pub(crate) const ERROR: u16 = 2;
/// NLMSG_DONE: the end of a list.
pub(crate) const DONE: u16 = 3;

/// NLM_F_REQUEST.
pub(crate) const REQUEST: u16 = 0x1;
/// NLM_F_ACK: say when it is done.
pub(crate) const ACK: u16 = 0x4;
/// NLM_F_DUMP_INTR: the list changed while it was given.
pub(crate) const CHANGED: u16 = 0x10;
/// NLM_F_DUMP: all of them. As a flag of something new, these bits mean others.
pub(crate) const DUMP: u16 = 0x300;
/// NLM_F_EXCL, of something new: an error if it is there.
pub(crate) const FRESH: u16 = 0x200;
/// NLM_F_CREATE, of something new.
pub(crate) const CREATE: u16 = 0x400;
/// NLM_F_APPEND, of something new: behind the others.
pub(crate) const APPEND: u16 = 0x800;

/// NLA_F_NESTED, and the bits of an attribute's kind without its flags (NLA_TYPE_MASK).
const NESTED: u16 = 0x8000;
const KIND: u16 = 0x3fff;

fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

/// A message in the making.
#[derive(Debug)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// Begins a request. Its number is its kind: what answers it answers no other.
    pub(crate) fn new(kind: u16, flags: u16) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((REQUEST | flags).to_ne_bytes());
        bytes.extend(u32::from(kind).to_ne_bytes());
        bytes.extend([0; 4]); // from nobody in particular: the kernel knows
        Self(bytes)
    }

    /// The number under which it is answered, where that is another's.
    pub(crate) fn numbered(mut self, sequence: u32) -> Self {
        self.0[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self
    }

    /// Adds flags.
    pub(crate) fn flag(&mut self, flags: u16) {
        let old = u16::from_ne_bytes([self.0[6], self.0[7]]);
        self.0[6..8].copy_from_slice(&(old | flags).to_ne_bytes());
    }

    /// A part of fixed form.
    pub(crate) fn fixed(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self.0.resize(aligned(self.0.len()), 0);
        self
    }

    /// An attribute.
    ///
    /// # Panics
    /// If it is longer than 64 KiB, which nobody asks for.
    pub(crate) fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.0.extend(u16::try_from(value.len() + 4).expect("an attribute is short").to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.fixed(value)
    }

    /// An attribute that is text, with its end.
    pub(crate) fn text(self, kind: u16, value: &str) -> Self {
        self.with(kind, &[value.as_bytes(), &[0]].concat())
    }

    /// An attribute that holds attributes.
    pub(crate) fn nest(mut self, kind: u16, inner: impl FnOnce(Self) -> Self) -> Self {
        let start = self.0.len();
        self.0.extend([0; 2]);
        self.0.extend((kind | NESTED).to_ne_bytes());
        let mut whole = inner(self);
        let length = u16::try_from(whole.0.len() - start).expect("an attribute is short");
        whole.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        whole
    }

    /// The complete message.
    pub(crate) fn end(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).expect("a message is short");
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
}

impl Header {
    /// The first message of these bytes: header, body, what follows. None if there is no whole one.
    pub(crate) fn first(bytes: &[u8]) -> Option<(Self, &[u8], &[u8])> {
        let length = usize::try_from(word(bytes, 0)?).ok()?;
        let body = bytes.get(HEADER_BYTES..length)?;
        let header = Self { kind: half(bytes, 4)?, flags: half(bytes, 6)?, sequence: word(bytes, 8)? };
        Some((header, body, bytes.get(aligned(length)..).unwrap_or_default()))
    }
}

/// The bodies of the messages of this kind, in an answer.
pub(crate) fn bodies(answer: &[u8], kind: u16) -> impl Iterator<Item = &[u8]> {
    let mut rest = answer;
    let all = std::iter::from_fn(move || {
        let (header, body, next) = Header::first(rest)?;
        rest = next;
        Some((header, body))
    });
    all.filter(move |(header, _)| header.kind == kind).map(|(_, body)| body)
}

/// The attributes in these bytes: kind and value. It ends where they cannot be read on.
pub(crate) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(half(rest, 0)?);
        let (kind, value) = (half(rest, 2)? & KIND, rest.get(4..length)?);
        rest = rest.get(aligned(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The first attribute of this kind.
pub(crate) fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(found, _)| *found == kind).map(|(_, value)| value)
}

/// Text up to its end.
pub(crate) fn text(value: &[u8]) -> &[u8] {
    value.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// 32 bits of the machine's order, so many bytes in.
pub(crate) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// 16 bits of the machine's order, so many bytes in.
pub(crate) fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A value of 32 bits in the network's order.
pub(crate) fn big(value: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*value.first_chunk()?))
}
