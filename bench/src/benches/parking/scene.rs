//! What both designs share: ready queue, driver, the records of the parked, and the stacks.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

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
pub enum Ready<D: Design> {
    /// Run this code, which has not begun.
    Start(Body<D>),
    /// Continue the parked body with this number.
    Resume(usize),
}

/// A task that has not begun: code without captures, and its number.
pub struct Body<D: Design> {
    /// What it runs.
    pub code: fn(&'static Scene<D>, usize),
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

/// One thread's worker with its bodies. It is leaked, since stacks that are never unwound hold its address.
pub struct Scene<D: Design> {
    /// What the design keeps for itself.
    pub design: D,
    /// How bodies are woken just now.
    pub wakes: Cell<Wakes>,
    /// How many more times a woken body arranges for another wake.
    pub wakes_left: Cell<usize>,
    ready: RefCell<VecDeque<Ready<D>>>,
    completions: RefCell<VecDeque<usize>>,
    records: Box<[Cell<Context>]>,
    stacks: RefCell<(StackPool, Vec<Stack>)>,
}

/// The size of every stack: the default of fibra's threads.
const STACK_SIZE: usize = 2 * 1024 * 1024;

impl<D: Design> Scene<D> {
    /// A scene with room for so many bodies.
    pub fn new(bodies: usize) -> &'static Self {
        Box::leak(Box::new(Self {
            design: D::new(),
            wakes: Cell::new(Wakes::AllAtOnce),
            wakes_left: Cell::new(0),
            ready: RefCell::new(VecDeque::with_capacity(bodies)),
            completions: RefCell::new(VecDeque::with_capacity(bodies)),
            records: (0..bodies).map(|_| Cell::new(Context::null())).collect(),
            stacks: RefCell::default(),
        }))
    }

    /// How many bodies there are.
    pub fn bodies(&self) -> usize {
        self.records.len()
    }

    /// Queues code that has not begun.
    pub fn spawn(&self, code: fn(&'static Self, usize), index: usize) {
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
    pub fn park(&'static self, index: usize) {
        D::park(self, &self.records[index]);
    }

    /// Where the body with this number rests.
    pub fn record(&'static self, index: usize) -> &'static Cell<Context> {
        &self.records[index]
    }

    /// What is ready now.
    pub fn next_ready(&self) -> Option<Ready<D>> {
        self.ready.borrow_mut().pop_front()
    }

    /// What is ready now, or else what the driver's next completion makes ready.
    pub fn next_ready_or_completed(&self) -> Option<Ready<D>> {
        self.next_ready().or_else(|| self.completions.borrow_mut().pop_front().map(Ready::Resume))
    }

    /// A stack that nobody has used, ready to call `entry` with the word of the first switch to it.
    pub fn fresh_stack(&self, entry: unsafe extern "C" fn(usize) -> !) -> Context {
        let mut stacks = self.stacks.borrow_mut();
        let stack = stacks.0.allocate(STACK_SIZE).expect("a stack can be mapped");
        // SAFETY: nobody stands on a stack that was just allocated; it stays allocated in the list below, and both
        // designs' entries are `extern "C"` loops that don't unwind.
        let context = unsafe { stack.prepare(entry) };
        stacks.1.push(stack);
        context
    }
}

/// The word by which a stack's entry learns its scene.
pub fn word<D: Design>(scene: &'static Scene<D>) -> usize {
    std::ptr::from_ref(scene).expose_provenance()
}

/// The scene of a [`word`].
///
/// # Safety
///
/// `word` comes from [`word`] with the same design.
pub unsafe fn scene<D: Design>(word: usize) -> &'static Scene<D> {
    // SAFETY: the caller says that the word is the address of a scene of this design, and scenes are leaked.
    unsafe { &*std::ptr::with_exposed_provenance(word) }
}
