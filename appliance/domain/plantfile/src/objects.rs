//! From tables to objects; a default is written where it is read.

use crate::node::Node;
use crate::reading::Reading;
use crate::words::{Bad, bounded_text, choice, destination, drill_time, duration, id, public_key, secret, window};
use codec::{List, Text};
use model::{
    Account, AccountId, BoxFacts, Conduit, ConduitId, ConsoleRules, Cutoff, InputRecord, Kind, Language, Limits, Login,
    MEGABYTES_END, Person, PersonId, Plant, PowerLoss, Rearm, RecordingRules, RoleId, SecretKind, StreamRecord, TRIES_MAX,
    Target, TargetId,
};
use std::net::IpAddr;
use toml_edit::Table;

pub(crate) const LOGINS: &[(&str, Login)] =
    &[("key", Login::Key), ("key+totp", Login::KeyTotp), ("password+totp", Login::PasswordTotp)];
pub(crate) const KINDS: &[(&str, Kind)] = &[("ssh", Kind::Ssh)];
pub(crate) const SECRETS: &[(&str, SecretKind)] = &[("password", SecretKind::Password), ("key", SecretKind::Key)];
pub(crate) const INPUTS: &[(&str, InputRecord)] =
    &[("all", InputRecord::All), ("none", InputRecord::None), ("echoed", InputRecord::Echoed)];
pub(crate) const STREAMS: &[(&str, StreamRecord)] =
    &[("content", StreamRecord::Content), ("length-and-hash", StreamRecord::LengthAndHash)];

pub(crate) const LANGUAGES: &[(&str, Language)] = &[("en", Language::English), ("de", Language::German)];
pub(crate) const REARMS: &[(&str, Rearm)] =
    &[("person", Rearm::Person), ("pin-and-contact", Rearm::PinAndContact), ("either", Rearm::Either)];
pub(crate) const POWER_LOSSES: &[(&str, PowerLoss)] = &[("arm", PowerLoss::Arm), ("hold", PowerLoss::Hold)];

/// What stands where the file says nothing.
pub(crate) const REFUSE_BELOW_MB: u64 = 64;
pub(crate) const WARN_BELOW_MB: u64 = 256;
pub(crate) const LIVE_KEY_S: u32 = 900;
pub(crate) const TRIES: u8 = 5;
pub(crate) const LOCKOUT_S: u32 = 900;
pub(crate) const LONGEST_S: u32 = 8 * 3600;
pub(crate) const IDLE_S: u32 = 15 * 60;
pub(crate) const RECORDER_GRACE_S: u32 = 10;
pub(crate) const LOCK_AFTER_S: u32 = 120;

/// The whole file.
pub(crate) fn plant(reading: &mut Reading<'_>, root: &Table) -> Option<Plant> {
    let mut node = Node::new(root, "", 1);
    let box_facts = node.required_table(reading, "box", "write [box] with a name").and_then(|t| box_facts(reading, t));
    let recording = node.required_table(reading, "recording", "write [recording] with auditors").map(|t| recording(reading, t));
    let limits = node.table(reading, "limits").map(|t| limits(reading, t));
    let console = node.table(reading, "console").map(|t| console(reading, t));
    let cutoff = node.table(reading, "cutoff").map(|t| cutoff(reading, t));
    let people = node.tables(reading, "person", "person").into_iter().map(|t| person(reading, t)).collect();
    let targets = node.tables(reading, "target", "target").into_iter().map(|t| target(reading, t)).collect();
    let conduits = node.tables(reading, "conduit", "conduit").into_iter().map(|t| conduit(reading, t)).collect();
    node.end(reading);
    // Each list is judged before any lack ends the reading, so that no fault hides another.
    let people = bounded(reading, "person", 1, people);
    let targets = bounded(reading, "target", 1, targets);
    let conduits = bounded(reading, "conduit", 1, conduits);
    Some(Plant {
        box_facts: box_facts?,
        people: people?,
        targets: targets?,
        conduits: conduits?,
        recording: recording?,
        limits: limits.unwrap_or(Limits { tries_before_lockout: TRIES, lockout_s: LOCKOUT_S }),
        console: console.unwrap_or(ConsoleRules { language: Language::English, lock_after_s: LOCK_AFTER_S }),
        cutoff: cutoff.unwrap_or_default(),
    })
}

