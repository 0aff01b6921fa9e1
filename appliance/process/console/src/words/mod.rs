//! Every text of the screen, one file a language. `{0}`, `{1}` and so on stand for what is filled in.

mod de;
mod en;

pub use de::DE;
pub use en::EN;

macro_rules! words {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?; $($(#[$lmeta:meta])* $list:ident: $count:literal),+ $(,)?) => {
        /// The texts of one language.
        #[derive(Debug)]
        #[allow(missing_docs, reason = "a text says itself what it is for")]
        pub struct Words { $($(#[$meta])* pub $name: &'static str,)+ $($(#[$lmeta])* pub $list: [&'static str; $count],)+ }

        impl Words {
            /// All of them with their names: for tests.
            pub fn all(&self) -> Vec<(&'static str, &'static str)> {
                let mut all = vec![$((stringify!($name), self.$name)),+];
                $(all.extend(self.$list.iter().map(|text| (stringify!($list), *text)));)+
                all
            }
        }
    };
}

words! {
    // The word on top, in big letters: A to Z and blanks.
    big_armed, big_cut, big_held, big_unknown,
    // One sentence below it.
    armed_nobody, armed_one, armed_some, guardian_away,
    since, utc,
    // Alarms.
    alarm_guardian, alarm_broker, alarm_starving, alarm_drops, alarm_uplink_drops, alarm_disk, alarm_resets,
    alarm_late, alarm_vt, alarm_waiting, alarm_more,
    // Lists.
    waiting, sessions, range, nobody, nobody_known, wants, lapses, ends_in, since_short, telephone, inputs, watched,
    live, paused, connecting, ending,
    // Lines at the bottom.
    zone_ot, zone_uplink, up, down, drops, ports, contacts_closed, contacts_open, disk, disk_unknown, days, free, dog_device, dog_stand_in,
    dog_starving, box_key, no_faults, last_faults, fault,
    // Times.
    seconds, minutes, hours, days_long, not_yet, ms,
    // A cut-off.
    happened, happened_at, lived_none, lived_one, lived_some, latched, not_latched, drill,
    to_do, do_safe, do_tell, do_clear, mistake, mistake_harm, rearm_person, rearm_pin, rearm_pin_locked,
    // Held for another reason.
    why_held, lacking, nothing_lacking, held_self, held_person,
    // The cut-off key.
    f12_held, f12_twice, f12_again, f12_bar, f12_sent, f12_dead, f12_none,
    // Keys.
    k_unlock, k_lock, k_choose, k_end, k_pause, k_resume, k_admit, k_deny, k_rearm, k_leave, unlocked_by,
    // Dialogs.
    who_unlocks, pin_of, pin_hint, pin_checking, yes_no, yes_no_block, choose_enter,
    ask_end, ask_pause, ask_resume, ask_admit, ask_admit_seen, ask_deny, ask_rearm,
    // What came of it.
    done_unlocked, done_locked, done_end, done_block, done_pause, done_resume, done_admit, done_deny, done_rearm,
    no_locked, no_pin_wrong, no_wait, no_pin, no_session, no_not_now, no_away, no_other, no_keepers, no_answer,
    no_broker;
    // By `guard::Hold`, from 1.
    holds: 8,
    // By `guard::Trigger`, from 1.
    triggers: 8,
    // By `guard::Steps`.
    steps: 6,
    // By the bits of `guard::LACKS`.
    lacks: 8,
    // By the bits of `guard::FAULTS`.
    faults: 6,
    // By the bits of `guard::LATE`.
    late: 5,
    // From Monday.
    weekdays: 7,
}

/// Fills `{0}`, `{1}` and so on.
pub fn fill(text: &str, values: &[&str]) -> String {
    let mut out = text.to_owned();
    for (number, value) in values.iter().enumerate() {
        out = out.replace(&format!("{{{number}}}"), value);
    }
    out
}

/// By the language's name; English for every other.
pub fn of(language: &str) -> &'static Words {
    if language == "de" { &DE } else { &EN }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<String> {
        let mut places: Vec<String> = (0..9).map(|n| format!("{{{n}}}")).filter(|place| text.contains(place)).collect();
        places.sort();
        places
    }

    #[test]
    fn both_languages_say_everything_with_the_same_places_within_the_screen() {
        let (en, de) = (EN.all(), DE.all());
        assert_eq!(en.len(), de.len());
        let mut same = 0;
        for ((name, english), (_, german)) in en.iter().zip(&de) {
            assert!(!english.is_empty() && !german.is_empty(), "{name} is empty");
            assert_eq!(places(english), places(german), "{name}");
            assert!(english.chars().count() <= 78 && german.chars().count() <= 78, "{name} does not fit");
            same += usize::from(english == german);
        }
        assert!(same * 8 < en.len(), "{same} of {} texts are not translated", en.len());
    }

    #[test]
    fn every_character_is_in_the_consoles_own_font() {
        // Code page 437, which the Linux console has without loading a font, and ASCII.
        let font = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥ƒáíóúñÑªº¿¬½¼¡«»░▒▓│┤┐└┴┬├─┼┘┌█▄▌▐▀ßµ±≥≤÷≈°•·²■▲►▼◄↑↓→←";
        for (name, text) in EN.all().into_iter().chain(DE.all()) {
            let odd: Vec<char> = text.chars().filter(|c| !c.is_ascii() && !font.contains(*c)).collect();
            assert!(odd.is_empty(), "{name}: {odd:?}");
        }
    }
}
