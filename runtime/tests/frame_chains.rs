//! Frames that wait for each other are resumed where their chain rests, and dropped, without growing the stack.

use fibra::{
    frame::{self, Arena, ArenaFull, Call, Frame, Resumed, Slot, State, suspend},
    sync::oneshot,
};
use futures_util::{
    FutureExt,
    future::{Either, join, select},
    stream::{FuturesUnordered, StreamExt},
};
use std::{
    cell::Cell,
    future::{Future, pending},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

const DEEP: u32 = 1_000_000;

/// Counts what is alive.
struct Alive<'a>(&'a Cell<u32>);

impl<'a> Alive<'a> {
    fn new(count: &'a Cell<u32>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

async fn descend<'a>(arena: Arena<'a>, alive: &'a Cell<u32>, depth: u32) -> Result<u32, ArenaFull> {
    let _alive = Alive::new(alive);
    if depth == 0 {
        suspend().await;
        suspend().await;
        return Ok(0);
    }
    Ok(1 + arena.call(descend(arena, alive, depth - 1))?.await?)
}

/// Memory for a chain of a million frames, on a stack that doesn't hold a thousand.
macro_rules! on_a_small_stack {
    (|$memory:ident, $alive:ident| $body:block) => {
        let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(|| {
            let count = Cell::new(0);
            let $alive = &count;
            let size = Arena::size_for(DEEP as usize, &|arena| descend(arena, $alive, 0));
            frame::scope(&mut Box::new_uninit_slice(size), |$memory| $body);
            assert_eq!(count.get(), 0);
        });
        thread.unwrap().join().unwrap();
    };
}

#[test]
fn a_million_frames_are_resumed_and_end_on_a_small_stack() {
    on_a_small_stack!(|memory, alive| {
        let arena = Arena::new_in(memory).unwrap();
        let slot = pin!(Slot::<256>::new());
        let frame = Frame::new_in(slot, descend(arena, alive, DEEP)).unwrap();
        for _ in 0..2 {
            assert_eq!(frame.resume(), Ok(Resumed::Suspended));
            assert_eq!(alive.get(), DEEP + 1);
        }
        assert_eq!(frame.resume(), Ok(Resumed::Done));
        assert_eq!(frame.take(), Ok(Ok(DEEP)));
        assert!(arena.is_empty());
    });
}

#[test]
fn a_million_frames_are_dropped_on_a_small_stack() {
    on_a_small_stack!(|memory, alive| {
        let arena = Arena::new_in(memory).unwrap();
        let slot = pin!(Slot::<256>::new());
        let frame = Frame::new_in(slot, descend(arena, alive, DEEP)).unwrap();
        assert_eq!(frame.resume(), Ok(Resumed::Suspended));
        assert_eq!(arena.len(), DEEP as usize);
        drop(frame);
        assert_eq!(alive.get(), 0);
        assert!(arena.is_empty());
    });
}

#[test]
fn a_full_arena_is_an_error_that_goes_up_a_million_frames() {
    on_a_small_stack!(|memory, alive| {
        let arena = Arena::new_in(memory).unwrap();
        let error = fibra::wait(descend(arena, alive, DEEP + 1)).unwrap_err();
        assert!(error.needed() > error.available(), "{error}");
        assert!(arena.is_empty());
    });
}

/// Counts the polls of a future.
struct Polls<'a, F>(&'a Cell<u32>, F);

impl<F: Future> Future for Polls<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.0.set(self.0.get() + 1);
        // SAFETY: the inner future is not moved out of the pinned outer one.
        unsafe { self.map_unchecked_mut(|polls| &mut polls.1) }.poll(context)
    }
}

async fn descend_counted<'a>(arena: Arena<'a>, polls: &'a Cell<u32>, depth: u32) {
    if depth == 0 {
        for _ in 0..3 {
            suspend().await;
        }
    } else {
        arena.call(Polls(polls, descend_counted(arena, polls, depth - 1))).unwrap().await;
    }
}

