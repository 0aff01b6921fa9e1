//! Zones, disk, the box's key, the last fault, what was done; the cut-off key and the others.

use super::{ALARM, Canvas, LABEL, PLAIN, STRONG};
use crate::desk::{AGAIN_MS, Desk};
use crate::words::fill;
use guard::{Dog, Standing};
use ratatui::layout::Rect;

/// A key that is held for so long cuts off, in ms; the guardian measures it.
const HOLD_MS: u32 = 500;

/// Below what happened there is no room for more than what re-arming needs.
pub(super) fn draw_down(desk: &Desk, canvas: &mut Canvas<'_>) {
    let top = canvas.area().height.saturating_sub(super::BOTTOM_DOWN);
    zones(desk, canvas, top);
    notice(desk, canvas, top + 1);
    keys(desk, canvas, top + 2);
}

/// `faults_shown`: all of them stand above.
pub(super) fn draw(desk: &Desk, canvas: &mut Canvas<'_>, faults_shown: bool) {
    let area = canvas.area();
    let top = area.height.saturating_sub(super::BOTTOM);
    zones(desk, canvas, top);
    disk(desk, canvas, top + 1);
    key_line(desk, canvas, top + 2);
    if !faults_shown {
        fault(desk, canvas, top + 3);
    }
    notice(desk, canvas, top + 4);
    keys(desk, canvas, top + 5);
}

fn zones(desk: &Desk, canvas: &mut Canvas<'_>, y: u16) {
    let words = desk.words();
    let Some(state) = desk.state() else { return };
    let zone = |up: bool, drops: bool| match (up, drops) {
        (true, false) => ("■", words.up),
        (true, true) => ("▼", words.drops),
        (false, _) => ("▼", words.down),
    };
    let (mark, text) = zone(state.links_up > 0, state.ot_drops);
    let mut x = canvas.text(1, y, 10, LABEL, words.zone_ot);
    x = canvas.text(x + 1, y, 40, PLAIN, &format!("{mark} {text}"));
    let ports = fill(words.ports, &[&state.links_up.to_string(), &state.links.to_string()]);
    canvas.text(x, y, 30, PLAIN, &format!(", {ports}"));
    let (mark, text) = zone(true, state.uplink_drops);
    x = canvas.text(42, y, 10, LABEL, words.zone_uplink);
    canvas.text(x + 1, y, 20, PLAIN, &format!("{mark} {text}"));
    if state.contacts != 0 {
        let open = (0..8).find(|line| state.open >> line & 1 == 1);
        match open {
            None => canvas.right(79, y, PLAIN, words.contacts_closed),
            Some(line) => canvas.right(79, y, ALARM, &fill(words.contacts_open, &[&(line + 1).to_string()])),
        }
    }
}

fn disk(desk: &Desk, canvas: &mut Canvas<'_>, y: u16) {
    let words = desk.words();
    if let Some(view) = desk.view() {
        let x = canvas.text(1, y, 10, LABEL, words.disk);
        let days = view.days_left.map_or_else(|| words.disk_unknown.to_owned(), |days| fill(words.days, &[&days.to_string()]));
        let free = fill(words.free, &[&view.free_mb.to_string()]);
        canvas.text(x + 1, y, 36, PLAIN, &format!("{days}, {free}"));
    }
    if let Some(state) = desk.state() {
        let dog = match state.dog {
            Dog::Device => words.dog_device,
            Dog::StandIn => words.dog_stand_in,
            Dog::Starving => words.dog_starving,
        };
        canvas.text(42, y, 36, PLAIN, dog);
    }
}

