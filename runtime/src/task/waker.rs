//! A task's `Waker`: one reference to the task, and a table of functions.
//!
//! # Safety
//!
//! Of each function here: `data` is from a waker of [`TABLE`], which keeps the task alive during the call.

use super::{
    Task,
    header::Header,
    state::{Wake, WakeAndRelease},
};
use std::{
    mem::ManuallyDrop,
    ops::Deref,
    ptr::{self, NonNull},
    task::{RawWaker, RawWakerVTable, Waker},
};

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// Whether the waker is a task's.
#[inline]
pub(super) fn is_tasks(waker: &Waker) -> bool {
    ptr::eq(waker.vtable(), &TABLE)
}

/// A waker that holds no reference of its own: for the length of a poll, the runner's serves.
pub(super) fn borrowed(header: &NonNull<Header>) -> impl Deref<Target = Waker> + '_ {
    // SAFETY: the table keeps `RawWaker`'s contract (each function below), and `ManuallyDrop` never gives
    // the reference up that this waker does not hold.
    ManuallyDrop::new(unsafe { Waker::from_raw(RawWaker::new(header.as_ptr().cast_const().cast(), &TABLE)) })
}

/// Has a task's body run again.
pub(super) fn wake_task(task: &Task) {
    if task.header().state.wake() == Wake::Schedule {
        // SAFETY: `wake` added the reference that is handed over.
        unsafe { (task.header().table.schedule)(task.as_raw()) }
    }
}

unsafe fn task(data: *const ()) -> ManuallyDrop<Task> {
    // SAFETY: by contract the pointer is a live task's header; the reference is not given up.
    ManuallyDrop::new(unsafe { Task::from_raw(NonNull::new_unchecked(data.cast_mut().cast())) })
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: called through the table. The reference is the new waker's.
    unsafe { task(data) }.header().state.retain();
    RawWaker::new(data, &TABLE)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: called through the table.
    let task = unsafe { task(data) };
    match task.header().state.wake_and_release() {
        // SAFETY: the waker's reference is the one that is handed over.
        WakeAndRelease::Schedule => unsafe { (task.header().table.schedule)(task.as_raw()) },
        WakeAndRelease::Released => {}
        // SAFETY: it was the last reference to the task.
        WakeAndRelease::ReleasedLast => unsafe { (task.header().table.free)(task.as_raw()) },
    }
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: called through the table.
    wake_task(&*unsafe { task(data) });
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: called through the table; the waker's reference is given up.
    drop(ManuallyDrop::into_inner(unsafe { task(data) }));
}
