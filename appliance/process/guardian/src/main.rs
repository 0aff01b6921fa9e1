//! The executable; everything is in the library.

use std::process::ExitCode;

/// So that its promise to allocate nothing once it serves can be held against it.
#[global_allocator]
static HEAP: heap::Counted = heap::Counted;

fn main() -> ExitCode {
    guardian::run()
}
