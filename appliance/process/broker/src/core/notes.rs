//! What the guardian tells, written down: one row a note.

use super::audit::Note as Row;
use super::{Action, Core};
use border::Name;
use border::guardian::Order;
use guard::{Contact, FAULTS, Hold, Mark, Note, Part, Report, Standing, Steps, Trigger};

/// Of a drill: terminating active vendor remote access is exercised.
pub(super) const DRILL: &str = "CIP-005-7 R3.2";

/// Each step with its time.
pub(super) fn steps_text(steps: &Steps) -> String {
    let all = [
        ("filters", steps.filters_us),
        ("kill", steps.killed_us),
        ("dead", steps.dead_us),
        ("serial", steps.serial_us),
        ("links", steps.links_us),
        ("latched", steps.latched_us),
    ];
    let text = |(name, us): &(&str, Option<u32>)| us.map_or_else(|| format!("{name} not yet"), |us| format!("{name} {us} µs"));
    all.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn hold(why: Hold) -> &'static str {
    match why {
        Hold::Starting => "its self-check has not passed",
        Hold::CutOff => "it is cut off",
        Hold::Reset => "its watchdog reset it",
        Hold::Resets => "its watchdog reset it three times in half an hour",
        Hold::PowerLoss => "it lost power",
        Hold::Overdue => "a session outlived its end",
        Hold::Slots => "its latch can't be understood",
        Hold::Zone => "a port or a filter is not as it was set",
    }
}

fn part(part: Part) -> &'static str {
    match part {
        Part::Broker => "broker",
        Part::Vault => "vault",
        Part::Launcher => "launcher",
        Part::Latch => "latch",
        Part::Zones => "zones",
        Part::Desk => "somebody at the guardian's desk",
    }
}

fn mark(mark: Mark) -> &'static str {
    match mark {
        Mark::Clean => "in order",
        Mark::Running => "without an end: power was lost, or the watchdog reset it",
        Mark::Starving => "with the watchdog unfed on purpose",
        Mark::Silent => "with a guardian that fell silent",
    }
}

fn contact(line: u8, contact: Contact) -> String {
    let is = match contact {
        Contact::Closed => "closed",
        Contact::Open => "open",
        Contact::Gone => "gone, which counts as open",
    };
    format!("wired contact {line} is {is}")
}

fn unclean(of: Mark, resets: u8) -> String {
    format!("the boot before this one ended {}; {resets} resets by the watchdog of late", mark(of))
}

fn faults(what: u16) -> String {
    let words = FAULTS.iter().filter(|(bit, _)| what & bit != 0).map(|(_, words)| *words);
    words.collect::<Vec<_>>().join("; ")
}

impl<F> Core<F> {
    /// Once, and then it says so; what was written down before is only said again.
    pub(super) fn told(&mut self, number: u64, wall_ms: i64, note: Note) {
        if self.guardian.is_new(number, wall_ms) {
            self.write_down(number, wall_ms, note);
            self.heed(note);
        }
        // After the row: the shell sends it on once the vault has that.
        self.act(Action::ToGuardian(Order::Noted { number }, Vec::new()));
    }

    /// What follows from a note: a cut-off counts before the next beat says how the box stands.
    fn heed(&mut self, note: Note) {
        if let Note::Drilled { report } = note {
            return self.drilled(report);
        }
        let (Note::Cut { report }, Some(mut state)) = (note, self.guardian.state) else { return };
        if state.report.is_none_or(|known| known.number < report.number) {
            (state.standing, state.since_ms) = (Standing::Held { why: Hold::CutOff }, report.boot_ms);
            state.report = Some(report);
            self.guardian_says(state);
        }
    }

    fn trigger(&self, trigger: Trigger) -> String {
        match trigger {
            Trigger::Key => "by the cut-off key".to_owned(),
            Trigger::Break => "by BREAK on the serial console".to_owned(),
            Trigger::Contact { line } => format!("by wired contact {line}"),
            Trigger::ContactGone { line } => format!("by wired contact {line}, whose line vanished"),
            Trigger::Console => "by the console's key".to_owned(),
            Trigger::Command { uid } => format!("by `dinlock cutoff`, {}", self.admin_of(uid)),
            Trigger::Broker { ticket } => format!("ordered by {}", self.who_ordered(ticket)),
            Trigger::Drill { ticket } => format!("by a drill, ordered by {}", self.who_ordered(ticket)),
        }
    }

