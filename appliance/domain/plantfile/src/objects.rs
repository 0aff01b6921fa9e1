//! From tables to objects; a default is written where it is read.

use crate::reading::{Node, Reading};
use crate::words::{choice, destination, duration, window};
use codec::{List, Text};
use model::{
    Account, AccountId, BoxFacts, Conduit, ConduitId, InputRecord, Kind, Limits, Login, Person, PersonId, Plant,
    RecordingRules, RoleId, SecretId, SecretKind, StreamRecord, Target, TargetId,
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

/// Defaults that `render` leaves out.
pub(crate) const REFUSE_BELOW_MB: u64 = 64;
pub(crate) const WARN_BELOW_MB: u64 = 256;
pub(crate) const LIVE_KEY_S: u32 = 900;
pub(crate) const TRIES: u8 = 5;
pub(crate) const LOCKOUT_S: u32 = 900;
pub(crate) const LONGEST_S: u32 = 8 * 3600;
pub(crate) const IDLE_S: u32 = 15 * 60;
pub(crate) const RECORDER_GRACE_S: u32 = 10;

fn id<T, E: std::fmt::Display>(parse: impl Fn(&str) -> Result<T, E>) -> impl Fn(&str) -> Result<T, String> {
    move |text| parse(text).map_err(|e| e.to_string())
}

fn public_key(text: &str) -> Result<Text<2048>, String> {
    let allowed = "paste one line of an OpenSSH public key, as \"ssh-ed25519 AAAA...\"";
    let mut words = text.split_ascii_whitespace();
    let algorithm = words.next().unwrap_or_default();
    let good = ["ssh-", "ecdsa-", "sk-"].iter().any(|p| algorithm.starts_with(p));
    let body = words.next().is_some_and(|key| key.starts_with("AAAA") && key.len() > 40);
    if !good || !body || text.contains('\n') {
        return Err(allowed.into());
    }
    Text::new(text.trim()).map_err(|_| "at most 2048 bytes".into())
}

/// The whole file.
pub(crate) fn plant(reading: &mut Reading<'_>, root: &Table) -> Option<Plant> {
    let mut node = Node::new(root, "", 1);
    let box_facts = node.table(reading, "box").and_then(|table| box_facts(reading, table));
    if root.get("box").is_none() {
        reading.fault(1, "box", "it is missing".into(), "write [box] with a name");
    }
    let recording = match node.table(reading, "recording") {
        Some(table) => recording(reading, table),
        None => {
            reading.fault(1, "recording", "it is missing".into(), "write [recording] with auditors");
            return None;
        }
    };
    let limits = node.table(reading, "limits").map_or(Limits { tries_before_lockout: TRIES, lockout_s: LOCKOUT_S }, |t| limits(reading, t));
    let people = node.tables(reading, "person", "person").into_iter().map(|t| person(reading, t)).collect();
    let targets = node.tables(reading, "target", "target").into_iter().map(|t| target(reading, t)).collect();
    let conduits = node.tables(reading, "conduit", "conduit").into_iter().map(|t| conduit(reading, t)).collect();
    node.end(reading);
    Some(Plant {
        box_facts: box_facts?,
        people: bounded(reading, "person", people)?,
        targets: bounded(reading, "target", targets)?,
        conduits: bounded(reading, "conduit", conduits)?,
        recording,
        limits,
    })
}

/// Objects that were all read; a missing one already has its fault.
fn bounded<T, const N: usize>(reading: &mut Reading<'_>, key: &str, objects: Vec<Option<T>>) -> Option<List<T, N>> {
    let count = objects.len();
    let objects: Vec<T> = objects.into_iter().collect::<Option<_>>()?;
    List::new(objects)
        .map_err(|_| reading.fault(1, key, format!("{count} of them"), format!("at most {N}")))
        .ok()
}

fn box_facts(reading: &mut Reading<'_>, mut node: Node<'_>) -> Option<BoxFacts> {
    let name = node.required(reading, "name", |t| {
        PersonId::parse(t).map_err(|e| e.to_string())?;
        Text::new(t).map_err(|e| e.to_string())
    });
    let banner = node.text(reading, "banner");
    let zone_time = node.parsed(reading, "zone_time", |t| Text::new(t).map_err(|e| e.to_string()));
    reading.place(&node, "");
    node.end(reading);
    Some(BoxFacts { name: name?, banner, zone_time: zone_time.unwrap_or_else(|| Text::cut("UTC")) })
}

fn recording(reading: &mut Reading<'_>, mut node: Node<'_>) -> RecordingRules {
    let auditors = node.list(reading, "auditors", |t| Text::new(t).map_err(|e| e.to_string()));
    let megabytes = 0..1_i64 << 40;
    let refuse = node.number(reading, "refuse_below_mb", megabytes.clone(), REFUSE_BELOW_MB as i64);
    let warn = node.number(reading, "warn_below_mb", megabytes, WARN_BELOW_MB as i64);
    let live_key_s = node.parsed(reading, "live_key", duration).unwrap_or(LIVE_KEY_S);
    reading.place(&node, "");
    node.end(reading);
    RecordingRules { auditors, refuse_below_mb: refuse.unsigned_abs(), warn_below_mb: warn.unsigned_abs(), live_key_s }
}

fn limits(reading: &mut Reading<'_>, mut node: Node<'_>) -> Limits {
    let tries = node.number(reading, "tries_before_lockout", 1..101, i64::from(TRIES));
    let lockout_s = node.parsed(reading, "lockout", duration).unwrap_or(LOCKOUT_S);
    node.end(reading);
    Limits { tries_before_lockout: u8::try_from(tries).unwrap_or(TRIES), lockout_s }
}

fn person(reading: &mut Reading<'_>, mut node: Node<'_>) -> Option<Person> {
    let person_id = node.required(reading, "id", id(PersonId::parse));
    let name = node.text(reading, "name");
    let employer = node.text(reading, "employer");
    let telephone = node.text(reading, "telephone");
    let roles = node.list(reading, "roles", id(RoleId::parse));
    let login = node.parsed(reading, "login", choice(LOGINS)).unwrap_or(Login::KeyTotp);
    let keys = node.list(reading, "keys", public_key);
    let admin = node.yes(reading, "admin");
    let uid = node.number(reading, "local_uid", -1..1 << 31, -1);
    if let Some(id) = &person_id {
        reading.place(&node, id.as_str());
    }
    node.end(reading);
    Some(Person { id: person_id?, name, employer, telephone, roles, login, keys, admin, local_uid: u32::try_from(uid).ok() })
}

fn target(reading: &mut Reading<'_>, mut node: Node<'_>) -> Option<Target> {
    let target_id = node.required(reading, "id", id(TargetId::parse));
    let kind = node.parsed(reading, "kind", choice(KINDS)).unwrap_or(Kind::Ssh);
    let address = node.required(reading, "address", |t| {
        t.parse::<IpAddr>().map_err(|_| "write an IP address: there is no resolver in OT".to_owned())
    });
    let port = node.number(reading, "port", 1..65_536, 22);
    let host_keys = node.list(reading, "host_keys", public_key);
    let legacy_algorithms = node.list(reading, "legacy_algorithms", |t| Text::new(t).map_err(|e| e.to_string()));
    let accounts = node.tables(reading, "account", "target.account").into_iter().map(|t| account(reading, t)).collect();
    if let Some(id) = &target_id {
        reading.place(&node, id.as_str());
    }
    node.end(reading);
    Some(Target {
        id: target_id?,
        kind,
        address: address?,
        port: u16::try_from(port).unwrap_or(22),
        host_keys,
        legacy_algorithms,
        accounts: bounded(reading, "target.account", accounts)?,
    })
}

fn account(reading: &mut Reading<'_>, mut node: Node<'_>) -> Option<Account> {
    let account_id = node.required(reading, "id", id(AccountId::parse));
    let user = node.required(reading, "user", |t| Text::new(t).map_err(|e| e.to_string()));
    let secret = node.required(reading, "secret", id(SecretId::parse));
    let secret_kind = node.parsed(reading, "secret_kind", choice(SECRETS)).unwrap_or(SecretKind::Password);
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
    let approvals = node.number(reading, "approvals", 0..3, 0);
    let approvers = node.list(reading, "approvers", id(RoleId::parse));
    let input = node.parsed(reading, "input", choice(INPUTS)).unwrap_or(InputRecord::Echoed);
    let streams = node.parsed(reading, "streams", choice(STREAMS)).unwrap_or(StreamRecord::Content);
    let recorder_grace_s = node.parsed(reading, "recorder_grace", duration).unwrap_or(RECORDER_GRACE_S);
    let reconnect_grace_s = node.parsed(reading, "reconnect_grace", duration).unwrap_or(0);
    if let Some(id) = &conduit_id {
        reading.place(&node, id.as_str());
    }
    node.end(reading);
    Some(Conduit {
        id: conduit_id?,
        people,
        roles,
        targets,
        windows,
        longest_s,
        idle_s,
        approvals: u8::try_from(approvals).unwrap_or(0),
        approvers,
        input,
        streams,
        recorder_grace_s,
        reconnect_grace_s,
    })
}
