//! A root task in each runtime, which is started as its users start it.
//!
//! Benches spawn, send and wait from inside of a task: from outside, a runtime would be measured by its injector. Each
//! function starts a runtime with so many workers, runs the root task on one of them, and returns what that returns.
//! Timers and I/O are on everywhere, as they are in the programs of those who use these runtimes.

#[cfg(feature = "peers")]
mod peers;

#[cfg(feature = "peers")]
pub use peers::*;

/// A root that is a green thread of fibra's.
pub fn fibra_thread<T: Send + 'static>(workers: usize, root: impl FnOnce() -> T + Send + 'static) -> T {
    fibra::Builder::new().workers(workers).run(root)
}

/// A root that is a future of fibra's, spawned on a worker.
pub fn fibra_future<T: Send + 'static>(workers: usize, root: impl Future<Output = T> + Send + 'static) -> T {
    fibra_future_on(fibra::Builder::new().workers(workers), root)
}

/// The same on a runtime that is not the usual one.
pub fn fibra_future_on<T: Send + 'static>(
    builder: fibra::Builder,
    root: impl Future<Output = T> + Send + 'static,
) -> T {
    builder.run(|| fibra::wait(fibra::future::spawn(root)).expect("the root future doesn't panic"))
}