#[test]
fn only_the_innermost_frame_is_polled_at_a_resumption() {
    let polls = Cell::new(0);
    let slot = pin!(Slot::<65_536>::new());
    let arena = Arena::new_in(slot).unwrap();
    let slot = pin!(Slot::<256>::new());
    let frame = Frame::new_in(slot, arena.call(descend_counted(arena, &polls, 100)).unwrap()).unwrap();
    let polled = || {
        polls.set(0);
        frame.resume().unwrap();
        polls.get()
    };
    assert_eq!(polled(), 100, "each frame begins");
    assert_eq!((polled(), polled()), (1, 1), "the innermost is resumed");
    assert_eq!(polled(), 100, "each frame ends");
    assert_eq!(frame.state(), State::Done);
}

/// Awaits `call` and, beside it, `other`; whichever is first.
async fn race<T>(call: Call<'_, T>, other: oneshot::Receiver<T>) -> T {
    match select(call, other).await {
        Either::Left((output, _)) => output,
        Either::Right((output, _)) => output.unwrap(),
    }
}

#[test]
fn a_frame_that_waits_for_something_beside_its_callee_misses_neither() {
    for other_is_first in [false, true] {
        let alive = Cell::new(0);
        let slot = pin!(Slot::<65_536>::new());
        let arena = Arena::new_in(slot).unwrap();
        let (sender, receiver) = oneshot::channel();
        let raced = async {
            let callee = descend(arena, &alive, 10);
            let call = arena.call(callee).unwrap();
            race(call, receiver).await
        };
        // One frame around the race, so that it is not the chain's root; and four resumptions at most.
        let outer = async move { arena.call(raced).unwrap().await };
        let slot = pin!(Slot::<1_024>::new());
        let frame = Frame::new_in(slot, arena.call(outer).unwrap()).unwrap();
        assert_eq!(frame.resume(), Ok(Resumed::Suspended));
        if other_is_first {
            sender.send(Ok(77)).unwrap();
            assert_eq!(frame.resume(), Ok(Resumed::Done));
            assert_eq!(frame.take(), Ok(Ok(77)));
        } else {
            assert_eq!(frame.resume(), Ok(Resumed::Suspended));
            assert_eq!(frame.resume(), Ok(Resumed::Done));
            assert_eq!(frame.take(), Ok(Ok(10)));
        }
        assert_eq!(alive.get(), 0, "who lost the race is dropped");
        drop(frame);
        assert!(arena.is_empty());
    }
}

#[test]
fn a_frame_below_another_one_that_races_may_race_too() {
    let alive = Cell::new(0);
    let slot = pin!(Slot::<65_536>::new());
    let arena = Arena::new_in(slot).unwrap();
    let ((outer_sender, outer_receiver), (inner_sender, inner_receiver)) =
        (oneshot::channel(), oneshot::channel());
    let inner = async { race(arena.call(descend(arena, &alive, 10)).unwrap(), inner_receiver).await };
    let between = async { arena.call(inner).unwrap().await };
    let outer = async { race(arena.call(between).unwrap(), outer_receiver).await };
    let slot = pin!(Slot::<1_024>::new());
    let frame = Frame::new_in(slot, arena.call(outer).unwrap()).unwrap();
    assert_eq!(frame.resume(), Ok(Resumed::Suspended));
    inner_sender.send(Ok(88)).unwrap();
    assert_eq!(frame.resume(), Ok(Resumed::Done));
    assert_eq!(frame.take(), Ok(Ok(88)));
    assert!(outer_sender.send(Ok(0)).is_err());
    drop(frame);
    assert!(arena.is_empty());
}

async fn fibonacci(arena: Arena<'_>, n: u32) -> u32 {
    suspend().await;
    if n < 2 {
        return n;
    }
    let (left, right) = (arena.call(fibonacci(arena, n - 1)), arena.call(fibonacci(arena, n - 2)));
    let (left, right) = join(left.unwrap(), right.unwrap()).await;
    left + right
}

#[test]
fn a_frame_may_await_several_calls_at_once() {
    frame::scope(&mut Box::new_uninit_slice(1_000_000), |memory| {
        let arena = Arena::new_in(memory).unwrap();
        assert_eq!(fibra::wait(fibonacci(arena, 12)), 144);
        assert!(arena.is_empty());
    });
}

