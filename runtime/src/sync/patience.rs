//! Patience: what a waiter does before it queues up for a lock, and how long it lets others go first.
//!
//! A lock that is free goes to whoever asks first, ahead of those who were woken for it and are not running yet: handing
//! it over at each unlock would make all go at the pace of a wake-up. Patience ends, so that nobody starves.

use std::{hint::spin_loop, ops::ControlFlow, time::Duration};

/// Who has waited for so long and still loses the lock to others is handed it.
///
/// In a model all wait "long": loom has no clock, and both ways are to be explored.
pub(super) const HAND_OVER_AFTER: Duration =
    if cfg!(loom) { Duration::ZERO } else { Duration::from_micros(500) };

/// How often a lock that is held is looked at again before joining the queue, doubling the pauses in between.
///
/// Few: parking a green thread costs about as much as these pauses, and the holder may be parked itself.
const LOOKS: u32 = if cfg!(loom) { 0 } else { 3 };

/// Looks again until `look` breaks, with whether it has taken the lock, or until there were enough looks.
pub(super) fn look_again(mut look: impl FnMut() -> ControlFlow<bool>) -> bool {
    for pause in 0..LOOKS {
        (0..1 << pause).for_each(|_| spin_loop());
        if let ControlFlow::Break(is_taken) = look() {
            return is_taken;
        }
    }
    false
}
