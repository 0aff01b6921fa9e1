//! What each key does, by what lies over the screen.

use super::{AGAIN_MS, Act, Ask, Asked, Desk, Dialog, Order, PIN_DIGITS};
use crate::keys::Key;
use border::console::Request;
use border::desk;
use zeroize::Zeroizing;

impl Desk {
    pub(super) fn key(&mut self, key: Key) {
        match key {
            Key::Function(12) => return self.cut_off_key(),
            Key::Function(10) if self.settings.attached => return self.acts.push(Act::Leave { again: false }),
            Key::Redraw => return self.acts.push(Act::Redraw),
            Key::Char(_) | Key::Enter | Key::Escape | Key::Backspace | Key::Up | Key::Down | Key::Function(_) | Key::Other => {}
        }
        match self.dialog.take() {
            None => self.plain(key),
            Some(Dialog::Who { chosen, then }) => self.who(key, chosen, then),
            Some(dialog @ Dialog::Pin { checking: true, .. }) => self.dialog = Some(dialog),
            Some(Dialog::Pin { person, name, digits, checking: _, said, then }) => self.pin(key, person, name, digits, said, then),
            Some(Dialog::Confirm { order, text, more }) => self.confirm(key, order, text, more),
        }
    }

    /// Twice within two seconds; a key that is held repeats, which is the same wish. Where the guardian
    /// reads the keyboard itself, it measures how long the key is held.
    fn cut_off_key(&mut self) {
        let now = self.now.boot_ms;
        if self.guardian_reads_key() {
            if !self.guardian.owes {
                self.look_at_guardian();
            }
            return;
        }
        match self.pressed_ms {
            Some(at) if now <= at + AGAIN_MS => {
                self.pressed_ms = None;
                if self.guardian.gone_ms.is_none() {
                    self.acts.push(Act::ToGuardian(desk::Request::Cut { console: true }));
                    self.say(self.words().f12_sent.to_owned());
                }
            }
            Some(_) | None => self.pressed_ms = Some(now),
        }
        if self.guardian_away() {
            self.say(self.words().f12_dead.to_owned());
        }
    }

    fn plain(&mut self, key: Key) {
        let letter = match key {
            Key::Up => return self.choose(-1),
            Key::Down => return self.choose(1),
            Key::Char(letter) => letter.to_ascii_lowercase(),
            Key::Enter | Key::Escape | Key::Backspace | Key::Function(_) | Key::Redraw | Key::Other => return,
        };
        match letter {
            // The lists are not on the screen.
            'e' | 'p' | 'a' | 'd' if self.is_held() => {}
            'u' => self.unlock(None),
            'l' if self.unlocked().is_some() => self.ask(Asked::Lock, Request::Lock),
            'e' => self.chosen_living(|session, _| Order::End { session, block: false }),
            'p' => self.chosen_living(|session, state| if state == "paused" { Order::Resume(session) } else { Order::Pause(session) }),
            'a' => self.chosen_waiting(Order::Admit),
            'd' => self.chosen_waiting(Order::Deny),
            'r' if self.may_rearm() => self.want(Order::Rearm),
            _ => {}
        }
    }

    /// The sessions that can be chosen, those that wait first.
    fn choices(&self) -> Vec<u64> {
        let Some(view) = self.view() else { return Vec::new() };
        view.waiting.iter().map(|row| row.session).chain(view.sessions.iter().map(|row| row.session)).collect()
    }

    fn choose(&mut self, step: isize) {
        let choices = self.choices();
        let at = choices.iter().position(|session| Some(*session) == self.chosen);
        let next = match at {
            None => 0,
            Some(at) => at.saturating_add_signed(step).min(choices.len().saturating_sub(1)),
        };
        self.chosen = choices.get(next).copied();
    }

    /// A choice that is gone falls to nobody: what is meant is chosen anew.
    pub(super) fn keep_choice(&mut self) {
        let choices = self.choices();
        if !self.chosen.is_some_and(|chosen| choices.contains(&chosen)) {
            self.chosen = if choices.len() == 1 { choices.first().copied() } else { None };
        }
    }

    fn chosen_living(&mut self, order: impl Fn(u64, &str) -> Order) {
        let row = self.view().and_then(|view| view.sessions.iter().find(|row| Some(row.session) == self.chosen));
        match row.map(|row| order(row.session, &row.state)) {
            Some(order) => self.want(order),
            None => self.choose_first(),
        }
    }

    fn chosen_waiting(&mut self, order: impl Fn(u64) -> Order) {
        let waiting = self.view().map(|view| &view.waiting[..]).unwrap_or_default();
        let row = waiting.iter().find(|row| Some(row.session) == self.chosen).or(match waiting {
            [alone] => Some(alone),
            _ => None,
        });
        match row.map(|row| order(row.session)) {
            Some(order) => self.want(order),
            None => self.choose_first(),
        }
    }

    /// Nothing is done to a session that nobody chose.
    fn choose_first(&mut self) {
        if self.broker_away() {
            self.say(self.words().no_broker.to_owned());
        } else if !self.choices().is_empty() {
            self.say(self.words().k_choose.to_owned());
        }
    }

    fn who(&mut self, key: Key, chosen: usize, then: Option<Order>) {
        let last = self.keepers().len().saturating_sub(1);
        let chosen = match key {
            Key::Escape => return,
            Key::Enter => return self.ask_digits(chosen, then),
            Key::Up => chosen.saturating_sub(1),
            Key::Down => (chosen + 1).min(last),
            Key::Char(_) | Key::Backspace | Key::Function(_) | Key::Redraw | Key::Other => chosen,
        };
        self.dialog = Some(Dialog::Who { chosen, then });
    }

    fn pin(
        &mut self,
        key: Key,
        person: border::Name,
        name: String,
        mut digits: Zeroizing<Vec<u8>>,
        said: Option<String>,
        then: Option<Order>,
    ) {
        let mut checking = false;
        match key {
            Key::Escape => return,
            Key::Backspace => drop(digits.pop()),
            Key::Char(digit @ '0'..='9') if digits.len() < *PIN_DIGITS.end() => digits.push(digit as u8),
            Key::Enter if PIN_DIGITS.contains(&digits.len()) && self.asked.is_none() => {
                self.ask(Asked::Unlock, Request::Unlock { person: person.clone() });
                checking = true;
            }
            Key::Char(_) | Key::Enter | Key::Up | Key::Down | Key::Function(_) | Key::Redraw | Key::Other => {}
        }
        self.dialog = Some(Dialog::Pin { person, name, digits, checking, said, then });
    }

    fn confirm(&mut self, key: Key, order: Order, text: String, more: String) {
        let order = match (key, order) {
            (Key::Enter, order) => order,
            (Key::Char('b' | 'B'), Order::End { session, .. }) => Order::End { session, block: true },
            (Key::Escape, _) => return,
            (_, order) => {
                self.dialog = Some(Dialog::Confirm { order, text, more });
                return;
            }
        };
        if self.asked.is_none() {
            self.ask(Asked::Order(order), order.request());
        }
    }

    pub(super) fn ask(&mut self, asked: Asked, request: Request) {
        self.asked = Some((asked, self.now.boot_ms));
        self.acts.push(Act::ToBroker(Ask(request)));
    }
}
