//! In steady state, operations allocate nothing.
//!
//! On Windows each overlapped operation has a packet of its own on the heap.
#![cfg(unix)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use fibra_driver::{BackendKind, Completion, Config, Driver, Handle, Op, Submission, Wait};

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is the system allocator's; the counter has no influence.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer comes from the system allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Starts an operation and turns until all that are in flight have ended.
fn run(driver: &mut Driver, ops: &[Op], completions: &mut Vec<Completion>) {
    for (word, op) in ops.iter().enumerate() {
        // SAFETY: the tests keep everything until all has ended, which this waits for.
        if let Submission::Complete(result) = unsafe { driver.submit(op, word) } {
            result.expect("nothing is wrong with it");
        }
    }
    while driver.ops_in_flight() > 0 {
        driver.turn(Wait::Forever, completions).expect("it turns");
        for completion in completions.drain(..) {
            completion.result.expect("nothing is wrong with it");
        }
    }
}

fn allocates_nothing(kind: BackendKind) {
    let mut config = Config::default();
    config.backend = Some(kind);
    config.environment = false;
    let mut driver = Driver::new(&config).expect("a forced backend works");
    let (here, there) = UnixStream::pair().expect("a socket pair can be made");
    let (here, there) = (Handle::new(here.into()), Handle::new(there.into()));
    let mut buffer = [0u8; 64];
    let message = [1u8; 64];
    let mut completions = Vec::new();
    let mut round = || {
        let recv = Op::Recv { fd: here.target(), buffer: buffer.as_mut_ptr(), len: 64, flags: 0 };
        let send = Op::Send { fd: there.target(), buffer: message.as_ptr(), len: 64, flags: 0 };
        let timeout = Op::Timeout { deadline: Instant::now() + Duration::from_micros(10) };
        run(&mut driver, &[recv, send, timeout], &mut completions);
        // SAFETY: a timeout points to nothing.
        let distant =
            unsafe { driver.submit(&Op::Timeout { deadline: Instant::now() + Duration::from_secs(9) }, 0) };
        let Submission::Pending(key) = distant else { unreachable!("a timeout is never complete at once") };
        assert!(driver.withdraw(key));
    };
    (0..200).for_each(|_| round());
    let before = COUNT.with(Cell::get);
    (0..2_000).for_each(|_| round());
    assert_eq!(COUNT.with(Cell::get) - before, 0, "allocations in 2,000 rounds");
}

#[test]
fn in_steady_state_operations_allocate_nothing() {
    // The imitation of a system is none of the driver's.
    let real = |kind: &&BackendKind| kind.name() != "kqueue" || BackendKind::ALL.len() == 1;
    BackendKind::ALL.iter().filter(real).copied().for_each(allocates_nothing);
}
