//! Random trees of calls end as the same trees of boxed futures do: with the same results, and with everything dropped.

use fibra::frame::{self, Arena, Call, Frame, Resumed, Slot, State, suspend};
use futures_util::{
    FutureExt,
    future::{Either, LocalBoxFuture, join, select},
};
use std::{
    cell::Cell,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    task::Poll,
};

const CAUGHT: &str = "caught";
const NOT_CAUGHT: &str = "not caught here";

/// A small generator of pseudo-random numbers: each node of a tree has its own, so that the order of their runs doesn't matter.
#[derive(Clone, Copy)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn pick(&mut self, sides: u64) -> u64 {
        self.roll() % sides
    }

    /// For a child, which goes its own way.
    fn child(&mut self) -> Self {
        Self(self.roll() | 1)
    }
}

/// How a node runs its children.
#[derive(Clone, Copy)]
enum Place<'a> {
    Arena(Arena<'a>),
    Heap,
}

#[derive(Clone, Copy)]
struct Node<'a> {
    place: Place<'a>,
    alive: &'a Cell<u32>,
    dice: Dice,
    depth: u32,
}

/// Counts what is alive.
struct Alive<'a>(&'a Cell<u32>);

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl<'a> Node<'a> {
    fn call(&mut self) -> Either<Call<'a, u64>, LocalBoxFuture<'a, u64>> {
        let child = Self { dice: self.dice.child(), depth: self.depth - 1, ..*self };
        match self.place {
            Place::Arena(arena) => Either::Left(arena.call(child.run()).unwrap()),
            Place::Heap => Either::Right(child.run().boxed_local()),
        }
    }

    /// Does a few things, most of them with children. The result depends on the dice alone, not on who is polled when.
    async fn run(mut self) -> u64 {
        self.alive.set(self.alive.get() + 1);
        let _alive = Alive(self.alive);
        let mut result = self.dice.pick(100);
        for _ in 0..self.dice.pick(4) {
            result = result.wrapping_mul(31).wrapping_add(self.step().await);
        }
        result
    }

    async fn step(&mut self) -> u64 {
        if self.depth == 0 {
            suspend().await;
            return 1;
        }
        match self.dice.pick(9) {
            0 => {
                suspend().await;
                2
            }
            1 | 2 => self.call().await,
            3 => {
                let (left, right) = (self.call(), self.call());
                let (left, right) = join(left, right).await;
                left.wrapping_mul(3).wrapping_add(right)
            }
            4 => {
                let call = self.call();
                let ((), result) = join(suspend(), call).await;
                result
            }
            5 => self.give_up().await,
            6 => {
                // Whoever is first: the loser is awaited too.
                match select(self.call(), self.call()).await {
                    Either::Left((left, right)) => left ^ right.await,
                    Either::Right((right, left)) => right ^ left.await,
                }
            }
            7 => {
                // Fails, perhaps in the middle of a call, and is caught.
                let call = self.call();
                let falls = AssertUnwindSafe(async {
                    let result = call.await;
                    if result % 2 == 0 { panic_any(CAUGHT) } else { result }
                });
                falls.catch_unwind().await.unwrap_or(4)
            }
            _ => panic_any(NOT_CAUGHT),
        }
    }

    /// Polls a child so often, and drops it.
    async fn give_up(&mut self) -> u64 {
        let (mut call, mut polls) = (self.call(), self.dice.pick(4));
        let polled = AssertUnwindSafe(poll_fn(|context| {
            if polls == 0 || call.poll_unpin(context).is_ready() {
                return Poll::Ready(());
            }
            polls -= 1;
            Poll::Pending
        }));
        drop(polled.catch_unwind().await);
        3
    }
}

/// The result of the tree that grows from `seed`; `None` where it panics. It is given up after so many resumptions.
fn grow<'a>(place: Place<'a>, alive: &'a Cell<u32>, seed: u64, resumptions: u64) -> Option<u64> {
    let node = Node { place, alive, dice: Dice(seed), depth: 5 };
    let slot = pin!(Slot::<2_048>::new());
    let frame = Frame::new_in(slot, node.run()).unwrap();
    for _ in 0..resumptions {
        match catch_unwind(AssertUnwindSafe(|| frame.resume())) {
            Ok(Ok(Resumed::Suspended)) => {}
            Ok(Ok(Resumed::Done)) => return frame.take().ok(),
            _ => break,
        }
    }
    assert!(frame.state() == State::Panicked || resumptions < u64::MAX);
    None
}

/// How many panics there were that no node has asked for.
static UNASKED: AtomicUsize = AtomicUsize::new(0);

/// The nodes' panics are a part of it, and shall not fill the screen.
fn silence_nodes() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.payload().downcast_ref().is_some_and(|message| [CAUGHT, NOT_CAUGHT].contains(message)) {
            UNASKED.fetch_add(1, Relaxed);
            others(panic);
        }
    }));
}

#[test]
fn random_trees_of_calls_end_as_boxed_ones_do() {
    silence_nodes();
    let (mut results, mut panics) = (0, 0);
    for seed in 1..3_000 {
        let alive = Cell::new(0);
        frame::scope(&mut Box::new_uninit_slice(1 << 22), |memory| {
            let arena = Arena::new_in(memory).unwrap();
            let result = grow(Place::Arena(arena), &alive, seed << 8, u64::MAX);
            assert!(result == grow(Place::Heap, &alive, seed << 8, u64::MAX), "seed {seed}");
            assert!(alive.get() == 0 && arena.is_empty(), "seed {seed}");
            assert!(UNASKED.load(Relaxed) == 0, "seed {seed}");
            if result.is_some() {
                results += 1
            } else {
                panics += 1
            }
            // And dropped half way.
            for resumptions in 0..4 {
                grow(Place::Arena(arena), &alive, seed << 8, resumptions);
                assert!(alive.get() == 0 && arena.is_empty(), "seed {seed}, {resumptions}");
            }
        });
    }
    assert!(results > 500 && panics > 500, "{results} results, {panics} panics");
}
