//! A taken-over process, or the launcher that starts it: see the library.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let called = arguments.next().unwrap_or_default();
    if arguments.next().as_deref() == Some("executed") {
        return ExitCode::from(breakout::inside::EXECUTED);
    }
    let name = Path::new(&called).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name {
        // The real one: it starts this executable again, under the workers' names.
        "launcher" => launcher::run(),
        name => breakout::inside::taken_over(name),
    }
}
