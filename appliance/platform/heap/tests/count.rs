//! Claim: each allocation is counted, and nothing else is.
#![allow(missing_docs, reason = "a test's name says what it claims")]

#[global_allocator]
static HEAP: heap::Counted = heap::Counted;

#[test]
fn allocating_and_growing_count_and_reading_does_not() {
    let before = heap::count();
    let mut bytes = std::hint::black_box(Vec::<u8>::with_capacity(10));
    let one = heap::count();
    bytes.extend([1; 10]);
    let same = heap::count();
    bytes.reserve_exact(1_000);
    let two = heap::count();
    assert_eq!((one - before, same - one, two - same), (1, 0, 1));
}
