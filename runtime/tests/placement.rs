//! Green threads that live for long are spread over the workers, though one worker spawns them all.

use fibra::{
    Builder,
    sync::oneshot::{self, Sender},
    thread,
};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::ThreadId,
    time::Duration,
};

/// For a worker that has nothing to do, to fall asleep, and for one that has, to come to it.
const PAUSE: Duration = Duration::from_millis(1);
/// How long a worker is blocked: longer than it takes the monitor to see that.
const LONG: Duration = Duration::from_secs(2);

/// A green thread that says on which worker it is, and then waits to be let go.
struct Resident {
    worker: ThreadId,
    leave: Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Resident {
    fn new(at_the_end: impl FnOnce() + Send + 'static) -> Self {
        let (tell, told) = oneshot::channel();
        let (leave, left) = oneshot::channel();
        let thread = thread::spawn(move || {
            tell.send(std::thread::current().id()).unwrap();
            // Dropped, it lets go as well.
            let _ = left.recv();
            at_the_end();
        });
        let worker = told.recv().unwrap();
        thread::sleep(PAUSE);
        Self { worker, leave, thread }
    }

    fn leave(self) {
        self.leave.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

#[test]
fn who_is_spawned_one_by_one_lives_on_all_workers() {
    const WORKERS: usize = 4;
    const RESIDENTS: usize = 128;
    let lives = Builder::new().workers(WORKERS).run(|| {
        let residents: Vec<_> = (0..RESIDENTS).map(|_| Resident::new(|| {})).collect();
        let mut lives = HashMap::new();
        for resident in residents {
            *lives.entry(resident.worker).or_insert(0) += 1;
            resident.leave();
        }
        lives
    });
    assert_eq!(lives.len(), WORKERS, "{lives:?}");
    // With a slack of four and an eighth, 24 were enough; a busy machine may disturb some.
    assert!(lives.values().all(|&count| count >= RESIDENTS / WORKERS / 2), "{lives:?}");
}

#[test]
fn who_is_placed_on_a_worker_that_gets_stuck_starts_elsewhere() {
    Builder::new().workers(2).run(|| {
        let here = std::thread::current().id();
        let (mut there, mut neighbours) = (Vec::new(), Vec::new());
        while there.len() < 8 {
            let resident = Resident::new(|| (0..1_000).for_each(|_| thread::yield_now()));
            if resident.worker == here { neighbours.push(resident) } else { there.push(resident) }
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let blocker = loop {
            let is_over = Arc::clone(&is_over);
            let resident = Resident::new(move || {
                if std::thread::current().id() != here {
                    std::thread::sleep(LONG);
                    is_over.store(true, SeqCst);
                }
            });
            if resident.worker != here {
                break resident;
            }
            neighbours.push(resident);
        };
        // The others who live there make room, and leave a worker that is known for quick tasks.
        there.into_iter().for_each(Resident::leave);
        thread::sleep(PAUSE);
        // Whoever is spawned while it is blocked is placed there.
        blocker.leave.send(()).unwrap();
        thread::sleep(PAUSE);
        let others: Vec<_> = (0..40).map(|_| thread::spawn(|| ())).collect();
        for other in others {
            other.join().unwrap();
        }
        assert!(!is_over.load(SeqCst), "what was placed on the blocked worker has waited for it");
    });
}
