//! Models of a direction that several tasks poll: whoever waits is woken, and every operation ends once.
//!
//! Direction and phase are the real ones; the kernel is a count of messages, and of who waits for one.

use super::Direction;
use crate::{
    io::{Abandoned, Phase},
    primitive::{
        Mutex,
        unmodelled::{AtomicBool, AtomicUsize, Ordering},
    },
};
use ::loom::thread;
use std::{
    mem,
    sync::Arc,
    task::{Context, Poll, Wake, Waker, ready},
};

/// A socket with messages, and the operations that wait for one.
#[derive(Default)]
struct Socket {
    queue: Mutex<Queue>,
    submitted: AtomicUsize,
    ended: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    messages: usize,
    waiting: Vec<Arc<Phase>>,
}

impl Socket {
    fn take_message(&self) -> bool {
        let mut queue = self.queue.lock().unwrap();
        let is_there = queue.messages > 0;
        queue.messages -= usize::from(is_there);
        is_there
    }

    /// Begins to wait until there is a message.
    fn wait(self: &Arc<Self>) -> Wait {
        let phase = Arc::new(Phase::new());
        phase.submit();
        self.submitted.fetch_add(1, Ordering::SeqCst);
        let mut queue = self.queue.lock().unwrap();
        if queue.messages == 0 {
            queue.waiting.push(Arc::clone(&phase));
        } else {
            drop(queue);
            self.finish(&phase);
        }
        Wait { socket: Some(Arc::clone(self)), phase }
    }

    /// Some messages come: whoever waits is told.
    fn receive(&self, messages: usize) {
        let mut queue = self.queue.lock().unwrap();
        queue.messages += messages;
        let waiting = mem::take(&mut queue.waiting);
        drop(queue);
        waiting.iter().for_each(|phase| self.finish(phase));
    }

    fn finish(&self, phase: &Phase) {
        if !phase.finish() {
            self.clean_up();
        }
    }

    fn clean_up(&self) {
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// The future of such an operation.
struct Wait {
    /// `None` once it was ready.
    socket: Option<Arc<Socket>>,
    phase: Arc<Phase>,
}

impl Wait {
    fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        ready!(self.phase.poll_done(context));
        self.socket.take().expect("it is ready once").clean_up();
        Poll::Ready(())
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let Some(socket) = self.socket.take() else { return };
        match self.phase.abandon() {
            // Asked to stop, the kernel answers whenever it likes: with the next messages.
            Abandoned::Pending => {}
            Abandoned::Done => socket.clean_up(),
            Abandoned::Unknown => unreachable!("it was submitted"),
        }
    }
}

#[derive(Default)]
struct Slot(Option<Wait>);

impl Slot {
    /// As a stream receives.
    fn poll(&mut self, socket: &Arc<Socket>, context: &Context<'_>) -> Poll<()> {
        loop {
            if let Some(wait) = &mut self.0 {
                ready!(wait.poll(context));
                self.0 = None;
            }
            if socket.take_message() {
                return Poll::Ready(());
            }
            self.0 = Some(socket.wait());
        }
    }
}

#[derive(Default)]
struct Stream {
    socket: Arc<Socket>,
    direction: Direction<Slot>,
}

/// A task, as its waker knows it.
#[derive(Default)]
struct Task {
    is_woken: AtomicBool,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
    }
}

impl Task {
    fn receive(self: &Arc<Self>, stream: &Stream) -> Poll<()> {
        self.is_woken.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(self));
        let context = Context::from_waker(&waker);
        stream.direction.shared(&context, |slot, context| slot.poll(&stream.socket, context))
    }

    fn is_woken(&self) -> bool {
        self.is_woken.load(Ordering::SeqCst)
    }
}

fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(3);
    builder.check(model);
}

/// What happens to a stream beside the others.
fn beside(stream: &Arc<Stream>, act: impl FnOnce(&Stream) + 'static) -> thread::JoinHandle<()> {
    let stream = Arc::clone(stream);
    thread::spawn(move || act(&stream))
}

/// Polls those who were woken, one after another, until all have their message. One that waits, while nobody is woken, has
/// been forgotten.
fn until_all_have_received(stream: &Stream, mut waiting: Vec<Arc<Task>>) {
    while !waiting.is_empty() {
        let next = waiting.iter().position(|task| task.is_woken()).expect("a task was forgotten");
        if waiting[next].receive(stream).is_ready() {
            waiting.remove(next);
        }
    }
}

