//! A thread can be looked at in the middle of what it does, and goes on as if nothing had happened.

//!
//! How a signal does it is in `snapshots_by_signal.rs`.

#![cfg(any(target_os = "linux", windows))]

mod subject;

use fibra_coro::snapshot::{self, Moment};
use fibra_coro::{Context, StackBounds, StackPool, switch};
use std::hint::black_box;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use subject::{NO_SUCH_THREAD, Subject, number, spin, take};

/// Looks at a thread, and returns where it was.
fn program_counter(thread: u32) -> io::Result<usize> {
    let mut found = 0;
    // SAFETY: the function writes a number of this frame.
    unsafe { take(thread, &mut |moment| found = moment.program_counter()) }?;
    Ok(found)
}

#[test]
fn a_thread_that_computes_is_seen_in_its_loop() {
    let subject = Subject::start(spin);
    let is_in_program =
        |_: &usize| snapshot::offset_in_program(program_counter(subject.thread).unwrap()).is_some();
    // The first time it may still be on its way there.
    assert!((0..1_000).filter(is_in_program).count() > 900);
    subject.end();
}

#[test]
fn a_thread_that_sleeps_is_seen_and_sleeps_on() {
    const SLEEP: Duration = Duration::from_millis(300);
    let (slept, woke) = channel();
    let subject = Subject::start(move |is_over| {
        let start = std::time::Instant::now();
        thread::sleep(SLEEP);
        slept.send(start.elapsed()).unwrap();
        // It is looked at a little longer, maybe.
        spin(is_over);
    });
    for _ in 0..20 {
        program_counter(subject.thread).unwrap();
    }
    assert!(woke.recv().unwrap() >= SLEEP);
    subject.end();
}

#[test]
fn the_calling_thread_can_look_at_itself() {
    snapshot::admit().unwrap();
    assert_ne!(program_counter(number()).unwrap(), 0);
}

/// Where the stack of [`wait_on_a_stack`] lies, for the one who looks at it.
struct Scene {
    bounds: Option<StackBounds>,
    outside: Context,
    inside: Context,
    over: *const AtomicBool,
    stands_there: *const AtomicUsize,
}

/// Its return address is what has to be found.
#[inline(never)]
fn known_function(scene: &Scene) -> usize {
    // SAFETY: the test keeps both flags alive.
    let (over, stands_there) = unsafe { (&*scene.over, &*scene.stands_there) };
    stands_there.store(known_function as *const () as usize, Ordering::Release);
    spin_with_a_frame(over);
    black_box(1)
}

#[inline(never)]
fn spin_with_a_frame(over: &AtomicBool) {
    let frame = black_box([1_u64; 16]);
    spin(over);
    black_box(frame);
}

unsafe extern "C" fn wait_on_a_stack(scene: usize) -> ! {
    let scene = scene as *mut Scene;
    // SAFETY: the scene outlives the stack.
    unsafe {
        black_box(known_function(&*scene));
        switch(&raw mut (*scene).inside, (*scene).outside, 0);
    }
    unreachable!("nobody comes back")
}

#[test]
fn the_callers_are_found_on_a_stack_of_ours() {
    /// Further from its start than any address in that function.
    const LONGEST_FUNCTION: usize = 4096;
    let stands_there = Arc::new(AtomicUsize::new(0));
    let bounds = Arc::new(Mutex::new(None::<usize>));
    let subject = Subject::start({
        let (stands_there, bounds) = (Arc::clone(&stands_there), Arc::clone(&bounds));
        move |over| {
            let mut pool = StackPool::default();
            let stack = pool.allocate(64 * 1024).unwrap();
            let mut scene = Scene {
                bounds: Some(stack.bounds()),
                outside: Context::null(),
                inside: Context::null(),
                over,
                stands_there: &*stands_there,
            };
            *bounds.lock().unwrap() = Some((&raw const scene.bounds) as usize);
            let scene = &raw mut scene;
            // SAFETY: the stack is fresh, and comes back once.
            unsafe {
                (*scene).inside = stack.prepare(wait_on_a_stack);
                switch(&raw mut (*scene).outside, (*scene).inside, scene as usize);
            }
            pool.release(stack);
        }
    });
    let function = loop {
        match stands_there.load(Ordering::Acquire) {
            0 => thread::yield_now(),
            function => break function,
        }
    };
    let place = bounds.lock().unwrap().unwrap();
    let (mut addresses, mut count) = ([0; 32], 0);
    let mut look = |moment: &Moment| {
        // SAFETY: the scene is in a frame of the thread that is stopped here, which stands on the stack that it describes.
        unsafe {
            let bounds = (*(place as *const Option<StackBounds>)).unwrap();
            for (place, address) in addresses.iter_mut().zip(moment.return_addresses(bounds)) {
                *place = address;
                count += 1;
            }
        }
    };
    // SAFETY: it reads and writes memory that outlives the call, and allocates nothing.
    unsafe { take(subject.thread, &mut look) }.unwrap();
    subject.end();
    let found = &addresses[..count];
    let is_in_function = |address: &usize| (function..function + LONGEST_FUNCTION).contains(address);
    assert!(found.iter().any(is_in_function), "{function:#x} is not among {found:x?}");
}

/// A thread of another process.
#[test]
fn nobody_else_is_looked_at() {
    snapshot::admit().unwrap();
    let mut has_looked = false;
    // SAFETY: the function writes a flag of this frame.
    let outcome = unsafe { snapshot::take(subject::foreign_thread(), &mut |_| has_looked = true) };
    assert!(outcome.is_err() && !has_looked);
}

#[test]
fn a_thread_that_is_gone_is_an_error() {
    snapshot::admit().unwrap();
    let subject = Subject::start(|_| ());
    let thread = subject.thread;
    subject.end();
    // Its number may be another thread's by now, but hardly so soon.
    let error = program_counter(thread).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(NO_SUCH_THREAD), "{error}");
}

#[test]
fn many_look_at_many_at_the_same_time() {
    let subjects: Vec<_> = (0..3).map(|_| Subject::start(spin)).collect();
    let threads: Vec<u32> = subjects.iter().map(|subject| subject.thread).collect();
    thread::scope(|scope| {
        for asker in 0..3 {
            let threads = &threads;
            scope.spawn(move || {
                for round in 0..200 {
                    let thread = threads[(asker + round) % threads.len()];
                    let mut who = 0;
                    // SAFETY: the function writes a number of this frame.
                    unsafe { take(thread, &mut |moment| who = moment.thread()) }.unwrap();
                    assert_eq!(who, thread, "another thread has answered");
                }
            });
        }
    });
    subjects.into_iter().for_each(Subject::end);
}
