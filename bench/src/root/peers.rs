//! The root task in everybody else's runtimes.

use std::rc::Rc;
use std::thread;

use monoio::{FusionDriver, RuntimeBuilder};

/// tokio with its work-stealing scheduler.
pub fn tokio<T: Send + 'static>(workers: usize, root: impl Future<Output = T> + Send + 'static) -> T {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    on_tokio(&builder.worker_threads(workers).enable_all().build().expect("tokio starts"), root)
}

/// tokio with its scheduler for one thread.
pub fn tokio_current_thread<T: Send + 'static>(root: impl Future<Output = T> + Send + 'static) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    on_tokio(&builder.enable_all().build().expect("tokio starts"), root)
}

fn on_tokio<T: Send + 'static>(
    runtime: &tokio::runtime::Runtime,
    root: impl Future<Output = T> + Send + 'static,
) -> T {
    runtime.block_on(runtime.spawn(root)).expect("the root task doesn't panic")
}

/// The executor that [`smol`] runs; its tasks are spawned on it.
pub static SMOL: smol::Executor<'static> = smol::Executor::new();

/// smol with an executor of the program's own, which so many threads run: what its documentation advises for more than
/// small programs.
pub fn smol<T: Send + 'static>(workers: usize, root: impl Future<Output = T> + Send + 'static) -> T {
    let (running, ended) = smol::channel::unbounded::<()>();
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| smol::block_on(SMOL.run(ended.recv())));
        }
        let output = smol::block_on(SMOL.spawn(root));
        drop(running);
        output
    })
}

/// smol's executor for one thread. The root gets it, since its tasks are spawned on it.
pub fn smol_local<F>(root: impl FnOnce(Rc<smol::LocalExecutor<'static>>) -> F) -> F::Output
where
    F: Future<Output: 'static> + 'static,
{
    let executor = Rc::new(smol::LocalExecutor::new());
    let root = executor.spawn(root(Rc::clone(&executor)));
    smol::block_on(executor.run(root))
}

/// may. Its `go!` trusts everybody to keep no thread-local across a switch, and to stay on the stack: so do ours.
pub fn may<T: Send + 'static>(workers: usize, root: impl FnOnce() -> T + Send + 'static) -> T {
    may::config().set_workers(workers);
    may::go!(root).join().expect("the root coroutine doesn't panic")
}

/// monoio, which runs on the thread that starts it.
pub fn monoio<F: Future<Output: 'static> + 'static>(root: F) -> F::Output {
    let mut runtime = RuntimeBuilder::<FusionDriver>::new().enable_all().build().expect("monoio starts");
    runtime.block_on(async { monoio::spawn(root).await })
}

/// compio, which runs on the thread that starts it.
pub fn compio<F: Future<Output: 'static> + 'static>(root: F) -> F::Output {
    let runtime = compio::runtime::Runtime::new().expect("compio starts");
    runtime.block_on(async { compio::runtime::spawn(root).await }).expect("the root task doesn't panic")
}

/// glommio, which runs on the thread that starts it.
pub fn glommio<F: Future<Output: 'static> + 'static>(root: F) -> F::Output {
    glommio::LocalExecutor::default().run(async { glommio::spawn_local(root).await })
}
