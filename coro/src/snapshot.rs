//! Looks at another thread of this process, in the middle of whatever it does.
//!
//! On Linux a signal stops the thread, and a function of the asker's runs there, on the thread's signal stack. It sees what
//! only that thread may look at, at one moment, and notes what the asker wants to know. On Windows the asker suspends the
//! thread, and runs the function itself: steps 2 to 4 are one.
//!
//! ```text
//!   asker        FREE ──▶ OWNED ──▶ ASKED(thread) ┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈▶ OWNED ──▶ FREE
//!                  1        2          │      ▲                             ▲
//!                                      │      └┈ 4 taken back: no answer ┈┈┈┤
//!   the thread,                        ▼                                    │
//!   in a handler                    LOOKING ────────────────────────────────┘
//!                                      3
//! ```
//!
//! 1. One request at a time is served, for the whole process. Whoever has the slot writes down which function is to run.
//! 2. The signal is sent.
//! 3. The handler takes a request for its own thread only. A signal that comes late finds none, or a later one, which it
//!    serves as well as that one's own signal would.
//! 4. A thread that does not answer within half a second has blocked the signal, or is in a system call that nothing
//!    interrupts. Once it looks, it is waited for.
//!
//! The signal is `SIGURG`, which does nothing where no handler is installed, and over which debuggers don't stop. System
//! calls that the kernel can restart go on as if nothing had happened; others, `poll` among them, end early with `EINTR`,
//! as they may at any time.

use crate::StackBounds;
use crate::code_ranges;
use crate::os::snapshots;
use std::cell::UnsafeCell;
use std::io;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a thread is given to answer: on a busy machine it has to wait for a CPU first.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a request waits for its turn: the others before it take [`PATIENCE`] at most, each.
const PATIENCE_FOR_TURN: Duration = Duration::from_secs(5);
/// How long the asker sleeps between two looks at the slot.
const LOOK_PERIOD: Duration = Duration::from_micros(50);

/// Where a thread was stopped.
///
/// ```
/// # fn note(moment: &fibra_coro::snapshot::Moment) {
/// println!("at {:#x}", moment.program_counter());
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    thread: u32,
    frame: snapshots::Frame,
}

impl Moment {
    /// The thread, by its number in the kernel.
    pub fn thread(&self) -> u32 {
        self.thread
    }

    /// The address of the instruction that the thread goes on with.
    pub fn program_counter(&self) -> usize {
        self.frame.program_counter
    }

    /// Where its stack ends.
    pub fn stack_pointer(&self) -> usize {
        self.frame.stack_pointer()
    }

    /// The return addresses on the stack, innermost first. On Linux they are found by a search: some may be left from calls that
    /// are over.
    ///
    /// # Safety
    ///
    /// This is called, and the iterator used, by the function that looks; `bounds` are of a stack of the stopped thread, whose
    /// memory is mapped from its limit to its top.
    pub unsafe fn return_addresses(&self, bounds: StackBounds) -> impl Iterator<Item = usize> {
        // SAFETY: by contract; the owner of the stack is stopped.
        unsafe { snapshots::return_addresses(self.frame, bounds) }
    }
}

/// How far behind the start of the program an address lies, if it is one of the program's own code: what `addr2line`
/// understands.
///
/// ```
/// fn somewhere() {}
/// let offset = fibra_coro::snapshot::offset_in_program(somewhere as fn() as usize);
/// assert!(offset.is_none_or(|offset| offset > 0));
/// assert_eq!(fibra_coro::snapshot::offset_in_program(1), None);
/// ```
pub fn offset_in_program(address: usize) -> Option<usize> {
    code_ranges::offset_in_program(address)
}

/// Lets the calling thread be looked at: installs the handler, once for the whole process, and unblocks its signal here.
///
/// # Errors
///
/// `Unsupported` on systems other than Linux and Windows; the system's, if it refuses the handler.
///
/// ```
/// match fibra_coro::snapshot::admit() {
///     Ok(()) => println!("this thread can be looked at"),
///     Err(error) => println!("no thread can be looked at: {error}"),
/// }
/// ```
pub fn admit() -> io::Result<()> {
    snapshots::install(answer, forget)?;
    snapshots::unblock()
}

