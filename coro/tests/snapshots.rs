//! A thread can be looked at in the middle of what it does, and goes on as if nothing had happened.

#![cfg(target_os = "linux")]

use fibra_coro::snapshot::{self, Moment};
use fibra_coro::{Context, StackBounds, StackPool, switch};
use std::hint::{black_box, spin_loop};
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

fn number() -> u32 {
    // SAFETY: no arguments.
    (unsafe { libc::syscall(libc::SYS_gettid) }) as u32
}

/// Looks at a thread, and returns where it was.
fn program_counter(thread: u32) -> io::Result<usize> {
    let mut found = 0;
    // SAFETY: the function writes a number of this frame.
    unsafe { take(thread, &mut |moment| found = moment.program_counter()) }?;
    Ok(found)
}

/// Looks at a thread that answers for sure, and patiently: on a busy machine it may have to wait for a CPU.
unsafe fn take(thread: u32, look: &mut (dyn FnMut(&Moment) + Send)) -> io::Result<()> {
    for _ in 0..100 {
        // SAFETY: by contract.
        match unsafe { snapshot::take(thread, look) } {
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            result => return result,
        }
    }
    Err(ErrorKind::TimedOut.into())
}

/// A thread that runs `body` until it is told to end, and that can be looked at.
struct Subject {
    thread: u32,
    over: Arc<AtomicBool>,
    handle: JoinHandle<()>,
}

impl Subject {
    fn start(body: impl Fn(&AtomicBool) + Send + 'static) -> Subject {
        Subject::start_unadmitted(move |over, ready| {
            snapshot::admit().unwrap();
            ready.send(number()).unwrap();
            body(over);
        })
    }

    fn start_unadmitted(body: impl FnOnce(&AtomicBool, Sender<u32>) + Send + 'static) -> Subject {
        let over = Arc::new(AtomicBool::new(false));
        let (ready, started) = channel();
        let handle = thread::spawn({
            let over = Arc::clone(&over);
            move || body(&over, ready)
        });
        Subject { thread: started.recv().unwrap(), over, handle }
    }

    /// One that has blocked the signal, until it is told to end: then it comes, when its request has been taken back.
    fn start_blocked() -> Subject {
        Subject::start_unadmitted(|over, ready| {
            snapshot::admit().unwrap();
            block_all_signals(true);
            ready.send(number()).unwrap();
            spin(over);
            block_all_signals(false);
        })
    }

    fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        self.handle.join().unwrap();
    }
}

fn spin(over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        spin_loop();
    }
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

#[test]
fn a_thread_that_is_gone_is_an_error() {
    snapshot::admit().unwrap();
    let subject = Subject::start(|_| ());
    let thread = subject.thread;
    subject.end();
    // Its number may be another thread's by now, but hardly so soon.
    let error = program_counter(thread).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ESRCH), "{error}");
}

#[test]
fn a_thread_that_blocks_the_signal_is_given_up_and_may_answer_too_late() {
    let subject = Subject::start_blocked();
    let mut has_looked = false;
    // SAFETY: the function writes a flag of this frame.
    let error = unsafe { snapshot::take(subject.thread, &mut |_| has_looked = true) }.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    subject.end();
    assert!(!has_looked);
    let next = Subject::start(spin);
    assert!(program_counter(next.thread).is_ok(), "the slot is free again");
    next.end();
}

fn block_all_signals(blocked: bool) {
    let how = if blocked { libc::SIG_BLOCK } else { libc::SIG_UNBLOCK };
    // SAFETY: a set in this frame, which the first call fills.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&mut all);
        assert_eq!(libc::pthread_sigmask(how, &all, std::ptr::null_mut()), 0);
    }
}

#[test]
fn a_child_thread_of_one_that_blocks_all_signals_can_be_looked_at() {
    let subject = Subject::start_unadmitted(|over, ready| {
        block_all_signals(true);
        snapshot::admit().unwrap();
        ready.send(number()).unwrap();
        spin(over);
    });
    assert!(program_counter(subject.thread).is_ok());
    subject.end();
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
                    // SAFETY: the function makes a system call without arguments, and writes a number of this frame.
                    unsafe { take(thread, &mut |_| who = number()) }.unwrap();
                    assert_eq!(who, thread, "another thread has answered");
                }
            });
        }
    });
    subjects.into_iter().for_each(Subject::end);
}

#[test]
fn what_is_interrupted_finds_its_error_number_as_it_was() {
    static WRONG: AtomicU32 = AtomicU32::new(0);
    let subject = Subject::start(|over| {
        while !over.load(Ordering::Relaxed) {
            // SAFETY: this thread's error number.
            unsafe { *libc::__errno_location() = 4321 };
            (0..100).for_each(|_| spin_loop());
            // SAFETY: as above.
            if unsafe { *libc::__errno_location() } != 4321 {
                WRONG.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    for _ in 0..200 {
        let mut fail = |_: &Moment| {
            // SAFETY: a system call that fails, and changes the error number.
            unsafe { libc::close(-1) };
        };
        // SAFETY: the function makes a system call that a handler may make.
        unsafe { take(subject.thread, &mut fail) }.unwrap();
    }
    subject.end();
    assert_eq!(WRONG.load(Ordering::Relaxed), 0);
}

/// Children of a process with several threads may do little: no other fork at the same time.
static FORKS: Mutex<()> = Mutex::new(());

/// Whether the check holds in a forked child.
fn holds_in_child(check: impl FnOnce() -> bool) -> bool {
    let _one_at_a_time = FORKS.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the child calls what works after a fork with glibc, and ends at once.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let status = i32::from(!check());
        // SAFETY: ends the child.
        unsafe { libc::_exit(status) };
    }
    let mut status = 0;
    // SAFETY: the call writes one number.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

#[test]
fn a_child_that_was_forked_during_a_look_can_look_at_its_threads() {
    let blocked = Subject::start_blocked();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        // It is asked for as long as this takes: the children find the slot taken.
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                // SAFETY: the function does nothing.
                assert!(unsafe { snapshot::take(blocked.thread, &mut |_| ()) }.is_err());
            }
        });
        thread::sleep(Duration::from_millis(20));
        for _ in 0..5 {
            // SAFETY: the function does nothing.
            assert!(holds_in_child(|| unsafe { snapshot::take(number(), &mut |_| ()) }.is_ok()));
        }
        over.store(true, Ordering::Relaxed);
    });
    blocked.end();
}