/// Objects that were all read; a missing one already has its fault.
fn bounded<T, const N: usize>(reading: &mut Reading<'_>, key: &str, line: usize, objects: Vec<Option<T>>) -> Option<List<T, N>> {
    if objects.len() > N {
        reading.fault(line, key, format!("{} of them", objects.len()), format!("at most {N}"));
    }
    List::new(objects.into_iter().collect::<Option<Vec<T>>>()?).ok()
}

fn box_facts(reading: &mut Reading<'_>, mut node: Node<'_>) -> Option<BoxFacts> {
    let name = node.required(reading, "name", |t| {
        id(PersonId::parse)(t)?;
        bounded_text(t)
    });
    let banner = node.text(reading, "banner");
    let zone_time = node.parsed(reading, "zone_time", bounded_text);
    node.end(reading);
    Some(BoxFacts { name: name?, banner, zone_time: zone_time.unwrap_or_else(|| Text::cut("UTC")) })
}

fn recording(reading: &mut Reading<'_>, mut node: Node<'_>) -> RecordingRules {
    let auditors = node.list(reading, "auditors", |t| {
        // An age identity in the place of a recipient is not said back.
        let secret = t.to_ascii_uppercase().contains("SECRET-KEY");
        if secret { Err(Bad::unsaid("a secret key stands here", "write the public half, as \"age1...\"")) } else { bounded_text(t) }
    });
    let megabytes = 0..=MEGABYTES_END.cast_signed() - 1;
    let refuse = node.number(reading, "refuse_below_mb", megabytes.clone());
    let warn = node.number(reading, "warn_below_mb", megabytes);
    let live_key_s = node.parsed(reading, "live_key", duration).unwrap_or(LIVE_KEY_S);
    node.end(reading);
    RecordingRules {
        auditors,
        refuse_below_mb: refuse.map_or(REFUSE_BELOW_MB, i64::cast_unsigned),
        warn_below_mb: warn.map_or(WARN_BELOW_MB, i64::cast_unsigned),
        live_key_s,
    }
}

/// A number that its range already bounds, or what stands where the file says nothing.
fn narrow<T: TryFrom<i64>>(number: Option<i64>, otherwise: T) -> T {
    number.and_then(|n| T::try_from(n).ok()).unwrap_or(otherwise)
}

fn limits(reading: &mut Reading<'_>, mut node: Node<'_>) -> Limits {
    let tries = node.number(reading, "tries_before_lockout", 1..=i64::from(TRIES_MAX));
    let lockout_s = node.parsed(reading, "lockout", duration).unwrap_or(LOCKOUT_S);
    node.end(reading);
    Limits { tries_before_lockout: narrow(tries, TRIES), lockout_s }
}

fn console(reading: &mut Reading<'_>, mut node: Node<'_>) -> ConsoleRules {
    let language = node.parsed(reading, "language", choice("a language of the console", LANGUAGES));
    let lock_after_s = node.parsed(reading, "lock_after", duration).unwrap_or(LOCK_AFTER_S);
    node.end(reading);
    ConsoleRules { language: language.unwrap_or(Language::English), lock_after_s }
}

fn cutoff(reading: &mut Reading<'_>, mut node: Node<'_>) -> Cutoff {
    let otherwise = Cutoff::default();
    let rearm = node.parsed(reading, "rearm", choice("a way to lift a hold", REARMS)).unwrap_or(otherwise.rearm);
    let power_loss = node.parsed(reading, "power_loss", choice("a rule for power losses", POWER_LOSSES));
    let drill = node.parsed(reading, "drill", drill_time);
    node.end(reading);
    Cutoff { rearm, power_loss: power_loss.unwrap_or(otherwise.power_loss), drill }
}

