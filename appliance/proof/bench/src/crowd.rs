//! Many sessions at once: whether all live, and what they weigh while nobody types.

use crate::lab::{CLIENTS, client_address};
use crate::machine::{named, pss_kib};
use crate::prompt::PROMPT;
use crate::report::{Report, Target};
use crate::terminal::Terminal;
use crate::way::Way;
use crate::Lab;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The processes of one session.
const WORKERS: [&str; 3] = ["front-ssh", "mediator", "back-ssh"];
/// How long nobody types before memory is looked at.
const IDLE: Duration = Duration::from_secs(60);
/// Sessions at each look, and the most that one of them may weigh there, in MiB.
const LOOKS: [(usize, Target); 3] = [(1, Target::None), (16, Target::AtMost(4.0)), (200, Target::AtMost(3.0))];

/// People at their prompts.
pub(crate) struct Crowd {
    terminals: Vec<Terminal>,
}

/// The same, while each types a key now and then.
pub(crate) struct Typing {
    stop: Arc<AtomicBool>,
    hand: JoinHandle<Result<Crowd, String>>,
}

impl Crowd {
    /// So many sessions on the box.
    ///
    /// # Errors
    /// In words, the first that did not come up.
    pub(crate) fn open(lab: &Lab, count: usize) -> Result<Self, String> {
        let mut crowd = Self { terminals: Vec::new() };
        crowd.grow(lab, count)?;
        Ok(crowd)
    }

    /// More of them, as many at a time as there are clients; each waits for its prompt.
    fn grow(&mut self, lab: &Lab, count: usize) -> Result<(), String> {
        while self.terminals.len() < count {
            let now = CLIENTS.min(count - self.terminals.len());
            let start = |client| {
                let address = client_address(client);
                Terminal::start(lab.ssh(Way::Content, &["-tt", "-b", &address], &[]))
            };
            let mut fresh = (0..now).map(start).collect::<Result<Vec<_>, _>>()?;
            for terminal in &mut fresh {
                let number = self.terminals.len();
                terminal.wait_for(PROMPT).map_err(|why| format!("session {number} of {count}: {why}"))?;
            }
            self.terminals.append(&mut fresh);
        }
        Ok(())
    }

    /// How many answer with what only their own shell can have made.
    fn answering(&mut self) -> usize {
        let mut answering = 0;
        for (number, terminal) in self.terminals.iter_mut().enumerate() {
            let asked = terminal.type_in(format!("echo $((1000+{number}))ok\r").as_bytes());
            let answered = asked.and_then(|()| terminal.wait_for(&format!("{}ok", 1000 + number)));
            match answered {
                Ok(()) => answering += 1,
                Err(why) => eprintln!("bench: session {number}: {why}"),
            }
        }
        answering
    }

    /// One key in this time, by each in turn, until it is stopped.
    pub(crate) fn keep_typing(mut self, each: Duration) -> Typing {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let hand = std::thread::spawn(move || {
            for turn in 0_usize.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let count = self.terminals.len();
                // Now a letter, now it is deleted: the line stays short.
                let key: &[u8] = if (turn / count).is_multiple_of(2) { b"x" } else { b"\x7f" };
                self.terminals[turn % count].type_in(key)?;
                std::thread::sleep(each);
            }
            Ok(self)
        });
        Typing { stop, hand }
    }
}

impl Typing {
    /// Hands are off.
    ///
    /// # Errors
    /// In words, a session that did not take its keys.
    pub(crate) fn stop(self) -> Result<Crowd, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.hand.join().map_err(|_| "the thread that types panicked".to_owned())?
    }
}

pub(crate) fn measure(lab: &Lab, report: &mut Report) -> Result<(), String> {
    let mut crowd = Crowd::open(lab, 0)?;
    for (count, target) in LOOKS {
        let begun = Instant::now();
        crowd.grow(lab, count)?;
        if count > 16 {
            report.add("crowd", format!("{count} sessions: all at their prompt after"), begun.elapsed().as_secs_f64(), "s");
        }
        std::thread::sleep(IDLE);
        let mut sum = 0.0;
        for name in WORKERS {
            let pids = named(name);
            if pids.len() != count {
                return Err(format!("{} processes {name} run for {count} sessions", pids.len()));
            }
            let part = pids.into_iter().map(pss_kib).sum::<Result<f64, _>>()? / count as f64 / 1024.0;
            report.add("crowd", format!("{count} sessions: PSS of a {name}"), part, "MiB");
            sum += part;
        }
        report.aim("crowd", format!("{count} sessions: PSS of a session"), sum, "MiB", target);
    }
    let living = crowd.answering();
    let count = crowd.terminals.len() as f64;
    report.aim("crowd", format!("{count} sessions live at once: that answer"), living as f64, "", Target::AtLeast(count));
    Ok(())
}
