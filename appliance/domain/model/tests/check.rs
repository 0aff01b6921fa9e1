//! Claims: a good plant passes; each thing that only the whole shows is one fault with its place.

mod common;

use codec::{List, Text};
use common::{conduit, list, person, plant, role, target, to};
use model::{Conduit, PersonId, Plant, Window};

/// Exactly this fault, at this object and entry.
fn one(change: impl FnOnce(&mut Plant), index: usize, entry: Option<usize>, wanted: &str) {
    let mut plant = plant();
    change(&mut plant);
    let faults = plant.check().expect_err(wanted);
    let said: Vec<_> = faults.iter().map(|f| (f.index, f.entry, f.to_string())).collect();
    assert_eq!(said, [(index, entry, wanted.to_owned())]);
}

fn of_conduit(change: impl FnOnce(&mut Conduit), entry: Option<usize>, wanted: &str) {
    let change = |plant: &mut Plant| {
        let mut changed = conduit("work");
        change(&mut changed);
        plant.conduits = list(vec![changed]);
    };
    one(change, 0, entry, &format!("conduit work.{wanted}"));
}

#[test]
fn a_good_plant_passes() {
    assert_eq!(plant().check(), Ok(()));
    assert_eq!(codec::decode::<Plant>(&codec::encode(&plant())), Ok(plant()));
}

#[test]
fn ids_are_given_once() {
    let again = "vera stands twice; give each one its own id";
    one(|p| p.people = list(vec![person("vera", &[]), person("otto", &[]), person("vera", &[])]), 2, None, &format!("person vera.id: {again}"));
    one(|p| p.targets = list(vec![target("plc-gw"), target("plc-gw")]), 1, None, "target plc-gw.id: plc-gw stands twice; give each one its own id");
    one(|p| p.conduits = list(vec![conduit("work"), conduit("work")]), 1, None, "conduit work.id: work stands twice; give each one its own id");
    let doubled = |p: &mut Plant| {
        let mut hidden = target("hidden");
        hidden.accounts = list([hidden.accounts.to_vec(), hidden.accounts.to_vec()].concat());
        p.targets = list(vec![target("plc-gw"), hidden]);
    };
    // The third account of the plant, counted over both machines.
    one(doubled, 2, None, "target.account hidden.maint.id: maint stands twice; give each one its own id");
}

#[test]
fn a_conduit_names_what_there_is() {
    let otta = PersonId::parse("otta").unwrap();
    of_conduit(|c| c.people = list(vec![c.people[0].clone(), otta]), Some(1), "people: there is no person otta; name the id of a [[person]]");
    of_conduit(|c| c.people = List::default(), None, "people: it names nobody; name people or roles");
    of_conduit(|c| (c.people, c.roles) = (List::default(), list(vec![role("boss")])), None, "roles: nobody has one of these roles; name a role of a [[person]]");
    of_conduit(|c| c.targets = List::default(), None, "targets: it leads nowhere; name at least one target");
    of_conduit(|c| c.targets = list(vec![to("plc", None)]), Some(0), "targets: there is no target plc; name the id of a [[target]]");
    of_conduit(|c| c.targets = list(vec![to("plc-gw", Some("root"))]), Some(0), "targets: plc-gw has no account root; name one of its accounts");
    of_conduit(|c| c.targets = list(vec![to("plc-gw", None), to("plc-gw", None)]), Some(1), "targets: plc-gw stands twice; name each one once");
    let mut by_role = plant();
    by_role.conduits = list(vec![Conduit { people: List::default(), roles: list(vec![role("boss"), role("vendor")]), ..conduit("work") }]);
    assert_eq!(by_role.check(), Ok(()), "a role that is empty for now may stand beside others");
}

