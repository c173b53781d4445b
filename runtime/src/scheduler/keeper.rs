//! Who keeps a future's timer.

use super::worker::Worker;
use crate::task::home::Home;
use std::{future::Future, pin::Pin, sync::Arc};

/// See the module.
pub(crate) enum Keeper {
    /// A worker, in its wheel. It keeps all of its timers: they share this.
    Worker(Arc<Home>),
    /// A future of the timer's own, for one that was started on a thread which is no worker.
    Future(Pin<Box<dyn Future<Output = ()> + Send + Sync>>),
}

impl Keeper {
    /// The worker that this is, if we are on it.
    #[inline]
    pub(crate) fn worker<'a>(self: &Arc<Self>) -> Option<&'a Worker> {
        Worker::here().filter(|worker| Arc::ptr_eq(worker.timer_keeper(), self))
    }
}
