//! The decision: a wish, the plant and the circumstances give a grant or a refusal.

use crate::checks;
use crate::windows::{Opening, Window, Zone, opening};
use model::{AccountId, Block, Conduit, ConduitId, Person, PersonId, Plant, Target, TargetId};
use std::fmt;

/// What a known person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Who.
    pub person: PersonId,
    /// Which machine.
    pub target: TargetId,
    /// Which account; the target's first where none is named.
    pub account: Option<AccountId>,
}

/// What is true right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances<'a> {
    /// Unix time, ms.
    pub wall_ms: i64,
    /// CLOCK_BOOTTIME, ms.
    pub boot_ms: u64,
    /// Whom an administrator keeps out.
    pub blocks: &'a [Block],
    /// The data disk is too full for a new recording.
    pub disk_refuses: bool,
    /// Sessions that live.
    pub sessions: usize,
    /// Sessions that may live.
    pub sessions_max: usize,
}

/// Why not; each says who can lift it. What a person may not know stays unsaid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No conduit of theirs leads there, or there is no such target: the same words for both.
    NoConduit,
    /// The window is closed; when it opens, Unix seconds.
    WindowClosed {
        /// The next opening.
        opens_s: Option<i64>,
    },
    /// Approvals are needed, and this release can't give them yet.
    NeedsApproval {
        /// How many.
        approvals: u8,
    },
    /// No room for a recording.
    DiskFull,
    /// Too many sessions.
    TooManySessions {
        /// The limit.
        limit: usize,
    },
    /// The plant's time zone is not known.
    BadZone,
    /// An administrator keeps them out.
    Blocked {
        /// The block.
        id: u64,
        /// Until when, in words; none is until somebody releases it.
        until: Option<String>,
    },
}

impl Refusal {
    /// For the audit row: never shown to the person.
    pub fn audit(&self) -> String {
        format!("{self:?}")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConduit => write!(f, "nothing of that name is open to you; an administrator can add a conduit"),
            Self::WindowClosed { opens_s: Some(at) } => {
                let when = jiff::Timestamp::from_second(*at).map(|t| t.strftime("%a %Y-%m-%d %H:%M UTC").to_string());
                write!(f, "closed now; it opens {}; an administrator can change the window", when.unwrap_or_default())
            }
            Self::WindowClosed { opens_s: None } => write!(f, "closed now; an administrator can change the window"),
            Self::NeedsApproval { approvals } => {
                write!(f, "it needs {approvals} approvals; ask the people who approve for this conduit")
            }
            Self::DiskFull => write!(f, "the box has no room to record you; an administrator can free its disk"),
            Self::TooManySessions { limit } => write!(f, "all {limit} sessions of the box are taken; try again when one ends"),
            Self::Blocked { id, until } => {
                let until = until.as_ref().map_or_else(String::new, |until| format!(" until {until}"));
                write!(f, "blocked{until} by an administrator, who can lift it with `dinlock block release {id}`")
            }
            Self::BadZone => write!(f, "the box does not know its own time zone; an administrator can correct the plant file"),
        }
    }
}

/// A permission. Only [`decide`] can make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    conduit: ConduitId,
    target: TargetId,
    account: AccountId,
    longest_s: u32,
    closes_s: Option<i64>,
    presence: bool,
}

impl Grant {
    /// The machine.
    pub fn target(&self) -> &TargetId {
        &self.target
    }

    /// The account.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The conduit that permits it.
    pub fn conduit(&self) -> &ConduitId {
        &self.conduit
    }

    /// Whether somebody at the box has to admit it before it begins.
    pub fn presence(&self) -> bool {
        self.presence
    }

    /// The conduit's longest session, ms from the session's begin.
    pub fn longest_ms(&self) -> u64 {
        u64::from(self.longest_s) * 1000
    }

