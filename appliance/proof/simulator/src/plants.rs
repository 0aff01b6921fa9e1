//! Plants that race with the sessions that they permit, and a second opinion on what they permit.

use crate::disk::Random;
use codec::{List, Text};
use model::{
    Account, AccountId, BoxFacts, Conduit, ConduitId, Destination, InputRecord, Kind, Limits, Login, Person, PersonId, Plant,
    RecordingRules, RoleId, SecretId, SecretKind, StreamRecord, Target, TargetId, Window,
};

/// People and how they log in.
pub(crate) const PEOPLE: [(&str, Login); 3] = [("vera", Login::Key), ("otto", Login::KeyTotp), ("pia", Login::PasswordTotp)];
/// Machines.
pub(crate) const TARGETS: [&str; 2] = ["plc-gw", "hmi"];
/// An administrator's user on the box.
pub(crate) const ADMIN_UID: u32 = 1001;
/// Nobody has its other half.
const AUDITOR: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: i64 = 1440;

/// The key of a person, as one line.
pub(crate) fn key_of(person: &str) -> String {
    let body: String = person.bytes().cycle().take(42).map(|b| char::from(b'A' + b % 26)).collect();
    format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA{body} {person}")
}

fn list<T, const N: usize>(values: Vec<T>) -> List<T, N> {
    List::new(values).expect("plants here are small")
}

fn person(id: &str, login: Login) -> Person {
    Person {
        id: PersonId::parse(id).expect("an id"),
        name: Text::default(),
        employer: Text::default(),
        telephone: Text::default(),
        roles: List::default(),
        login,
        keys: list(vec![Text::cut(key_of(id))]),
        admin: false,
        local_uid: None,
        console: false,
    }
}

fn target(id: &str, last: u8) -> Target {
    let account = |id: &str| Account {
        id: AccountId::parse(id).expect("an id"),
        user: Text::cut(id),
        secret: SecretId::parse("some-secret").expect("an id"),
        secret_kind: SecretKind::Key,
    };
    Target {
        id: TargetId::parse(id).expect("an id"),
        kind: Kind::Ssh,
        address: [10, 99, 2, last].into(),
        port: 22,
        host_keys: List::default(),
        legacy_algorithms: List::default(),
        accounts: list(vec![account("maint"), account("view")]),
    }
}

fn pick<T: Copy>(random: &mut Random, of: &[T]) -> T {
    of[random.below(of.len() as u64) as usize]
}

fn windows(random: &mut Random, wall_ms: i64) -> Vec<Window> {
    if random.below(3) > 0 {
        return Vec::new();
    }
    let minute = wall_ms.div_euclid(MINUTE_MS).rem_euclid(DAY_MINUTES);
    let from = (minute - pick(random, &[-3, 0, 0, 5, 100])).rem_euclid(DAY_MINUTES);
    let to = (minute + pick(random, &[-1, 1, 1, 2, 2, 300])).rem_euclid(DAY_MINUTES);
    let (from, to) = (u16::try_from(from).expect("a minute"), u16::try_from(to).expect("a minute"));
    if from == to { Vec::new() } else { vec![Window { days: 0x7f, from_minute: from, to_minute: to }] }
}

fn conduit(id: &str, people: Vec<&str>, targets: &[Target], random: &mut Random, wall_ms: i64) -> Conduit {
    let to = |t: &Target| Destination { target: t.id.clone(), account: None };
    let needs = random.below(12) == 0;
    let role = RoleId::parse("chief").expect("an id");
    Conduit {
        id: ConduitId::parse(id).expect("an id"),
        people: list(people.into_iter().map(|p| PersonId::parse(p).expect("an id")).collect()),
        roles: List::default(),
        targets: list(targets.iter().map(to).collect()),
        windows: list(windows(random, wall_ms)),
        longest_s: pick(random, &[60, 60, 75, 120]),
        idle_s: pick(random, &[0, 0, 5, 20]),
        approvals: u8::from(needs),
        approvers: if needs { list(vec![role]) } else { List::default() },
        input: pick(random, &[InputRecord::All, InputRecord::Echoed, InputRecord::None]),
        streams: pick(random, &[StreamRecord::Content, StreamRecord::LengthAndHash]),
        recorder_grace_s: pick(random, &[0, 2, 10]),
        reconnect_grace_s: 0,
        presence: false,
    }
}