/// Ends the stream, and all that still waits for it in the kernel.
fn end(stream: Arc<Stream>) {
    let socket = Arc::clone(&stream.socket);
    drop(stream);
    socket.receive(0);
    assert_eq!(socket.ended.load(Ordering::SeqCst), socket.submitted.load(Ordering::SeqCst));
}

#[test]
fn of_two_tasks_that_meet_while_messages_come_none_is_forgotten() {
    check(|| {
        let stream = Arc::new(Stream::default());
        let tasks = [(); 2].map(|()| Arc::new(Task::default()));
        let received = Arc::new(std::sync::Mutex::new(Vec::new()));
        let polling = tasks.clone().map(|task| {
            let received = Arc::clone(&received);
            beside(&stream, move |stream| {
                if task.receive(stream).is_ready() {
                    received.lock().unwrap().push(task);
                }
            })
        });
        stream.socket.receive(2);
        polling.into_iter().for_each(|polling| polling.join().unwrap());
        let received = mem::take(&mut *received.lock().unwrap());
        let waits = |task: &Arc<Task>| !received.iter().any(|other| Arc::ptr_eq(task, other));
        until_all_have_received(&stream, tasks.into_iter().filter(waits).collect());
        end(stream);
    });
}

#[test]
fn one_that_joins_another_while_the_message_comes_is_woken_and_so_is_the_other() {
    check(|| {
        let stream = Arc::new(Stream::default());
        let (before, after) = (Arc::new(Task::default()), Arc::new(Task::default()));
        assert!(before.receive(&stream).is_pending());
        let arrival = beside(&stream, |stream| stream.socket.receive(1));
        let polled = after.receive(&stream);
        arrival.join().unwrap();
        assert!(polled.is_ready() || after.is_woken());
        assert!(before.is_woken(), "by the message, or by the one who took it");
        end(stream);
    });
}

#[test]
fn one_that_polls_once_and_goes_takes_nobody_s_wake_along() {
    check(|| {
        let stream = Arc::new(Stream::default());
        let stays = Arc::new(Task::default());
        assert!(stays.receive(&stream).is_pending());
        let goes = beside(&stream, |stream| _ = Arc::new(Task::default()).receive(stream));
        let arrival = beside(&stream, |stream| stream.socket.receive(2));
        goes.join().unwrap();
        arrival.join().unwrap();
        until_all_have_received(&stream, vec![stays]);
        end(stream);
    });
}

#[test]
fn two_that_wait_for_nothing_let_each_other_sleep() {
    check(|| {
        let stream = Arc::new(Stream::default());
        let tasks = [(); 2].map(|()| Arc::new(Task::default()));
        let polling = tasks
            .clone()
            .map(|task| beside(&stream, move |stream| assert!(task.receive(stream).is_pending())));
        polling.into_iter().for_each(|polling| polling.join().unwrap());
        // One that came while the other had what waits looks once more, and that is all.
        for task in tasks.iter().filter(|task| task.is_woken()) {
            assert!(task.receive(&stream).is_pending());
        }
        assert!(!tasks.iter().any(|task| task.is_woken()));
        stream.socket.receive(2);
        until_all_have_received(&stream, tasks.into());
        end(stream);
    });
}

#[test]
fn what_is_dropped_while_the_message_comes_ends_once() {
    check(|| {
        let stream = Arc::new(Stream::default());
        let (task, other) = (Arc::new(Task::default()), Arc::new(Task::default()));
        assert!(task.receive(&stream).is_pending());
        let socket = Arc::clone(&stream.socket);
        let arrival = thread::spawn(move || socket.receive(1));
        let polling = beside(&stream, move |stream| _ = other.receive(stream));
        // Whoever has the stream last drops what waits in it.
        let socket = Arc::clone(&stream.socket);
        drop(stream);
        polling.join().unwrap();
        arrival.join().unwrap();
        socket.receive(0);
        assert_eq!(socket.ended.load(Ordering::SeqCst), socket.submitted.load(Ordering::SeqCst));
    });
}
