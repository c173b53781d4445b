//! Letters, and the sleep of the worker they are for.

use crate::task::{
    home::Doze,
    inbox::{Inbox, Letter, Letters},
};
use loom::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};
use std::ptr::NonNull;

#[repr(C)]
struct Parcel {
    letter: Letter,
    content: AtomicUsize,
}

fn parcel() -> Arc<Parcel> {
    unsafe fn deliver(letter: NonNull<Letter>) {
        // SAFETY: the letter starts the parcel; its reference is ours.
        let parcel = unsafe { Arc::from_raw(letter.cast::<Parcel>().as_ptr().cast_const()) };
        // What the poster wrote before it posted is here, and it comes once. (A panic would go no further.)
        let is_first = parcel.content.load(loom::sync::atomic::Ordering::Relaxed) == 1;
        parcel.content.store(if is_first { 2 } else { 4 }, loom::sync::atomic::Ordering::Relaxed);
    }
    Arc::new(Parcel { letter: Letter::new(deliver), content: AtomicUsize::new(0) })
}

fn post(inbox: &Inbox, parcel: &Arc<Parcel>) {
    parcel.content.store(1, loom::sync::atomic::Ordering::Relaxed);
    let posted = Arc::into_raw(Arc::clone(parcel));
    // SAFETY: it is posted once, with a reference.
    let is_posted = unsafe { inbox.post(NonNull::from(&(*posted).letter)) };
    if !is_posted {
        // SAFETY: the inbox is closed: the reference is ours still.
        drop(unsafe { Arc::from_raw(posted) });
        parcel.content.store(3, SeqCst);
    }
}

#[test]
fn letters_of_two_threads_arrive_once_each() {
    loom::model(|| {
        let inbox = Arc::new(Inbox::new());
        let parcels = [parcel(), parcel()];
        let posters = parcels.clone().map(|parcel| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || post(&inbox, &parcel))
        });
        let mut delivered = Letters::none().deliver(|| inbox.take());
        posters.into_iter().for_each(|poster| poster.join().unwrap());
        delivered += Letters::none().deliver(|| inbox.take());
        assert_eq!(delivered, 2);
        assert!(parcels.iter().all(|parcel| parcel.content.load(SeqCst) == 2));
    });
}

#[test]
fn a_letter_to_a_worker_that_ends_is_delivered_or_refused() {
    loom::model(|| {
        let inbox = Arc::new(Inbox::new());
        let parcels = [parcel(), parcel()];
        post(&inbox, &parcels[0]);
        let poster = {
            let (inbox, parcel) = (Arc::clone(&inbox), Arc::clone(&parcels[1]));
            thread::spawn(move || post(&inbox, &parcel))
        };
        Letters::none().deliver(|| inbox.close());
        assert!(inbox.is_empty());
        poster.join().unwrap();
        assert_eq!(parcels[0].content.load(SeqCst), 2);
        assert!(matches!(parcels[1].content.load(SeqCst), 2 | 3));
        assert!(parcels.iter().all(|parcel| Arc::strong_count(parcel) == 1), "a letter was leaked");
    });
}

#[test]
fn a_worker_does_not_sleep_over_a_letter() {
    loom::model(|| {
        let shared = Arc::new((Inbox::new(), Doze::new(), AtomicBool::new(false)));
        let letter = parcel();
        let poster = {
            let (shared, letter) = (Arc::clone(&shared), Arc::clone(&letter));
            thread::spawn(move || {
                let (inbox, doze, unparked) = &*shared;
                post(inbox, &letter);
                if doze.disturb() {
                    unparked.store(true, SeqCst);
                }
            })
        };
        let (inbox, doze, unparked) = &*shared;
        let sleeps = doze.prepare(|| inbox.is_empty());
        poster.join().unwrap();
        assert!(!sleeps || unparked.load(SeqCst), "the worker sleeps, and nobody will wake it");
        doze.end();
        Letters::none().deliver(|| inbox.take());
        assert_eq!(letter.content.load(SeqCst), 2);
    });
}
