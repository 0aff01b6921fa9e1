//! The machine's end of SSH: see the library.

fn main() -> std::process::ExitCode {
    entry::run(
        entry::Process { name: "back-ssh", policy: include_str!("../sandbox.policy") },
        back_ssh::prepare,
        back_ssh::serve,
    )
}
