//! What was removed, by kind.

/// Why something was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// OSC 52: the operator's clipboard.
    Clipboard,
    /// OSC 8.
    Hyperlink,
    /// A title that is too long or not plain text, and the title string of screen and tmux.
    Title,
    /// Every other OSC: colours, notifications, working directories, iTerm and kitty.
    Osc,
    /// A question that the terminal would answer by typing: DSR, DA, DECRQM, DECRQSS, XTGETTCAP, ENQ.
    Report,
    /// Window operations and title reports (`CSI t`).
    Window,
    /// Printing (`CSI i`).
    MediaCopy,
    /// User-defined keys (DECUDK).
    UserKeys,
    /// DCS, SOS, PM and APC strings.
    ControlString,
    /// A mode that is not on the list.
    Mode,
    /// An eight-bit control, raw or as U+0080..U+009F.
    C1,
    /// A control below 0x20 that is not on the list, among them those that start file transfers.
    Control,
    /// Bytes that are not UTF-8; U+FFFD stands in their place.
    NotText,
    /// A sequence or string that was broken off or had no end.
    Unterminated,
    /// A sequence that is not on the list.
    Unknown,
}

impl Kind {
    /// All kinds, in the order of [`Counts`].
    pub const ALL: [Kind; 15] = [
        Self::Clipboard,
        Self::Hyperlink,
        Self::Title,
        Self::Osc,
        Self::Report,
        Self::Window,
        Self::MediaCopy,
        Self::UserKeys,
        Self::ControlString,
        Self::Mode,
        Self::C1,
        Self::Control,
        Self::NotText,
        Self::Unterminated,
        Self::Unknown,
    ];
}

/// How often something of each kind was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts([u64; Kind::ALL.len()]);

impl Counts {
    pub(super) fn add(&mut self, kind: Kind) {
        let count = &mut self.0[kind as usize];
        *count = count.saturating_add(1);
    }

    /// Removals of one kind.
    pub fn of(&self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }

    /// Removals of all kinds.
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, &count| sum.saturating_add(count))
    }
}
