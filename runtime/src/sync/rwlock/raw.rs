//! The lock inside a read-write lock: one word, and two queues behind it.
//!
//! ```text
//!   word:   number of readers │ QUEUED │ WRITER
//!
//!   free ──► readers          anybody who finds neither WRITER nor QUEUED, by one compare-exchange
//!   free ──► WRITER           anybody who finds nothing at all: this is the barging
//!   … ──► … | QUEUED          a waiter that is about to join a queue
//!   the last reader leaves    the word says QUEUED alone: nobody comes in until that reader has handed the lock over
//!   a writer leaves           with QUEUED, it decides who is next before it lets go
//! ```
//!
//! `QUEUED` keeps readers out, and says that whoever leaves must look at the queues. All that it takes part in happens
//! under the queues' lock, but for the last step of the readers, so in there a word with `QUEUED` and without readers is
//! stable.
//!
//! Who is next:
//!
//! * After a writer, *all the readers that wait*: each is granted the lock. Without any, the writer that has waited
//!   longest. It is woken and competes with whoever comes, as in a mutex, until it has lost too often: then it is granted
//!   the lock.
//! * After readers, the writer that has waited longest: it is granted the lock, which was drained for it.
//!
//! So readers and writers take turns while both wait, and neither starve. Always, *while somebody waits, `QUEUED` is set,
//! or a writer has been woken and has not acted on it yet*. If that writer acts, it sets `QUEUED` for those who wait; if
//! it is dropped instead, [`RawRwLock::settle`] does.

use super::super::{
    patience::{HAND_OVER_AFTER, look_again},
    short_lock::ShortLock,
    wait_queue::{Notice, Standing, Ticket, WaitList},
};
use crate::{
    primitive::{AcqRel, Acquire, AtomicU32, Relaxed, Release},
    task::join::wake_all,
};
use std::{
    future::Future,
    iter,
    ops::ControlFlow,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Instant,
};

const WRITER: u32 = 1;
const QUEUED: u32 = 2;
/// The rest of the word counts the readers.
const READER: u32 = 4;

pub(super) struct RawRwLock {
    word: AtomicU32,
    queues: ShortLock<Queues>,
}

struct Queues {
    readers: WaitList<()>,
    writers: WaitList<Turn>,
}

/// What a writer that waits tells the one that leaves.
struct Turn {
    /// Hand me the lock.
    overdue: bool,
}

/// Who goes on; woken once the queues' lock is released.
#[must_use = "who was chosen must be woken"]
enum Next {
    Nobody,
    Writer(Option<Waker>),
    Readers(Vec<Waker>),
}

impl Next {
    fn wake(self) {
        match self {
            Next::Nobody => {}
            Next::Writer(waker) => waker.into_iter().for_each(Waker::wake),
            Next::Readers(wakers) => wake_all(wakers),
        }
    }
}

impl Queues {
    const fn new() -> Self {
        Self { readers: WaitList::new(), writers: WaitList::new() }
    }

    /// `QUEUED`, if a writer waits.
    fn behind_readers(&self) -> u32 {
        if self.writers.is_empty() { 0 } else { QUEUED }
    }

    /// `QUEUED`, if anybody waits.
    fn behind_writer(&self) -> u32 {
        if self.readers.is_empty() { self.behind_readers() } else { QUEUED }
    }

    /// Grants the lock to all readers that wait; how much that adds to the word.
    fn grant_readers(&mut self) -> (u32, Vec<Waker>) {
        let wakers: Vec<_> = iter::from_fn(|| self.readers.notify_front(Notice::Granted)).collect();
        (wakers.len() as u32 * READER, wakers)
    }
}

