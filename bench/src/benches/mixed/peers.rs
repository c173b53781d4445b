//! The peers that share work between their workers.

use std::sync::Arc;
use std::time::Instant;

use super::{Scene, Ticks};
use crate::bench::{Case, Measurement, Subject};
use crate::{go, root};

pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("smol", "smol", smol),
    Subject::new("may", "may", may),
    Subject::new("Go", "Go", |case| go::sample("mixed", case)).needs("go"),
];

fn tokio(case: &Case) -> Vec<Measurement> {
    async fn job(scene: Arc<Scene>) {
        while scene.compute() {
            tokio::task::yield_now().await;
        }
    }
    async fn ticker(mut ticks: Ticks) -> Ticks {
        while let Some(due) = ticks.due() {
            tokio::time::sleep_until(due.into()).await;
            ticks.note();
        }
        ticks
    }
    let scene = Scene::new(case);
    root::tokio(case.count("workers"), async move {
        for _ in 0..scene.jobs {
            drop(tokio::spawn(job(Arc::clone(&scene))));
        }
        let spawn = |number| tokio::spawn(ticker(Ticks::new(&scene, number)));
        let tickers: Vec<_> = (0..scene.tickers).map(spawn).collect();
        let mut ticked = Vec::new();
        for ticker in tickers {
            ticked.push(ticker.await.expect("no tick is early"));
        }
        scene.end(ticked)
    })
}

fn smol(case: &Case) -> Vec<Measurement> {
    async fn job(scene: Arc<Scene>) {
        while scene.compute() {
            smol::future::yield_now().await;
        }
    }
    async fn ticker(mut ticks: Ticks) -> Ticks {
        while let Some(due) = ticks.due() {
            smol::Timer::at(due).await;
            ticks.note();
        }
        ticks
    }
    let scene = Scene::new(case);
    root::smol(case.count("workers"), async move {
        for _ in 0..scene.jobs {
            root::SMOL.spawn(job(Arc::clone(&scene))).detach();
        }
        let spawn = |number| root::SMOL.spawn(ticker(Ticks::new(&scene, number)));
        let tickers: Vec<_> = (0..scene.tickers).map(spawn).collect();
        let mut ticked = Vec::new();
        for ticker in tickers {
            ticked.push(ticker.await);
        }
        scene.end(ticked)
    })
}

fn may(case: &Case) -> Vec<Measurement> {
    fn job(scene: &Scene) {
        while scene.compute() {
            may::coroutine::yield_now();
        }
    }
    fn ticker(mut ticks: Ticks) -> Ticks {
        while let Some(due) = ticks.due() {
            // One that is late already goes on at once, as it does elsewhere.
            if let Some(left) = due.checked_duration_since(Instant::now()) {
                may::coroutine::sleep(left);
            }
            ticks.note();
        }
        ticks
    }
    let scene = Scene::new(case);
    root::may(case.count("workers"), move || {
        for _ in 0..scene.jobs {
            let scene = Arc::clone(&scene);
            may::go!(move || job(&scene));
        }
        let spawn = |number| {
            let ticks = Ticks::new(&scene, number);
            may::go!(move || ticker(ticks))
        };
        let tickers: Vec<_> = (0..scene.tickers).map(spawn).collect();
        let join = |ticker: may::coroutine::JoinHandle<_>| ticker.join().expect("no tick is early");
        scene.end(tickers.into_iter().map(join).collect())
    })
}
