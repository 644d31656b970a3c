//! The hot path's allocations, counted: a received frame makes none, an operation a few that are known.
//!
//! One test in a binary of its own, because the counter is the process's allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[path = "../bench/pair.rs"]
mod pair;
#[path = "../bench/scenario.rs"]
#[allow(dead_code, reason = "the benchmarks use the rest of it")]
mod scenario;

use pair::Pair;

/// The system's allocator, which counts what this thread asks of it.
struct Counting;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    let _ = ASKED.try_with(|asked| asked.set(asked.get() + 1));
}

#[expect(unsafe_code, reason = "the trait is unsafe; every call goes to the system's allocator as it came")]
// SAFETY: the system's allocator keeps the contract; counting touches no memory of its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of `work`, once everything has grown to its size.
fn allocations(times: u64, mut work: impl FnMut(u64)) -> u64 {
    const WARM: u64 = 3_000;
    (0..WARM).for_each(&mut work);
    let before = ASKED.get();
    (WARM..WARM + times).for_each(&mut work);
    ASKED.get() - before
}

#[test]
fn a_received_message_allocates_nothing_and_a_publish_little() {
    let mut pair = Pair::new();
    assert_eq!(allocations(10_000, |index| pair.receive(index)), 0, "10,000 deliveries");
    let mut pair = Pair::new();
    // The frame, which the socket takes over; the topic's name in it; the open request.
    let each = allocations(10_000, |_| pair.publish()) as f64 / 10_000.0;
    assert!(each <= ALLOCATIONS_OF_A_PUBLISH, "{each} allocations of a publish and its reply");
}

const ALLOCATIONS_OF_A_PUBLISH: f64 = 3.0;
