//! Is there room to record it (IEC 62443-3-3 SR 2.9)?

use crate::decide::{Question, Refusal};
use model::Conduit;

pub(crate) fn check(question: &Question<'_>, _conduit: &Conduit) -> Result<(), Refusal> {
    if question.now.disk_refuses { Err(Refusal::DiskFull) } else { Ok(()) }
}
