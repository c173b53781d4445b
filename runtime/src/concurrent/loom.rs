//! Models: wakes and ends, in every order that matters.
//!
//! Threads that may wake the main one late are not joined: loom doesn't expect a thread that waits for another's end to be
//! unparked. A model ends when all of its threads have.

use super::{finished::Finished, group::ProgressWatch, wakers::Wakers};
use crate::{
    primitive::unmodelled::{AtomicUsize, Ordering},
    sync::loom::{block_on, check},
    task::arrivals::{Chain, Link},
};
use ::loom::{cell::UnsafeCell, thread};
use std::{future::poll_fn, ptr::NonNull, sync::Arc, task::Poll};

/// Polls a set until its members were seen as often as they are woken at least.
fn until_seen(wakers: &mut Wakers, mut missing: Vec<usize>) {
    block_on(poll_fn(|context| {
        wakers.begin(context.waker());
        while let Some(index) = wakers.pop() {
            if let Some(place) = missing.iter().position(|missed| *missed == index) {
                missing.remove(place);
            }
        }
        if missing.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }));
}

#[test]
fn each_member_that_is_woken_is_polled() {
    check(|| {
        let mut wakers = Wakers::new(2);
        for index in [0, 1] {
            let waker = wakers.waker(index).clone();
            thread::spawn(move || waker.wake());
        }
        until_seen(&mut wakers, vec![0, 1]);
    });
}

#[test]
fn a_member_that_is_woken_while_it_is_polled_is_polled_again() {
    check(|| {
        let mut wakers = Wakers::new(1);
        let waker = wakers.waker(0).clone();
        let what_for = Arc::new(UnsafeCell::new(0));
        let waking = {
            let what_for = Arc::clone(&what_for);
            thread::spawn(move || {
                waker.wake_by_ref();
                // SAFETY: the poll looks only when the second wake has come. Loom checks that.
                what_for.with_mut(|value| unsafe { *value = 1 });
                waker.wake_by_ref();
            })
        };
        waking.join().unwrap();
        until_seen(&mut wakers, vec![0]);
        // SAFETY: as above.
        assert_eq!(what_for.with(|value| unsafe { *value }), 1);
    });
}

#[test]
fn a_wake_hands_over_what_was_written_before_it() {
    check(|| {
        let mut wakers = Wakers::new(1);
        let cells = Arc::new([UnsafeCell::new(0), UnsafeCell::new(0)]);
        let count = Arc::new(::loom::sync::atomic::AtomicUsize::new(0));
        for index in [0, 1] {
            let (cells, count, waker) = (Arc::clone(&cells), Arc::clone(&count), wakers.waker(0).clone());
            thread::spawn(move || {
                // SAFETY: each thread has its cell, and the poll looks when both have woken it.
                cells[index].with_mut(|value| unsafe { *value = 1 });
                count.fetch_add(1, ::loom::sync::atomic::Ordering::Relaxed);
                waker.wake();
            });
        }
        block_on(poll_fn(|context| {
            wakers.begin(context.waker());
            while wakers.pop().is_some() {}
            if count.load(::loom::sync::atomic::Ordering::Relaxed) < 2 {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        }));
    });
}

#[test]
fn a_set_may_go_while_its_members_are_woken() {
    check(|| {
        let wakers = Wakers::new(2);
        let threads = [0, 1].map(|index| {
            let waker = wakers.waker(index).clone();
            thread::spawn(move || waker.wake())
        });
        drop(wakers);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A member that has an output to leave.
#[repr(C)]
struct Member {
    link: Link,
    output: UnsafeCell<usize>,
}

// SAFETY: loom checks that the output is not used by two threads at once.
unsafe impl Sync for Member {}
// SAFETY: as above.
unsafe impl Send for Member {}

impl Member {
    fn new() -> Arc<Self> {
        Arc::new(Self { link: Link::new(), output: UnsafeCell::new(0) })
    }

    fn end(&self, finished: &Finished, output: usize) {
        // SAFETY: whoever takes the output has popped the link before.
        self.output.with_mut(|cell| unsafe { *cell = output });
        // SAFETY: once a member, each of which outlives the list in these models.
        unsafe { finished.announce(NonNull::from(&self.link)) }
    }
}

fn next(finished: &Finished, ended: &mut Chain) -> usize {
    block_on(poll_fn(|context| {
        if ended.is_empty() {
            finished.register(context.waker());
            *ended = finished.take();
        }
        let Some(link) = ended.pop() else { return Poll::Pending };
        // SAFETY: the link starts a member.
        let member = unsafe { link.cast::<Member>().as_ref() };
        // SAFETY: it has ended.
        Poll::Ready(member.output.with(|output| unsafe { *output }))
    }))
}

#[test]
fn each_member_that_ends_comes_once_with_its_output() {
    check(|| {
        let finished = Arc::new(Finished::of(2));
        let members = [Member::new(), Member::new()];
        for index in [0, 1] {
            let (finished, member) = (Arc::clone(&finished), Arc::clone(&members[index]));
            thread::spawn(move || member.end(&finished, index + 1));
        }
        let mut ended = Chain::new();
        assert_eq!(next(&finished, &mut ended) + next(&finished, &mut ended), 3);
        assert!(ended.is_empty() && finished.take().is_empty());
    });
}

#[test]
fn members_of_one_thread_come_in_the_order_of_their_ends() {
    check(|| {
        let finished = Arc::new(Finished::of(2));
        let members = [Member::new(), Member::new()];
        {
            let (finished, members) = (Arc::clone(&finished), members.clone());
            thread::spawn(move || {
                members.iter().enumerate().for_each(|(index, member)| member.end(&finished, index + 1));
            })
        };
        let mut ended = Chain::new();
        assert_eq!([next(&finished, &mut ended), next(&finished, &mut ended)], [1, 2]);
    });
}

#[test]
fn a_group_that_goes_keeps_no_link_and_counts_all_ends() {
    check(|| {
        let finished = Arc::new(Finished::of(2));
        let members = [Member::new(), Member::new()];
        let threads = [0, 1].map(|index| {
            let (finished, member) = (Arc::clone(&finished), Arc::clone(&members[index]));
            thread::spawn(move || member.end(&finished, 1))
        });
        finished.close();
        assert!(finished.take().is_empty());
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(finished.look().1, "all have ended, and the group has gone");
    });
}

#[test]
fn whoever_watches_hears_of_the_last_end_and_then_of_the_end_of_all() {
    check(|| {
        let finished = Arc::new(Finished::of(1));
        let member = Member::new();
        let looks = Arc::new(AtomicUsize::new(0));
        {
            let (finished, member) = (Arc::clone(&finished), Arc::clone(&member));
            thread::spawn(move || {
                member.end(&finished, 1);
                finished.close();
            })
        };
        let mut watch = ProgressWatch::new(Arc::clone(&finished));
        let mut last = None;
        while let Some(progress) = block_on(Box::pin(watch.changed_async())) {
            looks.fetch_add(1, Ordering::Relaxed);
            last = Some(progress.finished);
        }
        assert_eq!(last, Some(1));
    });
}
