//! A fence between two sides, only one of which is in a hurry.
//!
//! Two threads that each store something and then load what the other one stores need a fence between the two on both sides, or
//! neither may see the other's store. A full fence costs tens of cycles, and worse, a processor that waits for memory doesn't
//! begin with what follows it. If one side comes by a thousand times more often than the other, it had better have [`light`],
//! which the processor doesn't notice, and the other one [`heavy`], by which the system has every thread of the process fence.
//!
//! ```
//! use fibra_system::fence;
//! use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
//!
//! static HURRIED: AtomicBool = AtomicBool::new(false);
//! static PATIENT: AtomicBool = AtomicBool::new(false);
//!
//! let patient = std::thread::spawn(|| {
//!     PATIENT.store(true, Relaxed);
//!     fence::heavy()?;
//!     Ok::<_, std::io::Error>(HURRIED.load(Relaxed))
//! });
//! HURRIED.store(true, Relaxed);
//! fence::light();
//! let saw_patient = PATIENT.load(Relaxed);
//! assert!(patient.join().unwrap()? || saw_patient);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Where the system has no such call, or forbids it, both are full fences.

use crate::os;
use std::io;
use std::sync::Once;
use std::sync::atomic::{
    AtomicU8,
    Ordering::{Relaxed, SeqCst},
    compiler_fence, fence,
};

/// A fence against threads that call [`heavy`], and against no others.
///
/// ```
/// fibra_system::fence::light();
/// ```
#[inline]
pub fn light() {
    if MODE.load(Relaxed) == ASYMMETRIC || is_asymmetric() { compiler_fence(SeqCst) } else { fence(SeqCst) }
}

/// A fence here, and in each thread of the process at some moment of this call. Costs some microseconds: the cores that run other
/// threads of this process are interrupted.
///
/// # Errors
///
/// The system can't at the moment, as when it's out of memory. Then there was no fence.
///
/// ```
/// fibra_system::fence::heavy()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn heavy() -> io::Result<()> {
    fence(SeqCst);
    if is_asymmetric() { os::fence_all_threads() } else { Ok(()) }
}

/// How it is done; 0: not known yet. It's found out once, as both sides have to mean the same.
static MODE: AtomicU8 = AtomicU8::new(0);
const ASYMMETRIC: u8 = 1;
const SYMMETRIC: u8 = 2;

/// Whether the system does what [`light`] leaves out.
#[cold]
fn is_asymmetric() -> bool {
    static FOUND: Once = Once::new();
    FOUND.call_once(|| {
        let mode = if os::fence_all_threads().is_ok() { ASYMMETRIC } else { SYMMETRIC };
        MODE.store(mode, Relaxed);
    });
    MODE.load(Relaxed) == ASYMMETRIC
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::thread;

    /// The round in which each side was last, in cache lines of their own.
    #[repr(align(128))]
    struct Side(AtomicUsize);

    /// Both sides leave it at once, awake: a thread that has to be woken comes too late to meet the other.
    fn meet(arrived: &AtomicUsize, round: usize) {
        arrived.fetch_add(1, Relaxed);
        for spins in 0_u32.. {
            if arrived.load(Relaxed) >= 2 * round {
                break;
            }
            // It may be that the other one waits for our core.
            if spins % 1024 == 1023 { thread::yield_now() } else { hint::spin_loop() }
        }
    }

    #[test]
    fn of_two_sides_at_least_one_sees_the_other() {
        const ROUNDS: usize = 20_000;
        let side = || Side(AtomicUsize::new(0));
        let (hurried, patient, arrived) = (side(), side(), side());
        let play = |mine: &Side, other: &Side, fence: fn()| {
            let rounds = (1..=ROUNDS).map(|round| {
                meet(&arrived.0, round);
                mine.0.store(round, Relaxed);
                fence();
                other.0.load(Relaxed) >= round
            });
            rounds.collect::<Vec<_>>()
        };
        let (one, other) = thread::scope(|scope| {
            let other = scope.spawn(|| play(&hurried, &patient, light));
            (play(&patient, &hurried, || heavy().unwrap()), other.join().unwrap())
        });
        let missed = one.into_iter().zip(other).position(|(one, other)| !one && !other);
        assert_eq!(missed, None, "neither saw the other");
    }
}
