//! What a person wants of the broker: unlocked first, confirmed, then sent; and what came of it.

use super::{Act, Asked, Desk, Dialog, Order};
use crate::words::fill;
use border::console::{Reply, Request, Why};
use guard::{Hold, Standing, State};
use zeroize::Zeroizing;

impl Order {
    pub(super) fn request(self) -> Request {
        match self {
            Self::End { session, block } => Request::End { session, block },
            Self::Pause(session) => Request::Pause { session },
            Self::Resume(session) => Request::Resume { session },
            Self::Admit(session) => Request::Admit { session },
            Self::Deny(session) => Request::Deny { session },
            Self::Rearm => Request::Rearm,
        }
    }
}

impl Desk {
    /// Whether a PIN here lifts what holds the box: what holds it while it starts lifts itself.
    pub(crate) fn may_rearm(&self) -> bool {
        let held = |state: &State| !matches!(state.standing, Standing::Armed | Standing::Held { why: Hold::Starting });
        self.view().is_some_and(|view| view.pin_rearms) && self.state().is_some_and(held)
    }

    /// Whether the screen says why the box is held, in the place of who works.
    pub(super) fn is_held(&self) -> bool {
        self.state().is_some_and(|state| state.standing != Standing::Armed)
    }

    /// Unlocks first where it is locked, then asks once more.
    pub(super) fn want(&mut self, order: Order) {
        if self.view().is_none() {
            return self.say(self.words().no_broker.to_owned());
        }
        if self.unlocked().is_none() {
            return self.unlock(Some(order));
        }
        let (text, more) = self.question(order);
        self.dialog = Some(Dialog::Confirm { order, text, more });
    }

    pub(super) fn unlock(&mut self, then: Option<Order>) {
        if self.view().is_none() {
            return self.say(self.words().no_broker.to_owned());
        }
        match self.keepers().len() {
            0 => self.say(self.words().no_keepers.to_owned()),
            1 => self.ask_digits(0, then),
            _ => self.dialog = Some(Dialog::Who { chosen: 0, then }),
        }
    }

    pub(super) fn ask_digits(&mut self, keeper: usize, then: Option<Order>) {
        let Some(keeper) = self.keepers().get(keeper) else { return };
        let name = if keeper.name.is_empty() { keeper.person.to_string() } else { keeper.name.to_string() };
        let person = keeper.person.clone();
        let digits = Zeroizing::new(Vec::with_capacity(16));
        self.dialog = Some(Dialog::Pin { person, name, digits, checking: false, said: None, then });
    }

    /// Name, machine and telephone of a session's person.
    fn about(&self, session: u64) -> (String, String, String) {
        let none = || (String::new(), String::new(), String::new());
        let Some(view) = self.view() else { return none() };
        let shown = |name: &str, id: &str| if name.is_empty() { id.to_owned() } else { name.to_owned() };
        if let Some(row) = view.sessions.iter().find(|row| row.session == session) {
            return (shown(&row.name, &row.person), row.target.to_string(), row.telephone.to_string());
        }
        let row = view.waiting.iter().find(|row| row.session == session);
        row.map_or_else(none, |row| (shown(&row.name, &row.person), row.target.to_string(), row.telephone.to_string()))
    }

    fn question(&self, order: Order) -> (String, String) {
        let words = self.words();
        let ask = |text: &str, session: u64| {
            let (name, target, _) = self.about(session);
            fill(text, &[&name, &target])
        };
        let alone = |text: String| (text, String::new());
        match order {
            Order::End { session, .. } => alone(ask(words.ask_end, session)),
            Order::Pause(session) => alone(ask(words.ask_pause, session)),
            Order::Resume(session) => alone(ask(words.ask_resume, session)),
            Order::Admit(session) => {
                let (_, _, telephone) = self.about(session);
                (ask(words.ask_admit, session), fill(words.ask_admit_seen, &[&telephone]))
            }
            Order::Deny(session) => alone(ask(words.ask_deny, session)),
            Order::Rearm => alone(words.ask_rearm.to_owned()),
        }
    }

    pub(super) fn broker_said(&mut self, reply: Reply) {
        self.broker.heard_ms = self.now.boot_ms;
        match reply {
            Reply::View { view } => {
                self.broker.owes = false;
                self.view = Some((view, self.now.boot_ms));
                self.keep_choice();
            }
            Reply::Asked => {
                if let Some(Dialog::Pin { digits, checking: true, .. }) = &mut self.dialog {
                    let typed = std::mem::take(digits);
                    self.acts.push(Act::Pin(typed));
                }
            }
            Reply::Done => {
                if let Some((asked, _)) = self.asked.take() {
                    self.done(asked);
                    self.broker.asked_ms = None;
                }
            }
            Reply::Refused { why } => {
                if let Some((asked, _)) = self.asked.take() {
                    self.refused(asked, &why);
                }
            }
        }
    }

    fn done(&mut self, asked: Asked) {
        let words = self.words();
        let text = match asked {
            Asked::Lock => words.done_locked.to_owned(),
            Asked::Unlock => return self.was_unlocked(),
            Asked::Order(Order::End { block: false, .. }) => words.done_end.to_owned(),
            Asked::Order(Order::End { block: true, .. }) => words.done_block.to_owned(),
            Asked::Order(Order::Pause(_)) => words.done_pause.to_owned(),
            Asked::Order(Order::Resume(_)) => words.done_resume.to_owned(),
            Asked::Order(Order::Admit(_)) => words.done_admit.to_owned(),
            Asked::Order(Order::Deny(_)) => words.done_deny.to_owned(),
            Asked::Order(Order::Rearm) => words.done_rearm.to_owned(),
        };
        if asked == Asked::Lock
            && let Some((view, _)) = &mut self.view
        {
            view.unlocked = None;
        }
        self.say(text);
    }

    fn was_unlocked(&mut self) {
        let Some(Dialog::Pin { person, then, .. }) = self.dialog.take() else { return };
        let after_s = self.view().map_or(0, |view| view.lock_after_s);
        if let Some((view, _)) = &mut self.view {
            view.unlocked = Some(person);
        }
        match then {
            Some(order) => self.want(order),
            None => self.say(fill(self.words().done_unlocked, &[&self.span(u64::from(after_s) * 1000)])),
        }
    }

    fn refused(&mut self, asked: Asked, why: &Why) {
        let words = self.words();
        let text = match why {
            Why::Locked => words.no_locked.to_owned(),
            Why::WrongPin => words.no_pin_wrong.to_owned(),
            Why::Wait { seconds } => fill(words.no_wait, &[&self.span(u64::from(*seconds) * 1000)]),
            Why::NoPin => words.no_pin.to_owned(),
            Why::NoSession => words.no_session.to_owned(),
            Why::NotNow => words.no_not_now.to_owned(),
            Why::Away { part } => fill(words.no_away, &[part.as_str()]),
            Why::Other { text } => fill(words.no_other, &[text.as_str()]),
        };
        if let (Asked::Unlock, Some(Dialog::Pin { digits, checking, said, .. })) = (asked, &mut self.dialog) {
            *digits = Zeroizing::new(Vec::with_capacity(16));
            *checking = false;
            *said = Some(text);
        } else {
            self.say(text);
        }
    }

    /// Nothing that was asked of it is answered any more.
    pub(super) fn broker_silent(&mut self) {
        if self.asked.take().is_some() {
            self.say(self.words().no_answer.to_owned());
        }
        self.dialog = None;
    }
}
