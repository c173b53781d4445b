//! The peers. compio has no yield of its own: its users take that of futures-lite, which glommio's and smol's are too.
//!
//! monoio is left out. It puts a task that wakes itself to the front of its queue, so that no other one gets its turn.

use std::sync::Arc;

use super::{Gathering, yielding, yielding_async};
use crate::bench::{Case, Measurement, Subject};
use crate::{go, root};

/// Everybody else's ways of yielding.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("tokio current-thread", "tokio", tokio_current_thread),
    Subject::new("smol", "smol", smol),
    Subject::new("smol local", "smol", smol_local),
    Subject::new("may", "may", may),
    Subject::new("compio", "compio", compio),
    Subject::new("glommio", "glommio", glommio),
    Subject::new("Go", "Go", |case| go::sample("yield", case)).needs("go"),
];

fn tokio(case: &Case) -> Vec<Measurement> {
    let gathering = Gathering::new(case);
    root::tokio(case.count("workers"), tokio_root(Arc::clone(&gathering)));
    gathering.measurements()
}

fn tokio_current_thread(case: &Case) -> Vec<Measurement> {
    let gathering = Gathering::new(case);
    root::tokio_current_thread(tokio_root(Arc::clone(&gathering)));
    gathering.measurements()
}

async fn tokio_root(gathering: Arc<Gathering>) {
    let spawn = |_| tokio::spawn(yielding_async(Arc::clone(&gathering), tokio::task::yield_now));
    let handles: Vec<_> = (0..gathering.tasks).map(spawn).collect();
    for handle in handles {
        handle.await.expect("the body doesn't panic");
    }
}

fn smol(case: &Case) -> Vec<Measurement> {
    let gathering = Gathering::new(case);
    let shared = Arc::clone(&gathering);
    root::smol(case.count("workers"), async move {
        let spawn = |_| root::SMOL.spawn(yielding_async(Arc::clone(&shared), smol::future::yield_now));
        let tasks: Vec<_> = (0..shared.tasks).map(spawn).collect();
        for task in tasks {
            task.await;
        }
    });
    gathering.measurements()
}

fn smol_local(case: &Case) -> Vec<Measurement> {
    let gathering = Gathering::new(case);
    let shared = Arc::clone(&gathering);
    root::smol_local(|executor| async move {
        let spawn = |_| executor.spawn(yielding_async(Arc::clone(&shared), smol::future::yield_now));
        let tasks: Vec<_> = (0..shared.tasks).map(spawn).collect();
        for task in tasks {
            task.await;
        }
    });
    gathering.measurements()
}

fn may(case: &Case) -> Vec<Measurement> {
    let gathering = Gathering::new(case);
    let shared = Arc::clone(&gathering);
    root::may(case.count("workers"), move || {
        let spawn = |_| {
            let shared = Arc::clone(&shared);
            may::go!(move || yielding(&shared, may::coroutine::yield_now))
        };
        let handles: Vec<_> = (0..shared.tasks).map(spawn).collect();
        for handle in handles {
            handle.join().expect("the body doesn't panic");
        }
    });
    gathering.measurements()
}

fn compio(case: &Case) -> Vec<Measurement> {
    use compio::runtime::spawn;
    let gathering = Gathering::new(case);
    let shared = Arc::clone(&gathering);
    root::compio(async move {
        let spawn_one = |_| spawn(yielding_async(Arc::clone(&shared), futures_lite::future::yield_now));
        let handles: Vec<_> = (0..shared.tasks).map(spawn_one).collect();
        for handle in handles {
            handle.await.expect("the body doesn't panic");
        }
    });
    gathering.measurements()
}

fn glommio(case: &Case) -> Vec<Measurement> {
    async fn yield_now() {
        glommio::executor().yield_now().await;
    }
    let gathering = Gathering::new(case);
    let shared = Arc::clone(&gathering);
    root::glommio(async move {
        let spawn = |_| glommio::spawn_local(yielding_async(Arc::clone(&shared), yield_now));
        let tasks: Vec<_> = (0..shared.tasks).map(spawn).collect();
        for task in tasks {
            task.await;
        }
    });
    gathering.measurements()
}
