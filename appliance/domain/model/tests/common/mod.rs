//! A small good plant.

use codec::{List, Text};
use model::{
    Account, AccountId, BoxFacts, Conduit, ConduitId, Destination, InputRecord, Kind, Limits, Login, Person, PersonId,
    Plant, RecordingRules, RoleId, SecretId, SecretKind, StreamRecord, Target, TargetId, Window,
};

pub fn list<T, const N: usize>(values: Vec<T>) -> List<T, N> {
    List::new(values).unwrap()
}

pub fn role(id: &str) -> RoleId {
    RoleId::parse(id).unwrap()
}

pub fn person(id: &str, roles: &[&str]) -> Person {
    Person {
        id: PersonId::parse(id).unwrap(),
        name: Text::cut("a name"),
        employer: Text::default(),
        telephone: Text::default(),
        roles: list(roles.iter().map(|r| role(r)).collect()),
        login: Login::KeyTotp,
        keys: list(vec![Text::cut("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ000000000000000000000000000000000000000000 x")]),
        admin: false,
        local_uid: None,
        console: false,
    }
}

pub fn target(id: &str) -> Target {
    Target {
        id: TargetId::parse(id).unwrap(),
        kind: Kind::Ssh,
        address: "10.99.2.10".parse().unwrap(),
        port: 22,
        host_keys: List::default(),
        legacy_algorithms: List::default(),
        accounts: list(vec![Account {
            id: AccountId::parse("maint").unwrap(),
            user: Text::cut("maint"),
            secret: SecretId::parse("plc-gw-maint").unwrap(),
            secret_kind: SecretKind::Password,
        }]),
    }
}

pub fn to(target: &str, account: Option<&str>) -> Destination {
    let account = account.map(|a| AccountId::parse(a).unwrap());
    Destination { target: TargetId::parse(target).unwrap(), account }
}

pub fn conduit(id: &str) -> Conduit {
    Conduit {
        id: ConduitId::parse(id).unwrap(),
        people: list(vec![PersonId::parse("vera").unwrap()]),
        roles: List::default(),
        targets: list(vec![to("plc-gw", Some("maint"))]),
        windows: list(vec![Window { days: 0x1f, from_minute: 480, to_minute: 1080 }]),
        longest_s: 8 * 3600,
        idle_s: 900,
        approvals: 0,
        approvers: List::default(),
        input: InputRecord::Echoed,
        streams: StreamRecord::Content,
        recorder_grace_s: 10,
        reconnect_grace_s: 0,
        presence: false,
    }
}

pub fn plant() -> Plant {
    Plant {
        box_facts: BoxFacts { name: Text::cut("demo"), banner: Text::default(), zone_time: Text::cut("UTC") },
        people: list(vec![person("vera", &["vendor"]), person("otto", &["operator"])]),
        targets: list(vec![target("plc-gw"), target("hidden")]),
        conduits: list(vec![conduit("work")]),
        recording: RecordingRules {
            auditors: list(vec![Text::cut("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p")]),
            refuse_below_mb: 64,
            warn_below_mb: 256,
            live_key_s: 900,
        },
        limits: Limits { tries_before_lockout: 5, lockout_s: 900 },
        console: model::ConsoleRules { language: model::Language::English, lock_after_s: 120 },
        cutoff: model::Cutoff::default(),
    }
}
