//! The plain design: a loop on the thread's own stack, a coroutine for each body, two switches for each wake.

use std::cell::{Cell, RefCell};

use fibra_coro::{Context, switch};

use super::scene::{Body, Design, Ready, Scene, scene};

/// The worker's state.
pub struct Plain {
    /// Where the loop rests while a body runs.
    worker_loop: Cell<Context>,
    /// The body that the coroutine being continued is to run.
    starting: Cell<Option<Body>>,
    /// Coroutines that have ended their body and wait for another.
    free: RefCell<Vec<Context>>,
}

impl Design for Plain {
    fn new() -> Self {
        Self { worker_loop: Cell::new(Context::null()), starting: Cell::new(None), free: RefCell::default() }
    }

    fn run(scene: &'static Scene<Self>) {
        while let Some(ready) = scene.next_ready_or_completed() {
            let to = match ready {
                Ready::Resume(index) => scene.record(index).get(),
                Ready::Start(body) => {
                    scene.design.starting.set(Some(body));
                    let free = scene.design.free.borrow_mut().pop();
                    free.unwrap_or_else(|| fresh_coroutine(scene))
                }
            };
            // SAFETY: `to` rests: a record in the ready queue belongs to a parked body and is in it once; a free
            // coroutine was just taken off the list. The save slot is the scene's, which is leaked.
            unsafe { switch(scene.design.worker_loop.as_ptr(), to, 0) };
        }
    }

    #[inline]
    fn park(scene: &'static Scene<Self>, record: &'static Cell<Context>) {
        // SAFETY: the loop rests while a body runs, and it resumes the record's context once.
        unsafe { switch(record.as_ptr(), scene.design.worker_loop.get(), 0) };
    }
}

#[cold]
fn fresh_coroutine(scene: &'static Scene<Plain>) -> Context {
    let stack = scene.fresh_stack();
    // SAFETY: nobody stands on a fresh stack, and the coroutine doesn't unwind. The stack is dropped, which leaks it:
    // its coroutine comes back to the free list instead.
    unsafe { stack.prepare(coroutine) }
}

/// Runs one body after the other; in between it waits on the free list.
///
/// # Safety
///
/// It is the first frame of a stack that was prepared for it, on the thread whose world this is.
unsafe extern "C" fn coroutine(_: usize) -> ! {
    loop {
        // SAFETY: coroutines are started by this design's `run` only.
        let scene = unsafe { scene::<Plain>() };
        let Body { code, index } =
            scene.design.starting.take().expect("a coroutine is continued to run a body");
        code(index);
        let save = {
            let mut free = scene.design.free.borrow_mut();
            free.push(Context::null());
            free.last_mut().expect("just pushed") as *mut Context
        };
        // SAFETY: nothing touches the list before the switch has written through `save`; the loop rests while we run.
        unsafe { switch(save, scene.design.worker_loop.get(), 0) };
    }
}
