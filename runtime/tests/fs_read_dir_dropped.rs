//! A listing whose next entry is not waited for goes on where it was: all entries come, once each.

#[path = "support/scratch.rs"]
mod scratch;

use fibra::fs::{self, ReadDir};
use fibra_driver::offload::OffloadConfig;
use scratch::Scratch;
use std::{
    collections::BTreeSet,
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, Mutex, mpsc},
    task::Poll,
};

/// Several batches.
const ENTRIES: usize = 600;

fn filled() -> Scratch {
    let scratch = Scratch::new();
    for entry in 0..ENTRIES {
        std::fs::write(scratch.join(&entry.to_string()), "").unwrap();
    }
    scratch
}

/// Polls for an entry once, and drops the future: the entry's name, if it was there.
async fn glance(entries: &mut ReadDir) -> Poll<Option<String>> {
    let mut next = pin!(entries.next_async());
    let polled = poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await;
    polled.map(|entry| Some(entry?.unwrap().file_name().into_string().unwrap()))
}

fn assert_complete(seen: &[String]) {
    assert_eq!(seen.len(), ENTRIES);
    let names: BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!(names, (0..ENTRIES).map(|entry| entry.to_string()).collect());
}

/// Takes all threads that the runtime's pool may have, until the returned end is dropped: what needs one has to wait.
fn occupy_pool() -> mpsc::Sender<()> {
    let (held, released) = mpsc::channel();
    let released = Arc::new(Mutex::new(released));
    for _ in 0..OffloadConfig::default().max_threads {
        let released = Arc::clone(&released);
        drop(fibra::unblock_async(move || released.lock().map(|released| released.recv().is_ok()).is_ok()));
    }
    held
}

/// A listing of which a future was dropped that had to wait, and what had come before.
async fn dropped_midway(scratch: &Scratch) -> (ReadDir, Vec<String>) {
    let mut entries = fs::read_dir_async(&*scratch.0).await.unwrap();
    let _pool = occupy_pool();
    let mut seen = Vec::new();
    while let Poll::Ready(name) = glance(&mut entries).await {
        seen.push(name.expect("the next batch is waited for before the end"));
    }
    (entries, seen)
}

#[fibra::test]
async fn a_dropped_wait_for_an_entry_loses_none() {
    let scratch = filled();
    let (mut entries, mut seen) = dropped_midway(&scratch).await;
    loop {
        match glance(&mut entries).await {
            Poll::Ready(Some(name)) => seen.push(name),
            Poll::Ready(None) => break,
            Poll::Pending => fibra::future::yield_now().await,
        }
    }
    assert_complete(&seen);
}

#[fibra::test]
async fn the_direct_form_goes_on_where_a_future_was_dropped() {
    let scratch = filled();
    let (entries, mut seen) = dropped_midway(&scratch).await;
    seen.extend(entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()));
    assert_complete(&seen);
}
