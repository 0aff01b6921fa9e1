//! A plant as text: what `dinlock export` prints. Defaults are written too, so that nothing is hidden.

use crate::objects::{INPUTS, KINDS, LANGUAGES, LOGINS, POWER_LOSSES, REARMS, SECRETS, STREAMS};
use crate::words::{drill_text, duration_text, window_text, word_of};
use model::{Conduit, Person, Plant, Target};
use std::fmt::{Display, Write};
use toml_edit::Value;

struct Out(String);

impl Out {
    fn head(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(name);
        self.0.push('\n');
    }

    fn raw(&mut self, key: &str, value: impl Display) {
        writeln!(self.0, "{key} = {value}").expect("writing to a text does not fail");
    }

    fn text(&mut self, key: &str, value: impl Display) {
        self.raw(key, Value::from(value.to_string()));
    }

    fn list(&mut self, key: &str, values: impl Iterator<Item = String>) {
        let quoted: Vec<String> = values.map(|v| Value::from(v).to_string()).collect();
        if !quoted.is_empty() {
            self.raw(key, format!("[{}]", quoted.join(", ")));
        }
    }
}

/// The plant file of a plant; `parse` gives the same plant back.
pub fn render(plant: &Plant) -> String {
    let mut out = Out(String::new());
    out.head("[box]");
    out.text("name", &plant.box_facts.name);
    out.text("banner", &plant.box_facts.banner);
    out.text("zone_time", &plant.box_facts.zone_time);
    out.head("[recording]");
    out.list("auditors", plant.recording.auditors.iter().map(ToString::to_string));
    out.raw("refuse_below_mb", plant.recording.refuse_below_mb);
    out.raw("warn_below_mb", plant.recording.warn_below_mb);
    out.text("live_key", duration_text(plant.recording.live_key_s));
    out.head("[limits]");
    out.raw("tries_before_lockout", plant.limits.tries_before_lockout);
    out.text("lockout", duration_text(plant.limits.lockout_s));
    out.head("[console]");
    out.text("language", word_of(LANGUAGES, &plant.console.language));
    out.text("lock_after", duration_text(plant.console.lock_after_s));
    out.head("[cutoff]");
    out.text("rearm", word_of(REARMS, &plant.cutoff.rearm));
    out.text("power_loss", word_of(POWER_LOSSES, &plant.cutoff.power_loss));
    if let Some(at) = plant.cutoff.drill {
        out.text("drill", drill_text(at));
    }
    plant.people.iter().for_each(|p| person(&mut out, p));
    plant.targets.iter().for_each(|t| target(&mut out, t));
    plant.conduits.iter().for_each(|c| conduit(&mut out, c));
    out.0
}

fn person(out: &mut Out, person: &Person) {
    out.head("[[person]]");
    out.text("id", &person.id);
    out.text("name", &person.name);
    out.text("employer", &person.employer);
    out.text("telephone", &person.telephone);
    out.list("roles", person.roles.iter().map(ToString::to_string));
    out.text("login", word_of(LOGINS, &person.login));
    out.list("keys", person.keys.iter().map(ToString::to_string));
    out.raw("admin", person.admin);
    if let Some(uid) = person.local_uid {
        out.raw("local_uid", uid);
    }
    out.raw("console", person.console);
}

fn target(out: &mut Out, target: &Target) {
    out.head("[[target]]");
    out.text("id", &target.id);
    out.text("kind", word_of(KINDS, &target.kind));
    out.text("address", target.address);
    out.raw("port", target.port);
    out.list("host_keys", target.host_keys.iter().map(ToString::to_string));
    out.list("legacy_algorithms", target.legacy_algorithms.iter().map(ToString::to_string));
    for account in target.accounts.iter() {
        out.head("[[target.account]]");
        out.text("id", &account.id);
        out.text("user", &account.user);
        out.text("secret", &account.secret);
        out.text("secret_kind", word_of(SECRETS, &account.secret_kind));
    }
}

fn conduit(out: &mut Out, conduit: &Conduit) {
    out.head("[[conduit]]");
    out.text("id", &conduit.id);
    out.list("people", conduit.people.iter().map(ToString::to_string));
    out.list("roles", conduit.roles.iter().map(ToString::to_string));
    out.list("targets", conduit.targets.iter().map(ToString::to_string));
    out.list("windows", conduit.windows.iter().map(window_text));
    out.text("longest", duration_text(conduit.longest_s));
    out.text("idle", duration_text(conduit.idle_s));
    out.raw("approvals", conduit.approvals);
    out.list("approvers", conduit.approvers.iter().map(ToString::to_string));
    out.text("input", word_of(INPUTS, &conduit.input));
    out.text("streams", word_of(STREAMS, &conduit.streams));
    out.text("recorder_grace", duration_text(conduit.recorder_grace_s));
    out.text("reconnect_grace", duration_text(conduit.reconnect_grace_s));
    out.raw("presence", conduit.presence);
}