impl RawRwLock {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self { word: AtomicU32::new(0), queues: ShortLock::new(Queues::new()) }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self { word: AtomicU32::new(0), queues: ShortLock::new(Queues::new()) }
    }

    // ---- taking it ----

    #[inline]
    pub(super) fn try_read(&self) -> bool {
        let mut word = self.word.load(Relaxed);
        while let Some(next) = with_one_more_reader(word) {
            match self.word.compare_exchange_weak(word, next, Acquire, Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    #[inline]
    pub(super) fn try_write(&self) -> bool {
        self.word.compare_exchange(0, WRITER, Acquire, Relaxed).is_ok()
    }

    /// Takes the lock for reading in its own time.
    pub(super) fn acquire_read(&self) -> AcquireRead<'_> {
        AcquireRead { lock: self, ticket: None }
    }

    /// Takes the lock for writing in its own time.
    pub(super) fn acquire_write(&self) -> AcquireWrite<'_> {
        AcquireWrite { lock: self, wait: None }
    }

    fn look_again(&self, try_it: impl Fn() -> bool) -> bool {
        look_again(|| match self.word.load(Relaxed) {
            // The others have given up looking; so do we.
            word if word & QUEUED != 0 => ControlFlow::Break(false),
            _ if try_it() => ControlFlow::Break(true),
            _ => ControlFlow::Continue(()),
        })
    }

    /// Takes the lock if `taken` says how; else makes sure that whoever leaves will look at the queues. The caller holds
    /// their lock and, after a `false`, joins one of them before it lets go.
    fn take_or_announce(&self, taken: impl Fn(u32) -> Option<u32>) -> bool {
        let mut word = self.word.load(Relaxed);
        loop {
            let next = taken(word);
            match self.word.compare_exchange_weak(word, next.unwrap_or(word | QUEUED), AcqRel, Relaxed) {
                Ok(_) => return next.is_some(),
                Err(now) => word = now,
            }
        }
    }

    // ---- giving it back ----

    /// Gives up one reader's part. Only who has it calls this, once.
    #[inline]
    pub(super) fn unlock_read(&self) {
        // Release: a writer sees all that its readers have done before.
        if self.word.fetch_sub(READER, Release) == READER | QUEUED {
            self.hand_over();
        }
    }

    /// Gives up the writer's part. Only who has it calls this, once.
    #[inline]
    pub(super) fn unlock_write(&self) {
        if self.word.compare_exchange(WRITER, 0, Release, Relaxed).is_err() {
            self.leave_to_queued(0);
        }
    }

    /// The writer becomes a reader.
    pub(super) fn downgrade(&self) {
        if self.word.compare_exchange(WRITER, READER, Release, Relaxed).is_err() {
            self.leave_to_queued(READER);
        }
    }

    /// The writer lets go, or stays as a reader; others wait.
    #[cold]
    fn leave_to_queued(&self, stays: u32) {
        let mut queues = self.queues.lock();
        // The word is stable here: it is WRITER | QUEUED, so nobody comes in, and waiters change it under this lock only.
        let (readers, wakers) = queues.grant_readers();
        let (word, next) = if readers + stays > 0 {
            (readers + stays + queues.behind_readers(), Next::Readers(wakers))
        } else {
            match queues.writers.front() {
                // All have left, and `QUEUED` stayed.
                None => (0, Next::Nobody),
                Some(Turn { overdue: false }) => (0, Next::Writer(queues.writers.notify_front(Notice::One))),
                Some(Turn { overdue: true }) => {
                    let waker = queues.writers.notify_front(Notice::Granted);
                    (WRITER + queues.behind_readers(), Next::Writer(waker))
                }
            }
        };
        self.word.store(word, Release);
        drop(queues);
        next.wake();
    }

    #[cold]
    fn hand_over(&self) {
        let mut queues = self.queues.lock();
        let next = self.settle(&mut queues);
        drop(queues);
        next.wake();
    }

    /// Somebody has left, the lock or a queue: lets those go on for whom the lock is free now, and makes sure that
    /// whoever has it will look at the others.
    fn settle(&self, queues: &mut Queues) -> Next {
        if queues.behind_writer() == 0 {
            self.word.fetch_and(!QUEUED, Relaxed);
            return Next::Nobody;
        }
        // From here on nobody comes in, and the last one that leaves waits for the queues' lock. Acquire: a writer that is
        // granted the lock sees what the readers have done.
        let held = self.word.fetch_or(QUEUED, AcqRel) & !QUEUED;
        if held & WRITER != 0 {
            return Next::Nobody;
        }
        if queues.writers.is_empty() {
            // Readers waited behind a writer that has given up.
            let (readers, wakers) = queues.grant_readers();
            self.word.fetch_add(readers - QUEUED, AcqRel);
            return Next::Readers(wakers);
        }
        if held > 0 {
            return Next::Nobody;
        }
        let waker = queues.writers.notify_front(Notice::Granted);
        self.word.store(WRITER + queues.behind_writer(), Release);
        Next::Writer(waker)
    }
}

/// The word after one more reader has come in; `None` if it must not.
#[inline]
fn with_one_more_reader(word: u32) -> Option<u32> {
    (word & (WRITER | QUEUED) == 0)
        .then(|| word.checked_add(READER).expect("fewer than 2^30 readers at once"))
}

