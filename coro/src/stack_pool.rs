//! Stacks in stock: allocation and release without a system call, memory given back after a burst.
//!
//! ```text
//!  allocate ──▶ the last few released, newest first (their first page is still in the cache)
//!                  │ none
//!                  ▼
//!               a free stack of the oldest slab that has one (so the youngest slabs run empty)
//!                  │ none                  ▲ overflow of the above
//!                  ▼                       │
//!               a new slab              release
//! ```
//!
//! Memory goes back by unmapping whole slabs that have run empty. Unmapping single stacks, or discarding their pages,
//! would leave their page tables behind: as much as the stack's own first page. It goes back little by little, as
//! [`settle`](StackPool::settle) is called: threads come in waves, and mapping a wave's stacks anew costs more than its
//! threads do.

use crate::origin::PoolId;
use crate::size_class::{self, SizeClass};
use crate::slab::{SlabError, Slabs};
use crate::{GuardKind, Stack, StackError};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many released stacks of each class are kept at hand, newest first. They pin their slabs, so only a few.
const AT_HAND: usize = 32;

/// How a [`StackPool`] makes stacks.
///
/// ```
/// use fibra_coro::{GuardKind, StackPool, StackPoolConfig};
///
/// let mut config = StackPoolConfig::default();
/// config.guard = Some(GuardKind::Protect);
/// let mut pool = StackPool::new(config);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StackPoolConfig {
    /// How to make guards. By default the best that works here, decided for each stack: [`GuardKind::Install`], else
    /// [`GuardKind::Protect`]; on Windows [`GuardKind::PageGuard`].
    pub guard: Option<GuardKind>,
}

/// What a [`StackPool`] holds at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackStats {
    /// Stacks handed out and not released.
    pub in_use: usize,
    /// Stacks ready to be handed out without a system call.
    pub pooled: usize,
    /// Slabs mapped.
    pub slabs: usize,
    /// Address space mapped, in bytes. Only what has been touched of it has memory.
    pub mapped_bytes: usize,
}

/// A stock of stacks for one thread at a time.
///
/// ```
/// use fibra_coro::StackPool;
///
/// let mut pool = StackPool::default();
/// let first = pool.allocate(2 * 1024 * 1024)?;
/// let top = first.bounds().top;
/// pool.release(first);
/// let again = pool.allocate(2 * 1024 * 1024)?;
/// assert_eq!(again.bounds().top, top); // the same one: no system call was made
/// assert_eq!(pool.stats().in_use, 1);
/// pool.release(again);
/// # Ok::<(), fibra_coro::StackError>(())
/// ```
///
/// Dropping the pool gives back all slabs of which no stack is in use, and leaks the others.
#[derive(Debug)]
pub struct StackPool {
    id: PoolId,
    config: StackPoolConfig,
    in_use: usize,
    /// Slabs of all classes that have no stack out.
    empty_slabs: usize,
    classes: [Class; size_class::COUNT],
}

#[derive(Debug)]
struct Class {
    at_hand: Vec<Stack>,
    slabs: Slabs,
}

impl Default for StackPool {
    fn default() -> Self {
        StackPool::new(StackPoolConfig::default())
    }
}

impl StackPool {
    /// An empty pool. Nothing is mapped before the first stack is asked for.
    pub fn new(config: StackPoolConfig) -> Self {
        static NEXT_ID: AtomicU32 = AtomicU32::new(0);
        // It doesn't wrap around: the assert in `PoolId::new` comes first.
        let id = PoolId::new(NEXT_ID.fetch_add(1, Ordering::Relaxed));
        let mut classes =
            SizeClass::all().map(|class| Class { at_hand: Vec::new(), slabs: Slabs::new(id, class) });
        let classes =
            std::array::from_fn(|_| classes.next().expect("as many classes as the table has places"));
        StackPool { id, config, in_use: 0, empty_slabs: 0, classes }
    }

    /// Whether a stack of `size` bytes can be asked for at all. Sizes below the smallest class (16 KiB, 0 included)
    /// get that class, as `std::thread` does with its minimum.
    ///
    /// # Errors
    ///
    /// [`StackError::TooLarge`] above 1 GiB.
    ///
    /// ```
    /// use fibra_coro::{StackError, StackPool};
    ///
    /// assert!(StackPool::check_size(0).is_ok());
    /// assert!(matches!(StackPool::check_size(usize::MAX), Err(StackError::TooLarge { .. })));
    /// ```
    pub fn check_size(size: usize) -> Result<(), StackError> {
        class_for(size).map(|_| ())
    }

    /// A stack with at least `size` usable bytes, and a guard below them.
    ///
    /// # Errors
    ///
    /// [`StackError::TooLarge`] as [`check_size`](Self::check_size) says; otherwise what the system is short of.
    #[inline]
    pub fn allocate(&mut self, size: usize) -> Result<Stack, StackError> {
        let class = class_for(size)?;
        let stack = match self.classes[class.index()].at_hand.pop() {
            Some(stack) => stack,
            None => self.allocate_from_slab(class)?,
        };
        self.in_use += 1;
        Ok(stack)
    }