#[test]
fn calls_may_be_awaited_through_combinators_that_have_wakers_of_their_own() {
    let alive = Cell::new(0);
    let slot = pin!(Slot::<65_536>::new());
    let arena = Arena::new_in(slot).unwrap();
    let body = async {
        let calls = (0..10).map(|depth| arena.call(descend(arena, &alive, depth)).unwrap());
        calls.collect::<FuturesUnordered<_>>().map(Result::unwrap).fold(0, async |sum, n| sum + n).await
    };
    let sum = fibra::wait(arena.call(body).unwrap());
    assert_eq!(sum, 45);
    assert!(arena.is_empty());
}

#[test]
fn whoever_wakes_the_innermost_frame_wakes_the_executor_of_the_chain() {
    async fn receive<'a>(
        arena: Arena<'a>,
        receiver: &'a Cell<Option<oneshot::Receiver<u32>>>,
        n: u32,
    ) -> u32 {
        match n {
            0 => receiver.take().unwrap().await.unwrap(),
            _ => arena.call(receive(arena, receiver, n - 1)).unwrap().await,
        }
    }
    let (sender, receiver) = oneshot::channel();
    let receiver = Cell::new(Some(receiver));
    let slot = pin!(Slot::<65_536>::new());
    let arena = Arena::new_in(slot).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            sender.send(99).unwrap();
        });
        assert_eq!(fibra::wait(receive(arena, &receiver, 100)), 99);
    });
}

#[test]
fn a_panic_goes_up_the_chain_and_may_be_caught_half_way() {
    async fn fall<'a>(arena: Arena<'a>, alive: &'a Cell<u32>, depth: u32) -> u32 {
        let _alive = Alive::new(alive);
        match depth {
            0 => {
                suspend().await;
                panic!("at the bottom")
            }
            50 => {
                let caught =
                    AssertUnwindSafe(arena.call(fall(arena, alive, 49)).unwrap()).catch_unwind().await;
                assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"at the bottom"));
                assert_eq!(alive.get(), 51);
                suspend().await;
                7
            }
            _ => arena.call(fall(arena, alive, depth - 1)).unwrap().await,
        }
    }
    let alive = Cell::new(0);
    let slot = pin!(Slot::<65_536>::new());
    let arena = Arena::new_in(slot).unwrap();
    assert_eq!(fibra::wait(fall(arena, &alive, 100)), 7);
    let payload = catch_unwind(AssertUnwindSafe(|| fibra::wait(fall(arena, &alive, 49)))).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"at the bottom"));
    assert_eq!(alive.get(), 0);
    assert!(arena.is_empty());
}

#[test]
fn destructors_that_panic_keep_no_frame_from_being_dropped() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    async fn hold<'a>(arena: Arena<'a>, alive: &'a Cell<u32>, depth: u32) {
        let _alive = Alive::new(alive);
        let _panics = depth.is_multiple_of(10).then(|| Panics);
        match depth {
            0 => pending().await,
            _ => arena.call(hold(arena, alive, depth - 1)).unwrap().await,
        }
    }
    let alive = Cell::new(0);
    let slot = pin!(Slot::<65_536>::new());
    let arena = Arena::new_in(slot).unwrap();
    let mut call = arena.call(hold(arena, &alive, 55)).unwrap();
    assert!(Pin::new(&mut call).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(alive.get(), 56);
    let payload = catch_unwind(AssertUnwindSafe(|| drop(call))).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"in a destructor"));
    assert_eq!(alive.get(), 0);
    assert!(arena.is_empty());
}

#[test]
fn the_memory_of_a_call_is_free_when_those_above_it_have_gone_too() {
    let slot = pin!(Slot::<4_096>::new());
    let arena = Arena::new_in(slot).unwrap();
    let [one, two, three] = [0; 3].map(|_| arena.call(async {}).unwrap());
    let free = arena.available();
    drop(one);
    drop(two);
    assert_eq!((arena.available(), arena.len()), (free, 1));
    drop(three);
    let free_again = arena.available();
    assert!(free_again > free);
    let call = arena.call(async { 1 }).unwrap();
    assert_eq!(fibra::wait(call), 1);
    assert_eq!(arena.available(), free_again);
}
