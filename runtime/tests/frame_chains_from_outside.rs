//! Calls that are shared, forgotten, or reached from destructors: whoever gets at a chain from outside does it no harm.

use fibra::frame::{Arena, Call, suspend};
use std::{
    cell::{Cell, RefCell},
    future::{Future, pending, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// An arena in memory that lives for ever, for what keeps a call there for good, or needs no lifetime.
fn lasting_arena() -> Arena<'static> {
    let bytes: &'static mut [_] = Box::leak(Box::new_uninit_slice(65_536));
    let start = bytes.as_ptr().align_offset(64);
    Arena::new_in(&mut bytes[start..]).unwrap()
}

/// A call that several have access to.
type Shared = Rc<RefCell<Option<Call<'static, u32>>>>;

/// Awaits the call in `shared`, as long as there is one.
async fn await_shared(shared: Shared) -> u32 {
    poll_fn(|context| {
        let mut call = shared.borrow_mut();
        call.as_mut().map_or(Poll::Ready(0), |call| Pin::new(call).poll(context))
    })
    .await
}

/// A chain of three, whose middle is in `shared`, and whose innermost runs `body`.
fn chain_around(body: impl Future<Output = u32> + 'static) -> (Arena<'static>, Shared, Call<'static, u32>) {
    let (arena, shared) = (lasting_arena(), Shared::default());
    let middle = async move { arena.call(body).unwrap().await + 1 };
    *shared.borrow_mut() = Some(arena.call(middle).unwrap());
    let root = arena.call(await_shared(Rc::clone(&shared))).unwrap();
    (arena, shared, root)
}

fn poll<T>(call: &mut Call<'_, T>) -> Poll<T> {
    Pin::new(call).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_call_that_was_linked_elsewhere_may_be_dropped_or_polled_from_outside() {
    let two_steps = || async {
        suspend().await;
        suspend().await;
        5
    };
    let (arena, shared, mut root) = chain_around(two_steps());
    assert!(poll(&mut root).is_pending());
    shared.borrow_mut().take();
    assert_eq!(poll(&mut root), Poll::Ready(0));
    drop(root);
    assert!(arena.is_empty());

    let (arena, shared, mut root) = chain_around(two_steps());
    assert!(poll(&mut root).is_pending());
    let mut middle = shared.borrow_mut().take().unwrap();
    assert!(poll(&mut middle).is_pending());
    assert_eq!(poll(&mut middle), Poll::Ready(6));
    assert_eq!(poll(&mut root), Poll::Ready(0));
    drop((middle, root));
    assert!(arena.is_empty());

    let (arena, shared, mut root) = chain_around(two_steps());
    assert!(poll(&mut root).is_pending());
    // Another chain takes it over.
    let mut other = arena.call(await_shared(Rc::clone(&shared))).unwrap();
    assert!(poll(&mut other).is_pending());
    drop(root);
    assert_eq!(poll(&mut other), Poll::Ready(6));
    drop(other);
    shared.borrow_mut().take();
    assert!(arena.is_empty());
}

/// What a call panics with.
fn message(call: &mut Call<'_, u32>) -> String {
    let payload = catch_unwind(AssertUnwindSafe(|| poll(call))).unwrap_err();
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap()
}

#[test]
fn a_frame_that_waits_for_itself_panics() {
    let late = Rc::new(RefCell::new(Shared::default()));
    let innermost = {
        let late = Rc::clone(&late);
        async move {
            let shared = Rc::clone(&late.borrow());
            await_shared(shared).await
        }
    };
    let (arena, shared, mut root) = chain_around(innermost);
    *late.borrow_mut() = Rc::clone(&shared);
    assert_eq!(message(&mut root), "a frame waits for one that waits for it");
    drop((root, shared.borrow_mut().take()));
    assert!(arena.is_empty());
}

#[test]
fn a_call_that_is_dropped_by_a_frame_that_it_waits_for_panics_and_stays() {
    let late = Rc::new(RefCell::new(Shared::default()));
    let innermost = {
        let late = Rc::clone(&late);
        async move {
            let middle = late.borrow().borrow_mut().take();
            drop(middle);
            1
        }
    };
    let (arena, shared, mut root) = chain_around(innermost);
    *late.borrow_mut() = shared;
    // The middle frame, which nobody awaits any more, gets the panic, and the root finds no call to await.
    assert_eq!(poll(&mut root), Poll::Ready(0));
    drop(root);
    assert_eq!(arena.len(), 1);
}

#[test]
fn a_call_that_is_forgotten_in_the_middle_does_no_harm() {
    let arena = lasting_arena();
    let polls: &'static Cell<u32> = Box::leak(Box::new(Cell::new(0)));
    let forgetful = async move {
        let callee = async move {
            loop {
                polls.set(polls.get() + 1);
                suspend().await;
            }
        };
        let mut call = arena.call(callee).unwrap();
        poll_fn(|context| {
            assert!(Pin::new(&mut call).poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        std::mem::forget(call);
        suspend().await;
        8
    };
    let mut root = arena.call(forgetful).unwrap();
    assert!(poll(&mut root).is_pending());
    assert_eq!(poll(&mut root), Poll::Ready(8));
    assert_eq!(polls.get(), 1, "once, after the poll that it was linked in");
    drop(root);
    assert_eq!(arena.len(), 1);
}

#[test]
fn a_destructor_that_polls_a_call_of_its_frame_finds_it_cancelled() {
    struct Polls(Call<'static, u32>, Rc<Cell<bool>>);
    impl Drop for Polls {
        fn drop(&mut self) {
            let message = message(&mut self.0);
            self.1.set(message == "a call to a frame that was cancelled is polled");
        }
    }
    let (arena, refused) = (lasting_arena(), Rc::new(Cell::new(false)));
    let mut polls = Polls(arena.call(pending()).unwrap(), Rc::clone(&refused));
    let mut root = arena.call(async move { Pin::new(&mut polls.0).await }).unwrap();
    assert!(poll(&mut root).is_pending());
    drop(root);
    assert!(refused.get());
    assert!(arena.is_empty());
}

#[test]
fn a_call_that_a_frame_leaves_behind_at_its_end_is_free_for_others() {
    let (arena, shared) = (lasting_arena(), Shared::default());
    let callee = async {
        suspend().await;
        5
    };
    *shared.borrow_mut() = Some(arena.call(callee).unwrap());
    let left = Rc::clone(&shared);
    let polls_and_ends = poll_fn(move |context| {
        let mut call = left.borrow_mut();
        assert!(Pin::new(call.as_mut().unwrap()).poll(context).is_pending());
        Poll::Ready(1)
    });
    let mut first = arena.call(polls_and_ends).unwrap();
    assert_eq!(poll(&mut first), Poll::Ready(1));
    drop(first);
    // The next frame lies where the first one lay: it must not be taken for it.
    let awaits = await_shared(Rc::clone(&shared));
    let mut second = arena.call(async move { arena.call(awaits).unwrap().await }).unwrap();
    while poll(&mut second).is_pending() {}
    shared.borrow_mut().take();
    drop(second);
    assert!(arena.is_empty());
}

#[test]
fn a_destructor_that_drops_the_call_of_a_frame_around_it_is_refused() {
    struct Drops(Rc<RefCell<Shared>>);
    impl Drop for Drops {
        fn drop(&mut self) {
            let middle = self.0.borrow().borrow_mut().take();
            drop(middle);
        }
    }
    let late = Rc::new(RefCell::new(Shared::default()));
    let drops = Drops(Rc::clone(&late));
    let (arena, shared, mut root) = chain_around(async move {
        let _drops = drops;
        pending().await
    });
    *late.borrow_mut() = shared;
    assert!(poll(&mut root).is_pending());
    let payload = catch_unwind(AssertUnwindSafe(|| drop(root))).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"a call is dropped by a frame that it waits for"));
    assert_eq!(arena.len(), 1);
}
