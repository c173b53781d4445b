//! A clock that can stand still.
//!
//! The runtime looks at its driver after as many tasks as take about 100 µs, within bounds. Tasks as small as the ones here
//! take so little that the upper bound decides, on any machine. Under callgrind, which runs them some fifty times slower,
//! the clock would decide, and differently in each run. While the clock stands still no task takes any time, so the bound
//! decides again. Waits with a time limit would be in trouble meanwhile; nothing here has one.

use libc::{c_int, clockid_t, timespec};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

static STANDS: AtomicBool = AtomicBool::new(false);
static SECONDS: AtomicI64 = AtomicI64::new(0);
static NANOSECONDS: AtomicI64 = AtomicI64::new(0);

/// Has the runtime look at no clock but the one that can be stopped. To be called before there is a runtime.
pub fn make_the_only_one() {
    assert!(fibra_system::ticks::go_by_the_systems_clock(), "nobody has looked at the counter yet");
}

/// Lets the monotonic clock of this process stand still until what this returns is dropped.
#[must_use]
pub fn stop() -> Stopped {
    let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
    assert_eq!(ask_the_kernel(libc::CLOCK_MONOTONIC, &mut now), 0, "every system has a monotonic clock");
    SECONDS.store(now.tv_sec, Relaxed);
    NANOSECONDS.store(now.tv_nsec, Relaxed);
    STANDS.store(true, Relaxed);
    Stopped(())
}

/// See [`stop`].
pub struct Stopped(());

impl Drop for Stopped {
    fn drop(&mut self) {
        STANDS.store(false, Relaxed);
    }
}

/// The C library's function of this name: the linker prefers the program's own, also for the standard library.
///
/// # Safety
///
/// As in C: `time` is valid for a write.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: by contract, and a `timespec` is valid with whatever the caller has left in it.
    let time = unsafe { &mut *time };
    if clock == libc::CLOCK_MONOTONIC && STANDS.load(Relaxed) {
        *time = timespec { tv_sec: SECONDS.load(Relaxed), tv_nsec: NANOSECONDS.load(Relaxed) };
        return 0;
    }
    ask_the_kernel(clock, time)
}

fn ask_the_kernel(clock: clockid_t, time: &mut timespec) -> c_int {
    // SAFETY: the kernel writes one `timespec`, to which the reference is valid.
    let status = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time as *mut timespec) };
    status as c_int
}
