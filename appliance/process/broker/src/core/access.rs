//! What the core reads off the plant.

use border::front::Choice;
use border::{KeyLine, Line, Name, mediation};
use codec::{List, Text};
use super::Session;
use model::{AccountId, Conduit, ConduitId, InputRecord, Login, Person, PersonId, Plant, StreamRecord, Target, TargetId};
use policy::{Circumstances, Wish};
use std::net::SocketAddr;

/// The owner's text before login.
pub(super) fn banner(plant: &Plant) -> Text<4096> {
    plant.box_facts.banner.clone()
}

/// The box's name.
pub(super) fn box_name(plant: &Plant) -> Name {
    plant.box_facts.name.clone()
}

/// The person that a front names; what is no id names nobody.
pub(super) fn person<'a>(plant: &'a Plant, name: &str) -> Option<&'a Person> {
    plant.person(&PersonId::parse(name).ok()?)
}

/// Their id.
pub(super) fn person_id(person: &Person) -> PersonId {
    person.id.clone()
}

/// How they log in.
pub(super) fn login(person: &Person) -> Login {
    person.login
}

/// Algorithm and key of a public-key line, without its comment.
fn key_itself(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_ascii_whitespace();
    Some((words.next()?, words.next()?))
}

/// Whether the key is theirs, and keys count in their way of logging in.
pub(super) fn key_counts(person: &Person, key: &str) -> bool {
    let by_key = matches!(person.login, Login::Key | Login::KeyTotp);
    let offered = key_itself(key);
    by_key && offered.is_some() && person.keys.iter().any(|known| key_itself(known) == offered)
}

/// The wish behind two names; what is no id asks for nothing that exists.
pub(super) fn wish(person: &PersonId, target: &str, account: &str) -> Wish {
    let nowhere = || TargetId::parse("-").expect("a hyphen is an id");
    Wish {
        person: person.clone(),
        target: TargetId::parse(target).unwrap_or_else(|_| nowhere()),
        account: if account.is_empty() { None } else { Some(AccountId::parse(account).unwrap_or_else(|_| no_account())) },
    }
}

fn no_account() -> AccountId {
    AccountId::parse("-").expect("a hyphen is an id")
}

/// The id of a session's person, as its row carries it.
pub(super) fn person_named(name: &str) -> PersonId {
    PersonId::parse(name).unwrap_or_else(|_| PersonId::parse("-").expect("a hyphen is an id"))
}

fn warning(target: &Target) -> Line {
    if target.legacy_algorithms.is_empty() { Line::default() } else { Line::cut("old algorithms towards it") }
}

/// The menu: everything that some conduit of theirs leads to, and why not now; `not_now` stands for all.
pub(super) fn choices(plant: &Plant, person: &PersonId, now: &Circumstances<'_>, not_now: Option<&str>) -> List<Choice, 128> {
    let Some(known) = plant.person(person) else { return List::default() };
    let leads = |target: &Target, account: &AccountId| {
        plant.conduits_for(known).any(|conduit| conduit.leads_to(&target.id, account))
    };
    let mut choices = Vec::new();
    for target in plant.targets.iter() {
        for account in target.accounts.iter().filter(|a| leads(target, &a.id)) {
            let wish = Wish { person: person.clone(), target: target.id.clone(), account: Some(account.id.clone()) };
            let why_not = policy::decide(plant, &wish, now).err().map(|r| r.to_string()).unwrap_or_default();
            choices.push(Choice {
                target: Name::cut(target.id.as_str()),
                account: Name::cut(account.id.as_str()),
                why_not: Line::cut(not_now.unwrap_or(&why_not)),
                warning: warning(target),
            });
        }
    }
    choices.truncate(128);
    List::new(choices).unwrap_or_default()
}

/// What the processes of a session need to know of its machine.
pub(super) struct MachineFacts {
    pub address: SocketAddr,
    pub host_keys: List<KeyLine, 8>,
    pub legacy: List<Text<64>, 16>,
    pub secret: Name,
    pub user: Text<64>,
    pub key: bool,
}

/// The same, off the plant; none if it is no longer there.
pub(super) fn machine_facts(plant: &Plant, target: &TargetId, account: &AccountId) -> Option<MachineFacts> {
    let target = plant.target(target)?;
    let account = target.account(account.as_str())?;
    Some(MachineFacts {
        address: SocketAddr::new(target.address, target.port),
        host_keys: target.host_keys.clone(),
        legacy: target.legacy_algorithms.clone(),
        secret: Name::cut(account.secret.as_str()),
        user: account.user.clone(),
        key: account.secret_kind == model::SecretKind::Key,
    })
}

/// What the mediator shall enforce: the terms of the conduit that granted the session.
pub(super) fn terms<F>(
    plant: &Plant,
    session: u64,
    row: &Session<F>,
    granted: &ConduitId,
) -> Option<mediation::Terms> {
    let conduit = plant.conduits.iter().find(|conduit| conduit.id == *granted)?;
    let input = match conduit.input {
        InputRecord::All => mediation::InputRecord::All,
        InputRecord::None => mediation::InputRecord::None,
        InputRecord::Echoed => mediation::InputRecord::Echoed,
    };
    Some(mediation::Terms {
        session,
        person: row.person.clone(),
        target: Name::cut(row.target.as_str()),
        deadline_ms: row.deadline_ms,
        bound: row.bound,
        idle_ms: idle_ms(conduit),
        recorder_grace_ms: u64::from(conduit.recorder_grace_s) * 1000,
        input,
        bulk_hash_only: conduit.streams == StreamRecord::LengthAndHash,
        recipients: plant.recording.auditors.clone(),
        started_ms: row.started_ms,
    })
}

/// The idle limit; 0 is none.
pub(super) fn idle_ms(conduit: &Conduit) -> u64 {
    u64::from(conduit.idle_s) * 1000
}

/// The administrator whose user on the box this is.
pub(super) fn admin_with_uid(plant: &Plant, uid: u32) -> Option<&PersonId> {
    plant.people.iter().find(|p| p.admin && p.local_uid == Some(uid)).map(|p| &p.id)
}

/// A target and one of its accounts.
pub(super) fn account(plant: &Plant, target: &str, account: &str) -> Option<(TargetId, AccountId)> {
    let target = plant.target(&TargetId::parse(target).ok()?)?;
    Some((target.id.clone(), target.account(account)?.id.clone()))
}

/// The plant with one more pinned key.
pub(super) fn with_host_key(plant: &Plant, target: &Name, key: &KeyLine) -> Option<Plant> {
    let (algorithm, _) = key_itself(key)?;
    if !algorithm.starts_with("ssh-") && !algorithm.starts_with("ecdsa-") {
        return None;
    }
    let mut plant = plant.clone();
    let mut targets = plant.targets.into_vec();
    let found = targets.iter_mut().find(|t| t.id.as_str() == target.as_str())?;
    let mut keys = found.host_keys.clone().into_vec();
    keys.retain(|known| key_itself(known) != key_itself(key));
    keys.push(key.clone());
    found.host_keys = List::new(keys).ok()?;
    plant.targets = List::new(targets).ok()?;
    Some(plant)
}
