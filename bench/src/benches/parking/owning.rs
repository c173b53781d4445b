//! The owning design: the loop runs bodies where it stands, and whoever parks keeps the stack.

use std::cell::{Cell, RefCell};

use fibra_coro::{Context, switch};

use super::scene::{Body, Design, Ready, Scene, scene};

/// The worker's state. With `DRIVES_IN_PLACE`, a parking body with nothing else ready asks the driver itself, on its
/// own stack, instead of continuing a loop that does.
pub struct Owning<const DRIVES_IN_PLACE: bool> {
    /// Where the thread itself rests while the worker has something to do.
    thread: Cell<Context>,
    /// A body that was ready when its predecessor parked: the loop that is continued next runs it.
    handed_over: Cell<Option<Body>>,
    /// Free stacks: suspended loops.
    free: RefCell<Vec<Context>>,
}

impl<const DRIVES_IN_PLACE: bool> Design for Owning<DRIVES_IN_PLACE> {
    fn new() -> Self {
        Self { thread: Cell::new(Context::null()), handed_over: Cell::new(None), free: RefCell::default() }
    }

    fn run(scene: &'static Scene<Self>) {
        // SAFETY: a free stack rests, and the last loop that finds nothing to do comes back here, once.
        unsafe { switch(scene.design.thread.as_ptr(), free_stack(scene), 0) };
    }

    #[inline]
    fn park(scene: &'static Scene<Self>, record: &'static Cell<Context>) {
        let next = if DRIVES_IN_PLACE { scene.next_ready_or_completed() } else { scene.next_ready() };
        let to = match next {
            Some(Ready::Resume(index)) if std::ptr::eq(scene.record(index), record) => return,
            Some(Ready::Resume(index)) => scene.record(index).get(),
            Some(Ready::Start(body)) => {
                scene.design.handed_over.set(Some(body));
                free_stack(scene)
            }
            None => free_stack(scene),
        };
        // SAFETY: `to` rests: a record in the ready queue belongs to a parked body other than this one and is in it
        // once; a free stack was just taken off the list. Whoever makes the record ready has it resumed once.
        unsafe { switch(record.as_ptr(), to, 0) };
    }
}

/// A free stack, which is a suspended loop, or the start of one.
#[inline(always)]
fn free_stack<const IN_PLACE: bool>(scene: &'static Scene<Owning<IN_PLACE>>) -> Context {
    let free = scene.design.free.borrow_mut().pop();
    free.unwrap_or_else(|| fresh_loop(scene))
}

#[cold]
fn fresh_loop<const IN_PLACE: bool>(scene: &'static Scene<Owning<IN_PLACE>>) -> Context {
    let stack = scene.fresh_stack();
    // SAFETY: nobody stands on a fresh stack, and the loop doesn't unwind. The stack is dropped, which leaks it: its
    // loop comes back to the free list instead.
    unsafe { stack.prepare(worker_loop::<IN_PLACE>) }
}

/// The worker's loop. Many stacks hold one; all but the one that runs are free, or lie below a body that has parked.
///
/// # Safety
///
/// It is the first frame of a stack that was prepared for it, on the thread whose world this is.
unsafe extern "C" fn worker_loop<const IN_PLACE: bool>(_: usize) -> ! {
    loop {
        // SAFETY: loops are started by this design's functions only.
        let scene = unsafe { scene::<Owning<IN_PLACE>>() };
        let next = match scene.design.handed_over.take() {
            Some(body) => Some(Ready::Start(body)),
            None => scene.next_ready_or_completed(),
        };
        let to = match next {
            Some(Ready::Start(Body { code, index })) => {
                code(index);
                continue;
            }
            Some(Ready::Resume(index)) => scene.record(index).get(),
            None => scene.design.thread.get(),
        };
        let save = {
            let mut free = scene.design.free.borrow_mut();
            free.push(Context::null());
            free.last_mut().expect("just pushed") as *mut Context
        };
        // SAFETY: nothing touches the list before the switch has written through `save`. `to` rests: it is a parked
        // body's record or the thread's.
        unsafe { switch(save, to, 0) };
    }
}