    #[cold]
    fn allocate_from_slab(&mut self, class: SizeClass) -> Result<Stack, StackError> {
        let size = class.usable();
        let slabs = &mut self.classes[class.index()].slabs;
        self.empty_slabs -= slabs.empty();
        let allocated = slabs.allocate(self.config.guard);
        self.empty_slabs += slabs.empty();
        allocated.map_err(|error| match error {
            SlabError::Reserve(source) => StackError::OutOfMemory { size, source },
            SlabError::Guard(GuardKind::PageGuard, source) if source.kind() == io::ErrorKind::OutOfMemory => {
                StackError::OutOfMemory { size, source }
            }
            SlabError::Guard(GuardKind::Protect, source) if source.kind() == io::ErrorKind::OutOfMemory => {
                StackError::TooManyMappings { source }
            }
            SlabError::Guard(kind, source) => StackError::GuardUnavailable { kind, source },
        })
    }

    /// Takes a stack back. It is handed out again as it is, without being cleared.
    ///
    /// # Panics
    ///
    /// If the stack is another pool's.
    #[inline]
    pub fn release(&mut self, stack: Stack) {
        let origin = stack.origin();
        assert!(origin.pool() == self.id, "a stack returns to the pool that made it");
        self.in_use -= 1;
        let class = &mut self.classes[origin.class().index()];
        class.at_hand.push(stack);
        if class.at_hand.len() > AT_HAND {
            self.empty_slabs += class.put_away(AT_HAND / 2);
        }
    }

    /// Whether there are stacks that [`settle`](Self::settle) could give back, now or when it is called again.
    ///
    /// ```
    /// let mut pool = fibra_coro::StackPool::default();
    /// let burst: Vec<_> = (0..100).map(|_| pool.allocate(16 * 1024)).collect::<Result<_, _>>()?;
    /// assert!(!pool.has_surplus());
    /// burst.into_iter().for_each(|stack| pool.release(stack));
    /// assert!(pool.has_surplus());
    /// # Ok::<(), fibra_coro::StackError>(())
    /// ```
    #[inline]
    pub fn has_surplus(&self) -> bool {
        self.empty_slabs > 0
    }

    /// Gives back a part of the memory that nobody has needed since the last call: a thirty-second of the slabs that were
    /// empty all the time, and about a thousand stacks at most. Called 40 times a second, the memory of a burst is gone
    /// some seconds after it; without calls, the pool keeps all that it ever mapped.
    ///
    /// ```
    /// let mut pool = fibra_coro::StackPool::default();
    /// let burst: Vec<_> = (0..1_000).map(|_| pool.allocate(16 * 1024)).collect::<Result<_, _>>()?;
    /// burst.into_iter().for_each(|stack| pool.release(stack));
    /// while pool.has_surplus() {
    ///     pool.settle();
    /// }
    /// assert_eq!(pool.stats().slabs, 1); // of the stacks at hand
    /// # Ok::<(), fibra_coro::StackError>(())
    /// ```
    pub fn settle(&mut self) {
        for class in &mut self.classes {
            class.slabs.settle();
        }
        self.count_empty_slabs();
    }

    /// Gives back all memory that nobody uses, at once: unmaps every slab without a stack in use, and discards what the
    /// free stacks of the others hold.
    pub fn trim(&mut self) {
        for class in &mut self.classes {
            class.put_away(class.at_hand.len());
            class.at_hand.shrink_to_fit();
            class.slabs.trim();
        }
        self.count_empty_slabs();
    }

    fn count_empty_slabs(&mut self) {
        self.empty_slabs = self.classes.iter().map(|class| class.slabs.empty()).sum();
    }

    /// How many stacks are handed out and not released.
    ///
    /// ```
    /// let mut pool = fibra_coro::StackPool::default();
    /// let stack = pool.allocate(16 * 1024)?;
    /// assert_eq!(pool.in_use(), 1);
    /// pool.release(stack);
    /// # Ok::<(), fibra_coro::StackError>(())
    /// ```
    pub fn in_use(&self) -> usize {
        self.in_use
    }

    /// Counts what the pool holds. Walks over all slabs: for reports, not for every task.
    pub fn stats(&self) -> StackStats {
        let mut stats = StackStats { in_use: self.in_use, pooled: 0, slabs: 0, mapped_bytes: 0 };
        for class in &self.classes {
            stats.pooled += class.at_hand.len() + class.slabs.free();
            stats.slabs += class.slabs.count();
            stats.mapped_bytes += class.slabs.mapped_bytes();
        }
        stats
    }
}

impl Drop for StackPool {
    fn drop(&mut self) {
        for class in &mut self.classes {
            class.put_away(class.at_hand.len());
            class.slabs.release_empty();
        }
    }
}

impl Class {
    /// Moves the `count` stacks that have been at hand longest back to their slabs, and says how many of these ran empty.
    #[cold]
    fn put_away(&mut self, count: usize) -> usize {
        let before = self.slabs.empty();
        for stack in self.at_hand.drain(..count) {
            self.slabs.free_stack(&stack);
        }
        self.slabs.empty() - before
    }
}

fn class_for(size: usize) -> Result<SizeClass, StackError> {
    SizeClass::for_size(size).ok_or(StackError::TooLarge { size, largest: size_class::LARGEST })
}
