//! Claims: a plan names each object that is added, removed or changed, with its keys, and no other.

mod common;

use codec::Text;
use common::{conduit, list, person, plant, target};
use model::{Conduit, Person, Plant};

fn changes(change: impl FnOnce(&mut Plant)) -> Vec<String> {
    let (old, mut new) = (plant(), plant());
    change(&mut new);
    Plant::changes(&old, &new).iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_the_same_or_only_moved_is_no_change() {
    assert_eq!(changes(|_| ()), Vec::<String>::new());
    assert_eq!(changes(|p| p.targets = list(vec![target("hidden"), target("plc-gw")])), Vec::<String>::new());
}

#[test]
fn what_changes_names_its_keys() {
    assert_eq!(changes(|p| p.box_facts.banner = Text::cut("Go away.")), ["~ settings box: banner"]);
    assert_eq!(changes(|p| p.recording.live_key_s = 1), ["~ settings recording: live_key"]);
    assert_eq!(changes(|p| p.limits.lockout_s = 1), ["~ settings limits: lockout"]);
    assert_eq!(changes(|p| p.cutoff.rearm = model::Rearm::Either), ["~ settings cutoff: rearm"]);
    assert_eq!(changes(|p| p.conduits = list(vec![Conduit { longest_s: 60, idle_s: 60, ..conduit("work") }])), ["~ conduit work: longest, idle"]);
    let mut moved = target("hidden");
    moved.port = 2222;
    moved.accounts = Default::default();
    assert_eq!(changes(|p| p.targets = list(vec![target("plc-gw"), moved])), ["~ target hidden: port, account"]);
}

#[test]
fn what_comes_and_goes_is_named() {
    let vera = Person { admin: true, ..person("vera", &["vendor"]) };
    assert_eq!(changes(|p| p.people = list(vec![vera, person("anna", &[])])), ["+ person anna", "~ person vera: admin", "- person otto"]);
}
