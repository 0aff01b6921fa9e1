//! Is there room for one more session (IEC 62443-3-3 SR 2.7)?

use crate::decide::{Question, Refusal};
use model::Conduit;

pub(crate) fn check(question: &Question<'_>, _conduit: &Conduit) -> Result<(), Refusal> {
    let limit = question.now.sessions_max;
    if question.now.sessions < limit { Ok(()) } else { Err(Refusal::TooManySessions { limit }) }
}
