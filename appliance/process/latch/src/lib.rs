//! Writes the guardian's latch to disk, so that the guardian never waits for one.
//!
//! It must never call durable what is not, have both slots in the making at once, or keep quiet about a
//! guardian that is: it says so on disk while the watchdog runs down. Proof: `tests/slots.rs`; the rule itself,
//! against every loss of power: `appliance/domain/guard/tests`.

mod slots;

use border::latch::{Event, ORDERS, Order, Phase};
use border::{Guard, MESSAGE_BYTES_MAX};
use entry::{Descriptors, Process};
use guard::keeper::{Keeper, Plan};
use os::poll::{Poll, Ready};
use os::seqpacket;
use slots::Slots;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// A guardian that says nothing for so long is silent. The watchdog gives it 15 s.
const SILENT: Duration = Duration::from_secs(3);

/// The whole process.
pub fn run() -> ExitCode {
    entry::run(Process { name: "latch", policy: include_str!("../sandbox.policy") }, prepare, serve)
}

struct Latch {
    guardian: OwnedFd,
    guard: Guard<Phase>,
    poll: Poll,
    slots: Slots,
    keeper: Keeper,
}

fn prepare(descriptors: &mut Descriptors) -> Result<Latch, String> {
    let mut arguments = std::env::args().skip(1);
    let folder = match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (Some("--folder"), Some(folder), None) => PathBuf::from(folder),
        _ => return Err("--folder FOLDER is wanted, and nothing else".into()),
    };
    let (slots, found) = Slots::open(&folder)?;
    let guardian = descriptors.take("guardian");
    let poll = Poll::new().map_err(|e| format!("epoll: {e}"))?;
    poll.add(&guardian, 0, true, false).map_err(|e| format!("epoll: {e}"))?;
    let latch = Latch { guardian, guard: Guard::new(ORDERS, Phase::Open), poll, slots, keeper: Keeper::new(found.a, found.b) };
    latch.say(&Event::Slots { a: found.a, b: found.b, empty: found.empty });
    Ok(latch)
}

fn serve(mut latch: Latch) -> ExitCode {
    let outcome = latch.run();
    // However it ends: a guardian that did not stop in order is marked so.
    if let Some(plan) = latch.keeper.silence() {
        latch.put(plan);
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("latch: {why}");
            ExitCode::FAILURE
        }
    }
}

impl Latch {
    /// Serves until the guardian is gone: its follower gets another latch.
    fn run(&mut self) -> Result<(), String> {
        let mut ready: Vec<Ready> = Vec::new();
        let mut buffer = [0; MESSAGE_BYTES_MAX];
        loop {
            self.poll.wait(&mut ready, Some(SILENT)).map_err(|e| format!("epoll: {e}"))?;
            if ready.is_empty() {
                if let Some(plan) = self.keeper.silence() {
                    self.put(plan);
                }
                continue;
            }
            let received = seqpacket::recv(self.guardian.as_fd(), &mut buffer).map_err(|e| format!("the guardian's socket: {e}"))?;
            if received.len == 0 {
                return Ok(());
            }
            let message = buffer.get(..received.len).unwrap_or_default();
            let order: Order = codec::decode(message).map_err(|e| format!("from the guardian: {e}"))?;
            self.guard.pass(order.name()).map_err(|e| e.to_string())?;
            match order {
                Order::Beat => {
                    if self.keeper.heard() {
                        self.say_slots();
                    }
                }
                Order::Write { slot } => match self.keeper.write(slot) {
                    Some(plan) => self.write(&plan, slot.sequence),
                    None => self.say_slots(),
                },
            }
        }
    }

    fn say_slots(&self) {
        let (a, b) = self.keeper.files();
        self.say(&Event::Slots { a, b, empty: false });
    }

    /// The guardian hears of it once one file is durable; only then the other is begun.
    fn write(&mut self, plan: &Plan, sequence: u64) {
        let first = self.slots.write(plan.order[0], &plan.record);
        if first.is_ok() {
            self.say(&Event::Written { sequence });
        }
        let second = self.slots.write(plan.order[1], &plan.record);
        self.keeper.wrote(plan, [first.is_ok(), second.is_ok()]);
        match (&first, &second) {
            (Ok(()), Ok(())) => {}
            (Err(_), Ok(())) => self.say(&Event::Written { sequence }),
            (Err(e), Err(_)) => {
                let errno = e.raw_os_error().map_or(0, i32::cast_unsigned);
                self.say(&Event::Failed { sequence, errno });
            }
            (Ok(()), Err(_)) => {}
        }
        for (file, outcome) in plan.order.iter().zip([&first, &second]) {
            if let Err(e) = outcome {
                eprintln!("latch: slot {file:?}: {e}");
            }
        }
    }

    /// Something of the latch's own: nobody waits for it.
    fn put(&mut self, plan: Plan) {
        let done = plan.order.map(|file| self.slots.write(file, &plan.record).is_ok());
        self.keeper.wrote(&plan, done);
    }

    /// To a guardian that is gone nothing is said: its end shows itself where messages are received.
    fn say(&self, event: &Event) {
        seqpacket::send(self.guardian.as_fd(), &codec::encode(event), &[]).ok();
    }
}
