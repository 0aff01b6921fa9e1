//! The room between the two doors of one session: see the library.

fn main() -> std::process::ExitCode {
    entry::run(
        entry::Process { name: "mediator", policy: include_str!("../sandbox.policy") },
        mediator::prepare,
        mediator::serve,
    )
}