/// The lock being taken for reading: a future. Dropped, it leaves the queue, and gives back what it was granted.
pub(super) struct AcquireRead<'l> {
    lock: &'l RawRwLock,
    ticket: Option<Ticket>,
}

impl AcquireRead<'_> {
    fn begin(&mut self, waker: &Waker) -> Poll<()> {
        let lock = self.lock;
        if lock.try_read() || lock.look_again(|| lock.try_read()) {
            return Poll::Ready(());
        }
        let waker = waker.clone();
        let mut queues = lock.queues.lock();
        if lock.take_or_announce(with_one_more_reader) {
            drop(queues);
            return Poll::Ready(());
        }
        self.ticket = Some(queues.readers.push_back(waker, ()));
        Poll::Pending
    }

    fn go_on(&mut self, ticket: Ticket, waker: &Waker) -> Poll<()> {
        let mut queues = self.lock.queues.lock();
        match queues.readers.poll(&ticket, waker) {
            // A reader is woken only with the lock.
            Standing::Notified(_) => {
                let _ = queues.readers.remove(ticket);
                Poll::Ready(())
            }
            Standing::Waiting(replaced) => {
                self.ticket = Some(ticket);
                drop(queues);
                drop(replaced);
                Poll::Pending
            }
        }
    }
}

impl Future for AcquireRead<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.ticket.take() {
            None => self.begin(cx.waker()),
            Some(ticket) => self.go_on(ticket, cx.waker()),
        }
    }
}

impl Drop for AcquireRead<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let mut queues = self.lock.queues.lock();
        let removed = queues.readers.remove(ticket);
        drop(queues);
        if removed.notice.is_some() {
            self.lock.unlock_read();
        }
    }
}

/// The lock being taken for writing: a future. Dropped, it leaves the queue, and passes on what it was given.
pub(super) struct AcquireWrite<'l> {
    lock: &'l RawRwLock,
    wait: Option<Wait>,
}

struct Wait {
    ticket: Ticket,
    since: Instant,
}

impl AcquireWrite<'_> {
    fn begin(&mut self, waker: &Waker) -> Poll<()> {
        let lock = self.lock;
        if lock.try_write() || lock.look_again(|| lock.try_write()) {
            return Poll::Ready(());
        }
        let (waker, since) = (waker.clone(), Instant::now());
        let mut queues = lock.queues.lock();
        if self.take_or_announce(&queues) {
            drop(queues);
            return Poll::Ready(());
        }
        let ticket = queues.writers.push_back(waker, Turn { overdue: false });
        self.wait = Some(Wait { ticket, since });
        Poll::Pending
    }

    fn go_on(&mut self, wait: Wait, waker: &Waker) -> Poll<()> {
        let mut queues = self.lock.queues.lock();
        let replaced = match queues.writers.poll(&wait.ticket, waker) {
            Standing::Waiting(replaced) => replaced,
            Standing::Notified(notice) => {
                if notice == Notice::Granted || self.take_or_announce(&queues) {
                    let _ = queues.writers.remove(wait.ticket);
                    return Poll::Ready(());
                }
                queues.writers.payload(&wait.ticket).overdue = wait.since.elapsed() >= HAND_OVER_AFTER;
                queues.writers.rejoin(&wait.ticket, waker.clone());
                None
            }
        };
        drop(queues);
        drop(replaced);
        self.wait = Some(wait);
        Poll::Pending
    }

    fn take_or_announce(&self, queues: &Queues) -> bool {
        let taken = WRITER + queues.behind_writer();
        self.lock.take_or_announce(|word| (word == 0).then_some(taken))
    }
}

impl Future for AcquireWrite<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.wait.take() {
            None => self.begin(cx.waker()),
            Some(wait) => self.go_on(wait, cx.waker()),
        }
    }
}

impl Drop for AcquireWrite<'_> {
    fn drop(&mut self) {
        let Some(wait) = self.wait.take() else { return };
        let mut queues = self.lock.queues.lock();
        let removed = queues.writers.remove(wait.ticket);
        if removed.notice == Some(Notice::Granted) {
            drop(queues);
            return self.lock.unlock_write();
        }
        // It may have kept readers out, or the writer that woke it may have woken nobody else.
        let next = self.lock.settle(&mut queues);
        drop(queues);
        drop(removed);
        next.wake();
    }
}
