//! The two processes of one session, and what lies in the sockets between its four peers.

use crate::parts::back::Back;
use crate::parts::mediator::Mediator;
use std::collections::VecDeque;

/// A message, or the end of all messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mail {
    Message(Vec<u8>),
    Closed,
}

#[derive(Default)]
pub(crate) struct Session {
    pub mediator: Option<Mediator>,
    pub back: Option<Back>,
    /// The front that holds the stream.
    pub front: Option<u64>,
    pub from_front: VecDeque<Mail>,
    pub to_front: VecDeque<Mail>,
    pub from_back: VecDeque<Mail>,
    pub to_back: VecDeque<Mail>,
    pub to_vault: VecDeque<Mail>,
    pub from_vault: VecDeque<Mail>,
    /// Entries that went towards the vault.
    pub entries: u64,
    /// Its back was made to lie.
    pub back_lied: bool,
}