/// The fingerprint that `dinlock verify` and an auditor compare: 64 digits in groups.
fn key_line(desk: &Desk, canvas: &mut Canvas<'_>, y: u16) {
    let Some((view, _)) = desk.view.as_ref().filter(|(view, _)| view.box_key != [0; 32]) else { return };
    canvas.text(1, y, 7, LABEL, desk.words().box_key);
    let groups: Vec<String> = view.box_key.chunks(4).map(|four| four.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
    canvas.text(9, y, 71, PLAIN, &groups.join(" "));
}

fn fault(desk: &Desk, canvas: &mut Canvas<'_>, y: u16) {
    let words = desk.words();
    let Some(view) = desk.view() else { return };
    match view.faults.first() {
        None => drop(canvas.text(1, y, 40, PLAIN, words.no_faults)),
        Some(fault) => {
            let x = canvas.text(1, y, 10, LABEL, words.fault);
            let more = if view.faults.len() > 1 { format!(" (+{})", view.faults.len() - 1) } else { String::new() };
            canvas.data(x + 1, y, 78_u16.saturating_sub(x), PLAIN, &format!("{}{more} {}", desk.hour(fault.wall_ms), &*fault.text));
        }
    }
}

/// The cut-off key while it is pressed; else what was done.
fn notice(desk: &Desk, canvas: &mut Canvas<'_>, y: u16) {
    let words = desk.words();
    let held_ms = desk.state().map_or(0, |state| u32::from(state.key_ms));
    if held_ms > 0 && !desk.is_cut_off() {
        canvas.bar(y, ALARM, words.f12_bar);
        let (left, width) = (24_u16, 54_u16);
        let done = u16::try_from(u32::from(width) * held_ms.min(HOLD_MS) / HOLD_MS).unwrap_or(width);
        canvas.fill(Rect { x: left, y, width, height: 1 }, super::CHOSEN);
        canvas.text(left, y, width, super::CHOSEN, &"█".repeat(usize::from(done)));
        canvas.text(left + done, y, width, super::CHOSEN, &"░".repeat(usize::from(width - done)));
    } else if let Some(at) = desk.pressed_ms {
        let left_ms = (at + AGAIN_MS).saturating_sub(desk.now.boot_ms);
        canvas.bar(y, ALARM, &fill(words.f12_again, &[&left_ms.div_ceil(1000).to_string()]));
    } else {
        let unlocked = desk.unlocked().map(|person| fill(words.unlocked_by, &[person]));
        let wide = unlocked.as_ref().map_or(0, |text| u16::try_from(text.chars().count() + 2).unwrap_or(u16::MAX));
        if let Some(text) = &unlocked {
            canvas.right(79, y, LABEL, text);
        }
        if let Some((text, _)) = &desk.notice {
            canvas.data(1, y, 78_u16.saturating_sub(wide), STRONG, text);
        }
    }
}

fn keys(desk: &Desk, canvas: &mut Canvas<'_>, y: u16) {
    let words = desk.words();
    let style = ALARM;
    let cut = match (desk.guardian_away(), desk.guardian_reads_key()) {
        (true, _) => words.f12_none,
        (false, true) => words.f12_held,
        (false, false) => words.f12_twice,
    };
    canvas.fill(Rect { x: 0, y, width: canvas.area().width, height: 1 }, PLAIN);
    let mut x = canvas.text(0, y, 40, style, &format!(" {cut} "));
    for key in others(desk) {
        let wide = u16::try_from(key.chars().count()).unwrap_or(u16::MAX);
        if x + 2 + wide > canvas.area().width {
            canvas.cut.push(key);
            return;
        }
        x = canvas.text(x + 2, y, wide, PLAIN, &key);
    }
}

/// The keys that do something now.
fn others(desk: &Desk) -> Vec<String> {
    let words = desk.words();
    let mut keys = Vec::new();
    let mut key = |text: &str| keys.push(text.to_owned());
    if let Some(view) = desk.view() {
        let armed = desk.state().is_none_or(|state| state.standing == Standing::Armed);
        key(if view.unlocked.is_some() { words.k_lock } else { words.k_unlock });
        let living = view.sessions.iter().find(|row| Some(row.session) == desk.chosen);
        if armed && view.sessions.len() + view.waiting.len() > 1 {
            key(words.k_choose);
        }
        if armed && !view.waiting.is_empty() && living.is_none() {
            key(words.k_admit);
            key(words.k_deny);
        }
        if let Some(row) = living.filter(|_| armed) {
            key(words.k_end);
            key(if row.state.as_str() == "paused" { words.k_resume } else { words.k_pause });
        }
        if desk.may_rearm() {
            key(words.k_rearm);
        }
    }
    if desk.settings.attached {
        key(words.k_leave);
    }
    keys
}
