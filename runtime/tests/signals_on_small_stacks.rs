//! A signal that hits a worker is handled on the worker's own signal stack, however small the green thread's is.
//!
//! Windows has no signals.
#![cfg(unix)]

use fibra::thread;
use std::{
    hint::black_box,
    mem::MaybeUninit,
    ptr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

/// Less than the handler uses.
const STACK_SIZE: usize = 16 << 10;
const USED_BY_HANDLER: usize = 32 << 10;

static HANDLED: AtomicUsize = AtomicUsize::new(0);
/// How many of them ran where they were hit.
static ASTRAY: AtomicUsize = AtomicUsize::new(0);

/// Writes to all of what it takes of its stack: on a green thread's it would end in the guard pages.
extern "C" fn handle(_: libc::c_int) {
    // In place: a copy of it would be too much for the signal stack too.
    let mut used = [0u8; USED_BY_HANDLER];
    black_box(&mut used).fill(1);
    let mut stack = MaybeUninit::<libc::stack_t>::uninit();
    // SAFETY: may be called by a signal handler; it only writes the present stack, wholly, through the pointer.
    let is_on_its_own = unsafe {
        libc::sigaltstack(ptr::null(), stack.as_mut_ptr()) == 0
            && stack.assume_init().ss_flags & libc::SS_ONSTACK != 0
    };
    ASTRAY.fetch_add(usize::from(!is_on_its_own), SeqCst);
    HANDLED.fetch_add(1, SeqCst);
}

fn install_handler() {
    // SAFETY: all zeros is an action; the handler does nothing that a handler must not.
    let installed = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handle as extern "C" fn(libc::c_int) as usize;
        // Without `SA_RESTART`: system calls of the workers are interrupted too.
        action.sa_flags = libc::SA_ONSTACK;
        libc::sigaction(libc::SIGUSR1, &raw const action, ptr::null_mut())
    };
    assert_eq!(installed, 0);
}

/// Switches, sleeps and computes by turns, and looks after each whether its stack is still its own.
fn wander(number: usize, workers: &Mutex<Vec<libc::pthread_t>>, is_over: &AtomicBool) {
    // SAFETY: asks for the calling thread.
    let worker = unsafe { libc::pthread_self() };
    let mut known = workers.lock().unwrap();
    if !known.contains(&worker) {
        known.push(worker);
    }
    drop(known);
    let mut mine = [number; 128];
    for round in 0.. {
        if is_over.load(SeqCst) {
            return;
        }
        match round % 8 {
            0 => thread::sleep(Duration::from_micros(50)),
            1 => (0..2000).for_each(|i| _ = black_box(i)),
            _ => thread::yield_now(),
        }
        assert!(mine.iter().all(|&word| word == number + round), "somebody has written to the stack");
        mine.iter_mut().for_each(|word| *word += 1);
    }
}

#[fibra::test(workers = 2)]
fn signals_while_small_stacks_switch_leave_them_as_they_are() {
    const SIGNALS: usize = 2_000;
    install_handler();
    let (workers, is_over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let wanderers: Vec<_> = (0..32)
        .map(|number| {
            let (workers, is_over) = (Arc::clone(&workers), Arc::clone(&is_over));
            let small = thread::Builder::new().stack_size(STACK_SIZE);
            small.spawn(move || wander(number, &workers, &is_over)).unwrap()
        })
        .collect();
    let handled_before = HANDLED.load(SeqCst);
    // From an OS thread, so that the workers have nothing else to do than to be hit.
    fibra::unblock(|| {
        let mut sent = 0;
        while sent < SIGNALS || HANDLED.load(SeqCst) == handled_before {
            for worker in workers.lock().unwrap().iter() {
                // SAFETY: the worker runs until its runtime ends, which waits for this.
                assert_eq!(unsafe { libc::pthread_kill(*worker, libc::SIGUSR1) }, 0);
                sent += 1;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    });
    is_over.store(true, SeqCst);
    wanderers.into_iter().for_each(|wanderer| wanderer.join().unwrap());
    assert!(HANDLED.load(SeqCst) > handled_before);
    assert_eq!(ASTRAY.load(SeqCst), 0);
}
