//! The checks of a session, one file each, in the order in which a person hears of them.

mod approvals;
mod blocks;
mod disk;
mod session_limit;
mod window;

use crate::decide::{Question, Refusal};
use model::Conduit;

/// A check says nothing, or why not.
pub(crate) type Check = fn(&Question<'_>, &Conduit) -> Result<(), Refusal>;

/// Every check. A new one is a file and a row here.
pub(crate) const ALL: &[Check] = &[blocks::check, window::check, approvals::check, session_limit::check, disk::check];
