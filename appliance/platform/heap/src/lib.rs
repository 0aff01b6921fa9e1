//! The system's allocator, counted: for a process that promises to allocate nothing once it serves.
//!
//! It must never change what the system's allocator does. Proof: `tests/count.rs`; whose promise it is shown by:
//! `appliance/process/guardian/tests/cut.rs`.
#![allow(unsafe_code)] // an allocator is unsafe by its trait

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

/// Set it as `#[global_allocator]`.
#[derive(Debug)]
pub struct Counted;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// How often this process has allocated, or grown what it had.
#[must_use]
pub fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

fn one_more() {
    COUNT.fetch_add(1, Ordering::Relaxed);
}

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        one_more();
        // SAFETY: the caller's promises are the system allocator's own.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        one_more();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        one_more();
        // SAFETY: as above.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(old, layout) }
    }
}
