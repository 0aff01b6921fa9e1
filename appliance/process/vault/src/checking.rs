//! The checks thread: password hashes take long, and nothing else may wait for them.

use crate::checks::{Checker, Question};
use crate::queue::{Job, Queue, Told};
use crate::secrets::Secrets;
use crate::start::Line;
use border::vault::Event;
use codec::{Bytes, Text};
use policy::tries::Limits;
use std::sync::Mutex;
use std::sync::mpsc::Receiver;
use zeroize::Zeroizing;

/// What it is asked.
#[derive(Debug)]
pub enum Ask {
    /// Check a login of a front.
    Check { worker: u64, question: Question },
    /// Hash a new password, then keep it.
    Person { ticket: u64, person: Text<32>, password: Option<Bytes<256>>, totp: Option<Bytes<64>> },
    /// Check a PIN of the console.
    Pin { ticket: u64, person: Text<32>, typed: Zeroizing<Vec<u8>> },
    /// Hash a new PIN, then keep it.
    SetPin { ticket: u64, person: Text<32>, typed: Zeroizing<Vec<u8>> },
    /// Limits of failed logins; new ones forget the failures.
    Limits(Limits),
}

/// Works until nobody asks any more.
pub fn run(mut checker: Checker, asked: &Receiver<Ask>, secrets: &Mutex<Secrets>, queue: &Queue, line: &Line) {
    let mut limits = None;
    for ask in asked {
        match ask {
            Ask::Check { worker, question } => {
                let mut known = secrets.lock().expect("nobody panics while holding the secrets").clone();
                let now_us = u64::try_from(os::clock::boottime().as_micros()).unwrap_or(u64::MAX);
                let unix_s = u64::try_from(os::clock::wall_ms() / 1000).unwrap_or(0);
                let verdict = checker.check(&question, &known, now_us, unix_s);
                if let Some(step) = verdict.used_step {
                    // In memory at once: the same code may come again before the disk has it.
                    secrets
                        .lock()
                        .expect("nobody panics while holding the secrets")
                        .set_used(&question.person, step);
                    queue.push(Job::Used { person: question.person.clone(), step });
                }
                known.wipe();
                let why = border::Line::cut(verdict.why);
                let (password, code) = (verdict.password, verdict.code);
                line.say(Told::Event(
                    Event::Checked { worker, person: question.person, password, code, why },
                    vec![],
                ));
            }
            Ask::Person { ticket, person, password, totp } => {
                let password = password.map(|typed| {
                    use zeroize::Zeroize;
                    let mut typed = typed.into_vec();
                    let kept = checker.hash(&typed);
                    typed.zeroize();
                    kept
                });
                queue.push(Job::Person { ticket, person, password, totp });
            }
            Ask::Pin { ticket, person, typed } => {
                let mut known = secrets.lock().expect("nobody panics while holding the secrets").clone();
                let now_us = u64::try_from(os::clock::boottime().as_micros()).unwrap_or(u64::MAX);
                let pin = checker.check_pin(&person, &typed, &known, now_us);
                known.wipe();
                line.say(Told::Event(Event::PinChecked { ticket, pin }, vec![]));
            }
            Ask::SetPin { ticket, person, typed } => {
                let pin = checker.hash(&typed);
                queue.push(Job::Pin { ticket, person, pin });
            }
            Ask::Limits(new) => {
                if limits.replace(new) != Some(new) {
                    checker = Checker::new(new);
                }
            }
        }
    }
}
