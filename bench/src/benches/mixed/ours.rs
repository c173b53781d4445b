//! fibra's green threads and futures.

use std::sync::Arc;

use super::{Scene, Ticks};
use crate::bench::{Case, Measurement, Subject};
use crate::root;

pub const SUBJECTS: &[Subject] =
    &[Subject::new("fibra thread", "fibra", thread), Subject::new("fibra future", "fibra", future)];

fn thread(case: &Case) -> Vec<Measurement> {
    fn job(scene: &Scene) {
        while scene.compute() {
            fibra::thread::yield_now();
        }
    }
    fn ticker(mut ticks: Ticks) -> Ticks {
        while let Some(due) = ticks.due() {
            fibra::thread::sleep_until(due);
            ticks.note();
        }
        ticks
    }
    let scene = Scene::new(case);
    root::fibra_thread(case.count("workers"), move || {
        for _ in 0..scene.jobs {
            let scene = Arc::clone(&scene);
            drop(fibra::thread::spawn(move || job(&scene)));
        }
        let spawn = |number| {
            let ticks = Ticks::new(&scene, number);
            fibra::thread::spawn(move || ticker(ticks))
        };
        let tickers: Vec<_> = (0..scene.tickers).map(spawn).collect();
        let join = |ticker: fibra::thread::JoinHandle<_>| ticker.join().expect("no tick is early");
        scene.end(tickers.into_iter().map(join).collect())
    })
}

fn future(case: &Case) -> Vec<Measurement> {
    async fn job(scene: Arc<Scene>) {
        while scene.compute() {
            fibra::future::yield_now().await;
        }
    }
    async fn ticker(mut ticks: Ticks) -> Ticks {
        while let Some(due) = ticks.due() {
            fibra::time::sleep_until(due).await;
            ticks.note();
        }
        ticks
    }
    let scene = Scene::new(case);
    root::fibra_future(case.count("workers"), async move {
        for _ in 0..scene.jobs {
            drop(fibra::future::spawn(job(Arc::clone(&scene))));
        }
        let spawn = |number| fibra::future::spawn(ticker(Ticks::new(&scene, number)));
        let tickers: Vec<_> = (0..scene.tickers).map(spawn).collect();
        let mut ticked = Vec::new();
        for ticker in tickers {
            ticked.push(ticker.await.expect("no tick is early"));
        }
        scene.end(ticked)
    })
}
