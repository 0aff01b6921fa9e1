//! A mediator with one planted fault: its own clock never ends the session. The rest is the shipped one, in its
//! own sandbox. A box under test runs it in the mediator's place, to show the rungs behind it.

use entry::Process;
use mediator::room::Room;
use std::process::ExitCode;

fn main() -> ExitCode {
    let process = Process { name: "mediator", policy: include_str!("../../../../process/mediator/sandbox.policy") };
    entry::run(process, mediator::prepare, |prepared| {
        match mediator::shell::run_in(prepared, |key| Room::new(key).without_clock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("mediator without a clock: {why}");
                ExitCode::FAILURE
            }
        }
    })
}