    fn report(&self, report: &Report) -> String {
        let (trigger, steps) = (self.trigger(report.trigger), steps_text(&report.steps));
        format!("cut-off {} {trigger}; {} sessions; {steps}", report.number, report.sessions)
    }

    fn write_down(&mut self, number: u64, wall_ms: i64, note: Note) {
        let killed = "it outlived its end by 2 s".to_owned();
        let starving = "a session outlived its end: the watchdog is no longer fed".to_owned();
        let unregistered = "processes that nobody registered were killed".to_owned();
        let (category, kind, ok, requirement, text) = match note {
            Note::Cut { report } => ("session", "cutoff.begun", true, "SR 2.6", self.report(&report)),
            Note::CutDone { report } => ("session", "cutoff.done", true, "SR 2.6", self.report(&report)),
            Note::CutAgain { trigger } => ("session", "cutoff.pressed_again", true, "SR 2.6", self.trigger(trigger)),
            Note::CutFailed { report } => ("session", "cutoff.failed", false, "SR 2.6", self.report(&report)),
            Note::Drilled { report } => ("session", "cutoff.drill_over", true, DRILL, self.report(&report)),
            Note::Rearmed { ticket } => ("access", "cutoff.rearmed", true, "SR 2.6", format!("by {}", self.who_ordered(ticket))),
            Note::Armed => ("system", "box.armed", true, "SR 5.2", "OT is up".to_owned()),
            Note::Held { why } => ("system", "box.held", true, "SR 3.6", format!("OT is down: {}", hold(why))),
            Note::Killed { .. } => ("session", "guardian.killed", false, "SR 2.6", killed),
            Note::Starving { .. } => ("system", "guardian.starving", false, "SR 3.6", starving),
            Note::Unclean { mark, resets } => ("system", "boot.unclean", false, "SR 7.4", unclean(mark, resets)),
            Note::ContactIs { line, contact: is } => ("system", "contact.changed", true, "SR 3.2", contact(line, is)),
            Note::Late { part: of } => ("system", "guardian.part_late", false, "SR 7.4", format!("the {} is late: sessions end", part(of))),
            Note::Back { part: of } => ("system", "guardian.part_back", true, "SR 7.4", format!("the {} is back", part(of))),
            Note::Unregistered => ("system", "guardian.unregistered", false, "SR 3.4", unregistered),
            Note::SlotFault { slot } => ("system", "latch.slot_fault", false, "SR 7.4", format!("slot {slot} can't be written or read")),
            Note::OutOfTurn { part: of } => ("system", "border.out_of_turn", false, "SR 3.5", format!("the {} at the guardian", part(of))),
            Note::Fault { what } => ("system", "guardian.fault", false, "SR 7.4", faults(what)),
        };
        let mut row = Row::new(category, kind, if ok { "ok" } else { "failed" }, requirement);
        if let Note::Killed { session } | Note::Starving { session } = note {
            row.session = Some(session);
        }
        row.person = self.behind(note);
        let zone = self.plant.as_ref().map_or("UTC", |plant| plant.box_facts.zone_time.as_str());
        row.detail = format!("{text}; note {number} of {}", policy::local_words(zone, wall_ms));
        self.audit(row);
    }

    /// The person of the plant behind a note, where there is one.
    fn behind(&self, note: Note) -> Option<Name> {
        if let Note::Rearmed { ticket } = note {
            return self.cutoff.ordered.get(&ticket).and_then(|order| order.person.clone());
        }
        if let Note::Cut { report } = note
            && let Trigger::Command { uid } = report.trigger
        {
            let plant = self.plant.as_ref()?;
            return super::access::admin_with_uid(plant, uid).map(|id| Name::cut(id.to_string()));
        }
        None
    }
}
