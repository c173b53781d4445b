//! Who listens to stalls, and something to listen to.

use fibra::{Builder, stall::Stall};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

/// Long enough to be seen.
pub const LONG: Duration = Duration::from_millis(1000);
/// How long "never" is.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Counts what was heard of stalls.
#[derive(Clone, Default)]
pub struct Heard(pub Arc<AtomicUsize>);

impl Heard {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A builder whose stalls come out of the receiver.
pub fn listening() -> (Builder, Receiver<Stall>, Heard) {
    let (sender, stalls) = channel();
    let (sender, heard) = (Mutex::new(sender), Heard::default());
    let counted = heard.clone();
    let hear = move |stall: &Stall| {
        let _ = sender.lock().unwrap().send(stall.clone());
        counted.0.fetch_add(1, Ordering::Relaxed);
    };
    (Builder::new().on_stall(hear), stalls, heard)
}

/// Blocks the worker until somebody has heard of it.
#[inline(never)]
pub fn block_the_worker(heard: &Heard) {
    let before = heard.count();
    while heard.count() == before {
        std::thread::sleep(LONG / 5);
    }
}