/// A plant; `wide` permits everybody everything.
pub(crate) fn plant(random: &mut Random, wall_ms: i64, wide: bool) -> Plant {
    let mut people: Vec<Person> = PEOPLE.iter().map(|(id, login)| person(id, *login)).collect();
    let mut admin = person("ada", Login::Key);
    (admin.admin, admin.local_uid) = (true, Some(ADMIN_UID));
    admin.roles = list(vec![RoleId::parse("chief").expect("an id")]);
    people.push(admin);
    let mut targets = vec![target("plc-gw", 10), target("hmi", 20)];
    if !wide && random.below(16) == 0 {
        targets.truncate(1);
    }
    let everybody = ["vera", "otto", "pia"];
    let mut conduits = vec![conduit("work", everybody.to_vec(), &targets, random, wall_ms)];
    if wide {
        (conduits[0].approvals, conduits[0].windows) = (0, List::default());
    } else {
        let some: Vec<&str> = everybody.iter().copied().filter(|_| random.below(4) > 0).collect();
        conduits.clear();
        if !some.is_empty() && random.below(5) > 0 {
            conduits.push(conduit("work", some, &targets, random, wall_ms));
        }
        if random.coin() {
            conduits.push(conduit("night", vec![pick(random, &everybody)], &targets[..1], random, wall_ms));
        }
    }
    Plant {
        box_facts: BoxFacts { name: Text::cut("sim"), banner: Text::cut("Recorded."), zone_time: Text::cut("UTC") },
        people: list(people),
        targets: list(targets),
        conduits: list(conduits),
        recording: RecordingRules { auditors: list(vec![Text::cut(AUDITOR)]), refuse_below_mb: 16, warn_below_mb: 32, live_key_s: 0 },
        limits: Limits { tries_before_lockout: 5, lockout_s: 60 },
        console: model::ConsoleRules { language: model::Language::English, lock_after_s: 120 },
        cutoff: model::Cutoff::default(),
    }
}

/// How many minutes a window is still open, if it is open; none in `Some` is for ever.
fn open_for(conduit: &Conduit, wall_ms: i64) -> Option<Option<i64>> {
    let Some(window) = conduit.windows.first() else { return Some(None) };
    let minute = wall_ms.div_euclid(MINUTE_MS).rem_euclid(DAY_MINUTES);
    let (from, to) = (i64::from(window.from_minute), i64::from(window.to_minute));
    let inside = if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to };
    inside.then(|| Some((to - minute).rem_euclid(DAY_MINUTES)))
}

/// The second opinion: until when (Unix ms) this conduit lets them work there, if it does now. It
/// is written from the plant's words alone, not from the policy's code.
pub(crate) fn permitted_until(plant: &Plant, who: &str, to: (&str, &str), conduit: &str, wall_ms: i64) -> Option<i64> {
    let knows = plant.people.iter().any(|p| p.id.as_str() == who);
    let machine = plant.targets.iter().find(|t| t.id.as_str() == to.0)?;
    let account = machine.accounts.iter().any(|a| a.id.as_str() == to.1);
    let conduit = plant.conduits.iter().find(|c| c.id.as_str() == conduit)?;
    let named = conduit.people.iter().any(|p| p.as_str() == who);
    let leads = conduit.targets.iter().any(|d| d.target.as_str() == to.0);
    if !(knows && account && named && leads) || conduit.approvals > 0 {
        return None;
    }
    let longest = wall_ms + i64::from(conduit.longest_s) * 1000;
    let window = open_for(conduit, wall_ms)?.map(|minutes| (wall_ms.div_euclid(MINUTE_MS) + minutes) * MINUTE_MS);
    Some(window.map_or(longest, |closes| closes.min(longest)))
}
