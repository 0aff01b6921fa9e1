//! The operator's end of SSH: see the library.

fn main() -> std::process::ExitCode {
    entry::run(
        entry::Process { name: "front-ssh", policy: include_str!("../sandbox.policy") },
        front_ssh::prepare,
        front_ssh::serve,
    )
}