fn person(reading: &mut Reading<'_>, mut node: Node<'_>) -> Option<Person> {
    let person_id = node.required(reading, "id", id(PersonId::parse));
    let name = node.text(reading, "name");
    let employer = node.text(reading, "employer");
    let telephone = node.text(reading, "telephone");
    let roles = node.list(reading, "roles", id(RoleId::parse));
    let login = node.parsed(reading, "login", choice("a way to log in", LOGINS)).unwrap_or(Login::KeyTotp);
    let keys = node.list(reading, "keys", public_key);
    let admin = node.yes(reading, "admin");
    let uid = node.number(reading, "local_uid", 0..=i64::from(u32::MAX));
    let console = node.yes(reading, "console");
    node.end(reading);
    let local_uid = uid.and_then(|uid| u32::try_from(uid).ok());
    Some(Person { id: person_id?, name, employer, telephone, roles, login, keys, admin, local_uid, console })
}

fn target(reading: &mut Reading<'_>, mut node: Node<'_>) -> Option<Target> {
    let target_id = node.required(reading, "id", id(TargetId::parse));
    let kind = node.parsed(reading, "kind", choice("a kind of target", KINDS)).unwrap_or(Kind::Ssh);
    let address = node.required(reading, "address", |t| {
        t.parse::<IpAddr>().map_err(|_| Bad::not(t, "an address", "write an IP address: there is no resolver in OT"))
    });
    let port = node.number(reading, "port", 1..=65_535);
    let host_keys = node.list(reading, "host_keys", public_key);
    let legacy_algorithms = node.list(reading, "legacy_algorithms", bounded_text);
    let accounts = node.tables(reading, "account", "target.account").into_iter().map(|t| account(reading, t)).collect();
    let accounts = bounded(reading, "target.account", node.line(), accounts);
    node.end(reading);
    Some(Target {
        id: target_id?,
        kind,
        address: address?,
        port: narrow(port, 22),
        host_keys,
        legacy_algorithms,
        accounts: accounts?,
    })
}

fn account(reading: &mut Reading<'_>, mut node: Node<'_>) -> Option<Account> {
    let account_id = node.required(reading, "id", id(AccountId::parse));
    let user = node.required(reading, "user", bounded_text);
    let secret = node.required(reading, "secret", secret);
    let secret_kind = node.parsed(reading, "secret_kind", choice("a kind of secret", SECRETS)).unwrap_or(SecretKind::Password);
    node.end(reading);
    Some(Account { id: account_id?, user: user?, secret: secret?, secret_kind })
}

fn conduit(reading: &mut Reading<'_>, mut node: Node<'_>) -> Option<Conduit> {
    let conduit_id = node.required(reading, "id", id(ConduitId::parse));
    let people = node.list(reading, "people", id(PersonId::parse));
    let roles = node.list(reading, "roles", id(RoleId::parse));
    let targets = node.list(reading, "targets", destination);
    let windows = node.list(reading, "windows", window);
    let longest_s = node.parsed(reading, "longest", duration).unwrap_or(LONGEST_S);
    let idle_s = node.parsed(reading, "idle", duration).unwrap_or(IDLE_S);
    let approvals = node.number(reading, "approvals", 0..=2);
    let approvers = node.list(reading, "approvers", id(RoleId::parse));
    let input = node.parsed(reading, "input", choice("a rule for input", INPUTS)).unwrap_or(InputRecord::Echoed);
    let streams = node.parsed(reading, "streams", choice("a rule for streams", STREAMS)).unwrap_or(StreamRecord::Content);
    let recorder_grace_s = node.parsed(reading, "recorder_grace", duration).unwrap_or(RECORDER_GRACE_S);
    let reconnect_grace_s = node.parsed(reading, "reconnect_grace", duration).unwrap_or(0);
    let presence = node.yes(reading, "presence");
    node.end(reading);
    Some(Conduit {
        id: conduit_id?,
        people,
        roles,
        targets,
        windows,
        longest_s,
        idle_s,
        approvals: narrow(approvals, 0),
        approvers,
        input,
        streams,
        recorder_grace_s,
        reconnect_grace_s,
        presence,
    })
}
