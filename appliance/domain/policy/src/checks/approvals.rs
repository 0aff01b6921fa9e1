//! Has everybody approved who must? A conduit that asks for approvals stays shut until they can be given.

use crate::decide::{Question, Refusal};
use model::Conduit;

pub(crate) fn check(_question: &Question<'_>, conduit: &Conduit) -> Result<(), Refusal> {
    match conduit.approvals {
        0 => Ok(()),
        approvals => Err(Refusal::NeedsApproval { approvals }),
    }
}
