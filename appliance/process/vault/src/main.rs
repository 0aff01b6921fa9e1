//! The vault: see the library.

fn main() -> std::process::ExitCode {
    entry::run(
        entry::Process { name: "vault", policy: include_str!("../sandbox.policy") },
        vault::prepare,
        vault::serve,
    )
}