#[test]
fn a_conduits_rules_are_in_range() {
    for (longest, good) in [(0, false), (59, false), (60, true), (86_400, true), (86_401, false), (u32::MAX, false)] {
        let mut plant = plant();
        plant.conduits = list(vec![Conduit { longest_s: longest, ..conduit("work") }]);
        assert_eq!(plant.check().is_ok(), good, "{longest} s");
    }
    let windows = [(0x1f, 480, 1080, true), (1, 1320, 360, true), (1, 0, 1440, true), (1, 1320, 0, true),
        (0, 480, 1080, false), (0x80, 480, 1080, false), (1, 480, 480, false), (1, 1440, 60, false), (1, 0, 1441, false)];
    for (days, from_minute, to_minute, good) in windows {
        let mut plant = plant();
        plant.conduits = list(vec![Conduit { windows: list(vec![Window { days, from_minute, to_minute }]), ..conduit("work") }]);
        assert_eq!(plant.check().is_ok(), good, "{days:#x} {from_minute} {to_minute}");
    }
    of_conduit(|c| c.approvals = 1, None, "approvers: nobody may approve; name at least one role");
    of_conduit(|c| (c.approvals, c.approvers) = (3, list(vec![role("operator")])), None, "approvals: 3 are too many; 0, 1 or 2");
    of_conduit(|c| (c.approvals, c.approvers) = (1, list(vec![role("operator"), role("boss")])), Some(1), "approvers: nobody has the role boss; name a role of a [[person]]");
}

#[test]
fn settings_people_and_machines_are_in_range() {
    one(|p| p.box_facts.name = Text::cut("The Box"), 0, None, "box.name: \"The Box\" is no name of a box; write 1 to 32 of a-z, 0-9, _ and -");
    for bad in ["", "/etc/passwd", "Europe/", "../UTC", "Europe Berlin"] {
        one(|p| p.box_facts.zone_time = Text::cut(bad), 0, None, &format!("box.zone_time: {bad:?} is no time zone; write an IANA name, as \"Europe/Berlin\""));
    }
    one(|p| p.recording.auditors = List::default(), 0, None, "recording.auditors: no auditor is named; name at least one age recipient, as \"age1...\"");
    one(|p| p.recording.auditors = list(vec![Text::cut("AGE-SECRET-KEY-1Q")]), 0, Some(0), "recording.auditors: a secret key stands here; write the public half, as \"age1...\"");
    one(|p| p.recording.auditors = list(vec![Text::cut("age1-secret-key-1q")]), 0, Some(0), "recording.auditors: a secret key stands here; write the public half, as \"age1...\"");
    one(|p| p.recording.warn_below_mb = 1, 0, None, "recording.warn_below_mb: it is below refuse_below_mb; warn before refusing");
    one(|p| p.limits.tries_before_lockout = 0, 0, None, "limits.tries_before_lockout: 0 is out of range; from 1 to 100");
    let users = |p: &mut Plant| {
        let with = |id, uid| model::Person { local_uid: uid, ..person(id, &[]) };
        p.people = list(vec![with("vera", Some(1000)), with("otto", None), with("anna", Some(1000))]);
    };
    one(users, 2, None, "person anna.local_uid: 1000 is another person's too; one user of the box is one person");
    let machine = |change: fn(&mut model::Target)| move |p: &mut Plant| {
        let mut hidden = target("hidden");
        change(&mut hidden);
        p.targets = list(vec![target("plc-gw"), hidden]);
    };
    one(machine(|t| t.port = 0), 1, None, "target hidden.port: 0 is no port; from 1 to 65535");
    one(machine(|t| t.address = "0.0.0.0".parse().unwrap()), 1, None, "target hidden.address: 0.0.0.0 is no machine's address; write the address of one machine");
    one(machine(|t| t.accounts = List::default()), 1, None, "target hidden.account: it has no account; name at least one [[target.account]]");
    one(machine(|t| t.host_keys = list(vec![Text::cut("ssh-rsa")])), 1, Some(0), "target hidden.host_keys: it is no whole public key; write one line of an OpenSSH public key: Ed25519, ECDSA or RSA, not cut short");
}

#[test]
fn presence_wants_somebody_who_may_unlock_and_the_console_locks_in_its_time() {
    let nobody = "presence: nobody could admit its sessions; write console = true for a [[person]] who may unlock the console at the box";
    of_conduit(|c| c.presence = true, None, nobody);
    let mut guarded = plant();
    guarded.conduits = list(vec![Conduit { presence: true, ..conduit("work") }]);
    let mut people = guarded.people.to_vec();
    people[0].console = true;
    guarded.people = list(people);
    assert_eq!(guarded.check(), Ok(()));
    for (after_s, good) in [(9, false), (10, true), (3_600, true), (3_601, false)] {
        let mut plant = plant();
        plant.console.lock_after_s = after_s;
        assert_eq!(plant.check().is_ok(), good, "{after_s} s");
    }
    one(|p| p.console.lock_after_s = 0, 0, None, "console.lock_after: 0 s is out of range; from 10 seconds to 1 hour");
}
