//! Frames and arenas don't touch the heap.

use fibra::frame::{Arena, ArenaFull, Frame, Resumed, Slot, State, suspend};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    pin::pin,
};

/// The system's allocator, with a count of what each thread asks of it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is handed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's contract is the callee's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is the callee's.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

async fn count(down: u32) -> u32 {
    for _ in 0..down {
        suspend().await;
    }
    down
}

async fn descend(arena: Arena<'_>, depth: u32) -> Result<u32, ArenaFull> {
    if depth == 0 {
        return Ok(count(2).await);
    }
    Ok(1 + arena.call(descend(arena, depth - 1))?.await?)
}

/// Everything that a frame can do.
#[test]
fn frames_and_arenas_allocate_nothing() {
    drop(std::hint::black_box(Box::new(1)));
    let before = ALLOCATIONS.get();
    assert!(before > 0, "the count counts");

    let mut slot = pin!(Slot::<256>::new());
    let frame = Frame::new_in(slot.as_mut(), count(2)).unwrap();
    while frame.resume().unwrap() == Resumed::Suspended {}
    assert_eq!(frame.take(), Ok(2));
    drop(frame);
    let cancelled = Frame::new_in(slot.as_mut(), count(2)).unwrap();
    cancelled.resume().unwrap();
    cancelled.cancel().unwrap();
    assert_eq!(cancelled.resume().unwrap_err().state(), State::Cancelled);
    drop(cancelled);
    assert!(Frame::new_in(slot.as_mut(), async { [0; 1_000] }).is_err());

    let room = pin!(Slot::<32_768>::new());
    let arena = Arena::new_in(room).unwrap();
    let chain = Frame::new_in(slot.as_mut(), descend(arena, 100)).unwrap();
    while chain.resume().unwrap() == Resumed::Suspended {}
    assert_eq!(chain.take(), Ok(Ok(102)));
    drop(chain);
    let dropped = Frame::new_in(slot.as_mut(), descend(arena, 100)).unwrap();
    dropped.resume().unwrap();
    drop(dropped);
    assert!(arena.is_empty());

    assert_eq!(ALLOCATIONS.get(), before);
}
