//! The ways to the machine that are compared.

/// One way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// `ssh` to the machine over one wire.
    Direct,
    /// The same through a host that runs OpenSSH (`ProxyJump`).
    Jump,
    /// Through the box, content recorded.
    Content,
    /// Through the box, length and hash recorded.
    Hash,
}

impl Way {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Direct, Self::Jump, Self::Content, Self::Hash];
    /// One for each kind of path: how a terminal is recorded is no choice.
    pub(crate) const PATHS: [Self; 3] = [Self::Direct, Self::Jump, Self::Content];

    /// Its name as a host of the lab's client configuration.
    pub(crate) fn host(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Jump => "jump",
            Self::Content => "content",
            Self::Hash => "hash",
        }
    }

    /// Its name for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct ssh",
            Self::Jump => "ProxyJump",
            Self::Content => "box, content",
            Self::Hash => "box, hash",
        }
    }

    /// Whether it goes through the box.
    pub(crate) fn is_box(self) -> bool {
        matches!(self, Self::Content | Self::Hash)
    }
}
