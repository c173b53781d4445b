//! Work of a future that blocks runs off the workers, to its end.

use std::{
    sync::mpsc,
    thread::{self, ThreadId},
};

fn here() -> ThreadId {
    thread::current().id()
}

#[fibra::test]
async fn work_runs_off_the_worker_and_its_result_comes_back() {
    let (text, elsewhere) = fibra::unblock_async(|| ("done", here())).await;
    assert_eq!(text, "done");
    assert_ne!(elsewhere, here());
}

#[fibra::test]
async fn work_begins_at_once_and_goes_on_when_its_future_is_dropped() {
    let (sender, receiver) = mpsc::channel();
    drop(fibra::unblock_async(move || sender.send(7)));
    assert_eq!(fibra::unblock(move || receiver.recv()), Ok(7));
}

#[fibra::test]
async fn a_panic_of_the_work_goes_on_in_who_awaits_it() {
    let awaits = fibra::future::spawn(async { fibra::unblock_async(|| panic!("broken")).await });
    let panic = awaits.await.map(|()| "it returned").expect_err("it panicked").into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"broken"));
}

#[fibra::test]
async fn what_the_work_spawns_goes_to_the_same_runtime() {
    let before = fibra::metrics::snapshot().spawned;
    fibra::unblock_async(|| fibra::wait(fibra::future::spawn(async {}))).await.unwrap();
    assert!(fibra::metrics::snapshot().spawned > before);
}
