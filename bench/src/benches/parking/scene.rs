//! What both designs share: ready queue, driver, the records of the parked, and the stacks.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use fibra_coro::{Context, Stack, StackPool};

/// How a woken body gets its next wake.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wakes {
    /// By joining the ready queue, where the others are: a busy worker.
    AllAtOnce,
    /// By a completion that the driver hands out only when nothing is ready: a worker that sleeps in between.
    OneByOne,
}

/// Something that the worker can do next.
pub enum Ready {
    /// Run this code, which has not begun.
    Start(Body),
    /// Continue the parked body with this number.
    Resume(usize),
}

/// A task that has not begun: code without captures, and its number.
pub struct Body {
    /// What it runs.
    pub code: fn(usize),
    /// Which of the scene's bodies it is.
    pub index: usize,
}

/// One of the two designs of a worker.
pub trait Design: Sized + 'static {
    /// A worker that has not run yet.
    fn new() -> Self;
    /// Runs until nothing is ready and the driver has no completion.
    fn run(scene: &'static Scene<Self>);
    /// Suspends the body that stands here, and saves where in `record`.
    fn park(scene: &'static Scene<Self>, record: &'static Cell<Context>);
}

/// One thread's worker with its bodies. It is leaked, since stacks that are never unwound refer to it.
pub struct Scene<D: Design> {
    /// What the design keeps for itself.
    pub design: D,
    /// How bodies are woken just now.
    pub wakes: Cell<Wakes>,
    /// How many more times a woken body arranges for another wake.
    pub wakes_left: Cell<usize>,
    ready: RefCell<VecDeque<Ready>>,
    completions: RefCell<VecDeque<usize>>,
    records: Box<[Cell<Context>]>,
    pool: RefCell<StackPool>,
}

/// The size of every stack: the default of fibra's threads.
const STACK_SIZE: usize = 2 * 1024 * 1024;

impl<D: Design> Scene<D> {
    /// The scene of this process, with room for so many bodies.
    pub fn new(bodies: usize) -> &'static Self {
        let scene = Box::leak(Box::new(Self {
            design: D::new(),
            wakes: Cell::new(Wakes::AllAtOnce),
            wakes_left: Cell::new(0),
            ready: RefCell::new(VecDeque::with_capacity(bodies)),
            completions: RefCell::new(VecDeque::with_capacity(bodies)),
            records: (0..bodies).map(|_| Cell::new(Context::null())).collect(),
            pool: RefCell::default(),
        }));
        assert!(
            SCENE.swap(ptr::from_mut(scene).cast(), Relaxed).is_null(),
            "a process takes one sample, in one scene"
        );
        scene
    }

    /// How many bodies there are.
    pub fn bodies(&self) -> usize {
        self.records.len()
    }

    /// Queues code that has not begun.
    pub fn spawn(&self, code: fn(usize), index: usize) {
        self.ready.borrow_mut().push_back(Ready::Start(Body { code, index }));
    }

    /// Queues a parked body, or one that parks next.
    pub fn make_ready(&self, index: usize) {
        self.ready.borrow_mut().push_back(Ready::Resume(index));
    }

    /// Has the driver complete something for this body some time later.
    pub fn submit(&self, index: usize) {
        self.completions.borrow_mut().push_back(index);
    }

    /// Parks the body that stands here.
    ///
    /// Never inlined: in a runtime there are calls between a body and its switch, so that waking up ends in returns.
    #[inline(never)]
    pub fn park(&'static self, index: usize) {
        D::park(self, &self.records[index]);
    }

    /// Where the body with this number rests.
    pub fn record(&'static self, index: usize) -> &'static Cell<Context> {
        &self.records[index]
    }

    /// What is ready now.
    pub fn next_ready(&self) -> Option<Ready> {
        self.ready.borrow_mut().pop_front()
    }

    /// What is ready now, or else what the driver's next completion makes ready.
    pub fn next_ready_or_completed(&self) -> Option<Ready> {
        self.next_ready().or_else(|| self.completions.borrow_mut().pop_front().map(Ready::Resume))
    }

    /// A stack that nobody has used.
    pub fn fresh_stack(&self) -> Stack {
        self.pool.borrow_mut().allocate(STACK_SIZE).expect("a stack can be mapped")
    }
}

/// The one scene of this process, a `Scene<D>`. As a runtime does with its thread-local worker, bodies find it here
/// and not through their stacks: else the next stack's address would wait until this stack has come from memory.
static SCENE: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// The scene of this process.
///
/// # Safety
///
/// [`Scene::new`] has been called with the same design.
pub unsafe fn scene<D: Design>() -> &'static Scene<D> {
    // SAFETY: the caller says that the pointer was set, and with which type; scenes are leaked.
    unsafe { &*SCENE.load(Relaxed).cast() }
}
