//! What somebody has to know of now, the worst first, on lines that are theirs alone.

use super::{ALARM, ALARMS, ALARMS_TOP, Canvas};
use crate::desk::Desk;
use crate::words::fill;
use guard::{Dog, FAULTS, LATE, Standing};

/// Days left on the disk from which on it is an alarm.
const DISK_DAYS_LOW: u32 = 7;

/// All of them, the worst first.
pub(crate) fn all(desk: &Desk) -> Vec<String> {
    let words = desk.words();
    let mut alarms = Vec::new();
    if desk.guardian_away() {
        alarms.push(words.alarm_guardian.to_owned());
    }
    if desk.broker_away() {
        alarms.push(words.alarm_broker.to_owned());
    }
    if let Some(state) = desk.state() {
        let armed = state.standing == Standing::Armed;
        if state.dog == Dog::Starving {
            alarms.push(words.alarm_starving.to_owned());
        }
        if armed && state.ot_drops {
            alarms.push(words.alarm_drops.to_owned());
        }
        if armed && state.uplink_drops {
            alarms.push(words.alarm_uplink_drops.to_owned());
        }
        let late = LATE.iter().zip(words.late).filter(|((bit, _), _)| state.late & bit != 0);
        let late: Vec<&str> = late.map(|(_, name)| name).collect();
        if armed && !late.is_empty() {
            alarms.push(fill(words.alarm_late, &[&late.join(", ")]));
        }
        let faults = FAULTS.iter().zip(words.faults).filter(|((bit, _), _)| state.faults & bit != 0);
        alarms.extend(faults.map(|(_, text)| text.to_owned()));
        if state.resets > 0 {
            alarms.push(fill(words.alarm_resets, &[&state.resets.to_string()]));
        }
    }
    if let Some(days) = desk.view().and_then(|view| view.days_left).filter(|days| *days < DISK_DAYS_LOW) {
        alarms.push(fill(words.alarm_disk, &[&fill(words.days_long, &[&days.to_string()])]));
    }
    if desk.settings.unlocked_screens {
        alarms.push(words.alarm_vt.to_owned());
    }
    alarms
}

pub(super) fn draw(desk: &Desk, canvas: &mut Canvas<'_>) {
    let alarms = all(desk);
    let room = usize::from(ALARMS);
    let more = alarms.len().saturating_sub(room);
    for (place, y) in (ALARMS_TOP..ALARMS_TOP + ALARMS).enumerate() {
        let Some(alarm) = alarms.get(place) else { continue };
        canvas.bar(y, ALARM, &format!("▲ {alarm}"));
        if more > 0 && place + 1 == room {
            let text = format!(" {} ", fill(desk.words().alarm_more, &[&more.to_string()]));
            canvas.right(canvas.area().width, y, super::CHOSEN, &text);
        }
    }
}
