//! A waker for each member of a set that is polled in place, so that only those are polled that were woken.
//!
//! ```text
//!   Wakers ──► Block: arrivals ──► node ──► node          woken and not polled yet, in order
//!                     caller: the waker of whoever polls the set
//!                     nodes  ▪ ▪ ▪ ▪ ▪ ▪
//!                              ▲
//!   a member's Waker ──────────┘  points to its node; a clone holds a reference to the block
//! ```
//!
//! A node is in the list at most once: `is_queued` says that it is, and is cleared before its member is polled, so that a
//! wake during the poll puts it there again. The first node in an empty list wakes the caller; those behind it needn't.
//!
//! # Safety
//!
//! Of each function here that is called with `data`: it is from a waker of [`TABLE`], so that it is a node of a block that is
//! alive during the call.

use crate::{
    primitive::{AcqRel, AtomicBool, AtomicWaker},
    task::arrivals::{Arrival, Arrivals, Chain, Link},
};
use std::{
    mem::ManuallyDrop,
    ops::Deref,
    ptr::NonNull,
    sync::Arc,
    task::{RawWaker, RawWakerVTable, Waker},
};

/// See the module. Dropped, it leaves the block to those wakers that are still somewhere.
pub(super) struct Wakers {
    block: Arc<Block>,
    /// Taken out of the list, and not polled yet.
    woken: Chain,
}

struct Block {
    arrivals: Arrivals,
    caller: AtomicWaker,
    nodes: Box<[Node]>,
}

#[repr(C)]
struct Node {
    /// First, so that a link's address is its node's.
    link: Link,
    is_queued: AtomicBool,
    index: usize,
    block: *const Block,
}

// SAFETY: the block is reached by those alone who hold a reference to it; all else is atomic, or never changes.
unsafe impl Send for Node {}
// SAFETY: as above.
unsafe impl Sync for Node {}

impl Wakers {
    pub(super) fn new(members: usize) -> Self {
        let block = Arc::new_cyclic(|block| {
            let node = |index| Node {
                link: Link::new(),
                is_queued: AtomicBool::new(false),
                index,
                block: block.as_ptr(),
            };
            Block {
                arrivals: Arrivals::new(),
                caller: AtomicWaker::new(),
                nodes: (0..members).map(node).collect(),
            }
        });
        Self { block, woken: Chain::new() }
    }

    /// Before the woken members are polled: from now on `caller` is woken for those that are woken then.
    pub(super) fn begin(&mut self, caller: &Waker) {
        self.block.caller.register(caller);
        if self.woken.is_empty() {
            self.woken = self.block.arrivals.take();
        } else {
            // A panic has left some of them: the others in their turn.
            caller.wake_by_ref();
        }
    }

    /// The next member that was woken before [`begin`](Self::begin).
    pub(super) fn pop(&mut self) -> Option<usize> {
        let node = self.woken.pop()?.cast::<Node>();
        // SAFETY: the list holds links of our block's nodes alone, each the first field of its `repr(C)` node.
        let node = unsafe { node.as_ref() };
        // Before its member is polled. It acquires what those wrote who found it queued.
        node.is_queued.swap(false, AcqRel);
        Some(node.index)
    }

    /// The waker of a member, for the length of a poll.
    pub(super) fn waker(&self, index: usize) -> impl Deref<Target = Waker> + '_ {
        let node = NonNull::from(&self.block.nodes[index]);
        // SAFETY: the table keeps `RawWaker`'s contract, and `ManuallyDrop` never gives up the reference that isn't held;
        // ours keeps the block as long.
        ManuallyDrop::new(unsafe {
            Waker::from_raw(RawWaker::new(node.as_ptr().cast_const().cast(), &TABLE))
        })
    }
}

impl Node {
    fn wake(&self) {
        if self.is_queued.swap(true, AcqRel) {
            return;
        }
        // SAFETY: whoever calls keeps the block alive.
        let block = unsafe { &*self.block };
        // SAFETY: it was not queued, so it is in no list. It stays in its block, and whoever takes from the list holds that.
        let arrival = unsafe { block.arrivals.push(NonNull::from(&self.link)) };
        if arrival == Arrival::First
            && let Some(caller) = block.caller.take()
        {
            caller.wake();
        }
    }
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

unsafe fn node<'a>(data: *const ()) -> &'a Node {
    // SAFETY: by contract.
    unsafe { &*data.cast::<Node>() }
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: by contract the block lies in an `Arc`.
    unsafe { Arc::increment_strong_count(node(data).block) };
    RawWaker::new(data, &TABLE)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: called through the table, which uses the waker up after the wake.
    unsafe {
        wake_by_ref(data);
        drop_waker(data);
    }
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: called through the table.
    unsafe { node(data) }.wake();
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: called through the table; the waker's reference is given up.
    unsafe { Arc::decrement_strong_count(node(data).block) };
}
