//! Is one of the conduit's weekly windows open?

use crate::decide::{Question, Refusal, conduit_opening};
use crate::windows::Opening;
use model::Conduit;

pub(crate) fn check(question: &Question<'_>, conduit: &Conduit) -> Result<(), Refusal> {
    match conduit_opening(question, conduit)? {
        Opening::Open { ends_s: _ } => Ok(()),
        Opening::Closed { opens_s } => Err(Refusal::WindowClosed { opens_s }),
    }
}
