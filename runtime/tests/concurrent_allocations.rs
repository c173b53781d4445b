//! What is promised to allocate nothing allocates nothing.

use fibra::{
    concurrent::{ConcurrentFuture, all_async, race_async, select},
    future,
    sync::channel,
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    future::ready,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, SeqCst);
        // SAFETY: by contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: by contract.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The fewest allocations of several runs: what others do meanwhile, and what is set up once, is not counted.
fn fewest(mut work: impl FnMut()) -> usize {
    (0..20)
        .map(|_| {
            let before = ALLOCATIONS.load(SeqCst);
            work();
            ALLOCATIONS.load(SeqCst) - before
        })
        .min()
        .unwrap()
}

#[test]
fn a_concurrent_future_allocates_its_tasks_alone_and_small_sets_nothing() {
    const TASKS: usize = 8;
    fibra::Builder::new().workers(1).run(|| {
        // Large, so that no task's memory comes from those that ended before.
        let body = || {
            let ballast = [7_u8; 4096];
            async move {
                future::yield_now().await;
                ballast[ballast.len() / 2]
            }
        };
        let tasks = fewest(|| {
            let handles = [(); TASKS].map(|()| future::spawn(body()));
            handles.into_iter().for_each(|handle| assert_eq!(fibra::wait(handle).unwrap(), 7));
        });
        assert!(tasks >= TASKS, "{tasks}: each task is an allocation");
        let concurrent = fewest(|| {
            let results = ConcurrentFuture::spawn([(); TASKS].map(|()| body())).join();
            assert!(results.iter().all(|result| *result.as_ref().unwrap() == 7));
        });
        assert_eq!(concurrent, tasks);

        let small = fewest(|| {
            assert_eq!(fibra::wait(all_async((future::yield_now(), ready(7)))), ((), 7));
            assert_eq!(fibra::wait(race_async((future::yield_now(), ready(7)))).index, 1);
        });
        // For the one that has lost: what waits for its end.
        assert_eq!(small, 1);

        let (sender, receiver) = channel::unbounded();
        let selecting = fewest(|| {
            sender.send(7).unwrap();
            assert!(select((receiver.recv_async(), std::future::pending::<()>())).into_first() == 7);
        });
        assert!(selecting <= 1, "{selecting}: no more than the message's place in the channel");
    });
}

trait First<T> {
    fn into_first(self) -> T;
}

impl<T> First<T> for fibra::concurrent::OneOf2<Result<T, std::sync::mpsc::RecvError>, ()> {
    fn into_first(self) -> T {
        let Self::First(first) = self else { panic!("nothing else is ever ready") };
        first.unwrap()
    }
}