/// Has `look` run while a thread of this process, by its number in the kernel, stands still, and waits until it has: on Linux
/// it runs on that thread, on Windows on this one. The thread should have called [`admit`].
///
/// # Safety
///
/// `look` may run at any instruction of that thread, so it is async-signal-safe: it neither allocates nor takes a lock nor
/// panics nor waits, and what it reads there is consistent at every instruction.
///
/// # Errors
///
/// The system's if there is no such thread; `TimedOut` if it doesn't answer, or if many others are being looked at;
/// `Unsupported` if nobody has called [`admit`], or another handler has taken its place. `look` has not run then, and won't.
///
/// ```
/// use fibra_coro::snapshot;
///
/// # #[cfg(target_os = "linux")] {
/// snapshot::admit()?;
/// # // SAFETY: a system call without arguments.
/// # let thread = unsafe { libc::syscall(libc::SYS_gettid) } as u32;
/// let mut counter = 0;
/// // SAFETY: the function writes a number of this frame, which outlives the call.
/// unsafe { snapshot::take(thread, &mut |moment| counter = moment.program_counter()) }?;
/// assert_ne!(counter, 0);
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
pub unsafe fn take(thread: u32, look: &mut (dyn FnMut(&Moment) + Send)) -> io::Result<()> {
    if !snapshots::is_installed() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    // SAFETY: only the lifetime changes. The function is used between `ask` and its end, within which `look` lives.
    let look: Look = unsafe { mem::transmute::<*mut (dyn FnMut(&Moment) + Send + '_), Look>(look) };
    Turn::take()?.ask(thread, look)
}

type Look = *mut (dyn FnMut(&Moment) + Send);

/// The slot's states; see the module. The number of the thread that is asked stands above them.
const FREE: u64 = 0;
const OWNED: u64 = 1;
const LOOKING: u64 = 2;
const ASKED: u64 = 3;
const STATE_BITS: u32 = 2;

const fn asked(thread: u32) -> u64 {
    (thread as u64) << STATE_BITS | ASKED
}

/// The one request that is served.
struct Slot {
    state: AtomicU64,
    look: UnsafeCell<Option<Look>>,
}

// SAFETY: `look` belongs to who has brought the state to `OWNED` or `LOOKING`, and what it points to is `Send`.
unsafe impl Sync for Slot {}

static SLOT: Slot = Slot { state: AtomicU64::new(FREE), look: UnsafeCell::new(None) };

/// The slot, while it is the asker's. Dropping it gives others their turn.
struct Turn(());

impl Turn {
    fn take() -> io::Result<Turn> {
        let is_ours =
            || SLOT.state.compare_exchange(FREE, OWNED, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if wait(PATIENCE_FOR_TURN, is_ours) { Ok(Turn(())) } else { Err(io::ErrorKind::TimedOut.into()) }
    }

    fn ask(self, thread: u32, look: Look) -> io::Result<()> {
        // SAFETY: the slot is ours.
        unsafe { *SLOT.look.get() = Some(look) };
        SLOT.state.store(asked(thread), Ordering::Release);
        let sent = snapshots::send(thread);
        let has_looked = || SLOT.state.load(Ordering::Acquire) == OWNED;
        if sent.is_ok() && wait(PATIENCE, has_looked) {
            return Ok(());
        }
        let taken_back =
            SLOT.state.compare_exchange(asked(thread), OWNED, Ordering::Acquire, Ordering::Acquire);
        if taken_back.is_ok() {
            return Err(sent.err().unwrap_or_else(|| io::ErrorKind::TimedOut.into()));
        }
        // It looks right now, or has just done so: `look` must not go away meanwhile.
        while !has_looked() {
            thread::sleep(LOOK_PERIOD);
        }
        Ok(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        SLOT.state.store(FREE, Ordering::Release);
    }
}

/// Looks again and again until `is_over`; `false` if that takes longer than `patience`.
fn wait(patience: Duration, mut is_over: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !is_over() {
        if start.elapsed() > patience {
            return false;
        }
        thread::sleep(LOOK_PERIOD);
    }
    true
}

/// The handler's part: serves the request for a thread that stands still. `false`: there is none.
fn answer(thread: u32, frame: snapshots::Frame) -> bool {
    if SLOT.state.compare_exchange(asked(thread), LOOKING, Ordering::Acquire, Ordering::Relaxed).is_err() {
        return false;
    }
    // SAFETY: the slot is ours now, and the asker, whose function it is, waits until we give it back.
    if let Some(look) = unsafe { *SLOT.look.get() } {
        // SAFETY: as above: the function is alive, and nobody else calls it.
        unsafe { (*look)(&Moment { thread, frame }) };
    }
    SLOT.state.store(OWNED, Ordering::Release);
    true
}

/// In a forked child: whoever owned the slot there is gone.
extern "C" fn forget() {
    SLOT.state.store(FREE, Ordering::Release);
}