    /// How long its window is still open, ms; none where it never closes.
    pub fn window_left_ms(&self, wall_ms: i64) -> Option<u64> {
        self.closes_s.map(|s| u64::try_from(s.saturating_mul(1000).saturating_sub(wall_ms)).unwrap_or(0))
    }

    /// For the audit row.
    pub fn audit(&self) -> String {
        format!("conduit {}, account {}, at most {} s", self.conduit, self.account, self.longest_s)
    }
}

/// What every check may look at.
pub(crate) struct Question<'a> {
    pub plant: &'a Plant,
    pub person: &'a Person,
    pub target: &'a Target,
    pub account: &'a AccountId,
    pub now: &'a Circumstances<'a>,
}

/// Decides. Of several conduits the first that permits counts; where none does, the refusal that is
/// nearest to a permission is told.
///
/// # Errors
/// [`Refusal`] says why not, and who can lift it.
pub fn decide(plant: &Plant, wish: &Wish, now: &Circumstances<'_>) -> Result<Grant, Refusal> {
    decide_among(plant, wish, now, |_| true)
}

/// Decides again for a session that lives, on the conduit of its grant alone: another conduit has
/// other terms, which its mediator does not enforce.
///
/// # Errors
/// [`Refusal`] if that conduit no longer permits it.
pub fn decide_again(plant: &Plant, wish: &Wish, granted: &ConduitId, now: &Circumstances<'_>) -> Result<Grant, Refusal> {
    decide_among(plant, wish, now, |conduit| conduit.id == *granted)
}

fn decide_among(
    plant: &Plant,
    wish: &Wish,
    now: &Circumstances<'_>,
    counts: impl Fn(&Conduit) -> bool,
) -> Result<Grant, Refusal> {
    let person = plant.person(&wish.person).ok_or(Refusal::NoConduit)?;
    let target = plant.target(&wish.target).ok_or(Refusal::NoConduit)?;
    let account = target.account(wish.account.as_ref().map_or("", AccountId::as_str)).ok_or(Refusal::NoConduit)?;
    let question = Question { plant, person, target, account: &account.id, now };
    let mut refusal = Refusal::NoConduit;
    let leading = plant.conduits_for(person).filter(|c| c.leads_to(&target.id, &account.id));
    for conduit in leading.filter(|c| counts(c)) {
        match checks::ALL.iter().try_for_each(|check| check(&question, conduit)) {
            Ok(()) => return grant(&question, conduit),
            Err(why) => refusal = why,
        }
    }
    Err(refusal)
}

fn grant(question: &Question<'_>, conduit: &Conduit) -> Result<Grant, Refusal> {
    Ok(Grant {
        conduit: conduit.id.clone(),
        target: question.target.id.clone(),
        account: question.account.clone(),
        longest_s: conduit.longest_s,
        closes_s: closing(question, conduit)?,
        presence: conduit.presence,
    })
}

/// When the conduit's window closes; none where it never does.
fn closing(question: &Question<'_>, conduit: &Conduit) -> Result<Option<i64>, Refusal> {
    match conduit_opening(question, conduit)? {
        Opening::Open { ends_s } => Ok(ends_s),
        Opening::Closed { opens_s } => Err(Refusal::WindowClosed { opens_s }),
    }
}

/// Where the conduit's windows stand now. A conduit without windows is always open.
pub(crate) fn conduit_opening(question: &Question<'_>, conduit: &Conduit) -> Result<Opening, Refusal> {
    if conduit.windows.is_empty() {
        return Ok(Opening::Open { ends_s: None });
    }
    let zone = Zone::named(&question.plant.box_facts.zone_time).map_err(|_| Refusal::BadZone)?;
    let windows: Result<Vec<Window>, _> =
        conduit.windows.iter().map(|w| Window::new(w.days, w.from_minute, w.to_minute)).collect();
    let windows = windows.map_err(|_| Refusal::WindowClosed { opens_s: None })?;
    Ok(opening(&windows, &zone, question.now.wall_ms.div_euclid(1000)))
}
