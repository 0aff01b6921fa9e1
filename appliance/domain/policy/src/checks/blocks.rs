//! Does a block keep this person from this machine (NERC CIP-005-7 R3.2)?

use crate::decide::{Question, Refusal};
use crate::windows::local_words;
use model::Conduit;

pub(crate) fn check(question: &Question<'_>, _conduit: &Conduit) -> Result<(), Refusal> {
    let (wall_ms, boot_ms) = (question.now.wall_ms, question.now.boot_ms);
    let keeps_out = |block: &&model::Block| {
        block.scope.covers(question.person, &question.target.id) && !block.over(wall_ms, boot_ms)
    };
    // Of several the one that lasts longest is told: lifting a shorter one would not help.
    let longest = question.now.blocks.iter().filter(keeps_out).max_by_key(|block| block.until_ms.unwrap_or(i64::MAX));
    let Some(block) = longest else { return Ok(()) };
    let until = block.until_ms.map(|until| local_words(&question.plant.box_facts.zone_time, until));
    Err(Refusal::Blocked { id: block.id, until })
}
