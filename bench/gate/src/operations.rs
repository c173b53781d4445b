//! What is counted: an operation a function, several to a file.

mod driver;
mod files;
mod stacks;
mod sync;
mod tasks;

use crate::clock;

pub use driver::ring;

/// Something that fibra does.
pub struct Operation {
    /// What it is called in the record.
    pub name: &'static str,
    /// What one of it is.
    pub about: &'static str,
    /// Does it many times, and returns how often within the counted region.
    pub run: fn() -> usize,
}

/// Every operation, in the order of the record.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    [stacks::ALL, tasks::ALL, sync::ALL, driver::ALL, files::ALL].into_iter().flatten()
}

/// Turns after which a worker looks at its driver as rarely as it ever does.
const SETTLING: usize = 20_000;

/// Runs `root` as a green thread on a runtime with one worker, which has settled, while the clock stands still.
///
/// The worker sleeps in epoll: valgrind doesn't know that io_uring_enter may block, and lets no other thread run until it
/// returns. What `root` does is the same on both backends, but for a turn with nothing to do now and then.
fn on_one_worker(root: impl FnOnce() -> usize + Send + 'static) -> usize {
    // A monitor would look at it now and then, and be counted.
    let builder = fibra::Builder::new().workers(1).backend(fibra::Backend::Epoll).monitor(false);
    builder.run(move || {
        let _stopped = clock::stop();
        for _ in 0..SETTLING {
            fibra::thread::yield_now();
        }
        root()
    })
}

/// Runs `root` as a future there.
fn in_a_future(root: impl Future<Output = usize> + Send + 'static) -> usize {
    on_one_worker(|| fibra::wait(fibra::future::spawn(root)).expect("the root future doesn't panic"))
}
