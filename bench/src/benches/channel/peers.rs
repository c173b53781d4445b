//! The peers, each over the channels that it brings along or that its users take beside it.

use std::thread;

use glommio::channels::{local_channel, shared_channel};

use super::{Ball, Placement, Rally, begun_apart, left_to_the_scheduler, on_one_worker};
use crate::bench::{Case, Measurement, Subject};
use crate::{go, root};

/// Everybody else's channels.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("tokio current-thread", "tokio", tokio_current_thread).only(on_own_threads),
    Subject::new("smol", "smol", smol),
    Subject::new("smol local", "smol", smol_local).only(on_own_threads),
    Subject::new("may", "may", may),
    Subject::new("monoio", "monoio", monoio).only(on_one_worker),
    Subject::new("compio", "compio", compio).only(on_own_threads),
    Subject::new("glommio", "glommio", glommio).only(on_own_threads),
    Subject::new("Go", "Go", |case| go::sample("channel", case)).needs("go"),
];

/// Whether runtimes that keep a thread to themselves can take part.
fn on_own_threads(case: &Case) -> bool {
    !left_to_the_scheduler(case)
}

/// tokio's own channels.
mod on_tokio {
    use super::{Ball, Measurement, Placement, Rally};
    use tokio::sync::mpsc::{Receiver, Sender};

    pub async fn ping(mut rally: Rally, mut from: Receiver<Ball>, to: Sender<Ball>) -> Vec<Measurement> {
        while let Some(ball) = rally.serve() {
            to.send(ball).await.expect("pong still plays");
            rally.take(from.recv().await.expect("pong still plays"));
        }
        rally.measurements()
    }

    pub async fn pong(placement: Placement, mut from: Receiver<Ball>, to: Sender<Ball>) {
        placement.pong_begins();
        while let Some(ball) = from.recv().await {
            to.send(ball.returned()).await.expect("ping still plays");
        }
    }
}

fn tokio(case: &Case) -> Vec<Measurement> {
    let (rally, placement) = (Rally::new(case), Placement::new(case));
    root::tokio(case.count("workers"), async move {
        let (to_pong, at_pong) = tokio::sync::mpsc::channel(1);
        let (to_ping, at_ping) = tokio::sync::mpsc::channel(1);
        let pong = tokio::spawn(on_tokio::pong(placement.clone(), at_pong, to_ping));
        if placement.begun_apart {
            // Whoever was spawned last waits in a slot that no other worker takes tasks from.
            drop(tokio::spawn(async {}));
        }
        placement.ping_begins();
        let measurements = on_tokio::ping(rally, at_ping, to_pong).await;
        pong.await.expect("pong doesn't panic");
        measurements
    })
}

fn tokio_current_thread(case: &Case) -> Vec<Measurement> {
    let (rally, placement) = (Rally::new(case), Placement::new(case));
    let (to_pong, at_pong) = tokio::sync::mpsc::channel(1);
    let (to_ping, at_ping) = tokio::sync::mpsc::channel(1);
    let pong = on_tokio::pong(placement.clone(), at_pong, to_ping);
    let ping = on_tokio::ping(rally, at_ping, to_pong);
    if placement.begun_apart {
        return on_two_threads(|| root::tokio_current_thread(pong), || root::tokio_current_thread(ping));
    }
    root::tokio_current_thread(async {
        let pong = tokio::spawn(pong);
        let measurements = ping.await;
        pong.await.expect("pong doesn't panic");
        measurements
    })
}

/// Plays the two sides on threads of their own; ping stays here.
fn on_two_threads(pong: impl FnOnce() + Send, ping: impl FnOnce() -> Vec<Measurement>) -> Vec<Measurement> {
    thread::scope(|scope| {
        scope.spawn(pong);
        ping()
    })
}

/// async-channel, which smol brings along.
mod on_smol {
    use super::{Ball, Measurement, Placement, Rally};
    use smol::channel::{Receiver, Sender};

    pub async fn ping(mut rally: Rally, from: Receiver<Ball>, to: Sender<Ball>) -> Vec<Measurement> {
        while let Some(ball) = rally.serve() {
            to.send(ball).await.expect("pong still plays");
            rally.take(from.recv().await.expect("pong still plays"));
        }
        rally.measurements()
    }

    pub async fn pong(placement: Placement, from: Receiver<Ball>, to: Sender<Ball>) {
        placement.pong_begins();
        while let Ok(ball) = from.recv().await {
            to.send(ball.returned()).await.expect("ping still plays");
        }
    }
}

fn smol(case: &Case) -> Vec<Measurement> {
    let (rally, placement) = (Rally::new(case), Placement::new(case));
    root::smol(case.count("workers"), async move {
        let (to_pong, at_pong) = smol::channel::bounded(1);
        let (to_ping, at_ping) = smol::channel::bounded(1);
        let pong = root::SMOL.spawn(on_smol::pong(placement.clone(), at_pong, to_ping));
        placement.ping_begins();
        let measurements = on_smol::ping(rally, at_ping, to_pong).await;
        pong.await;
        measurements
    })
}

fn smol_local(case: &Case) -> Vec<Measurement> {
    let (rally, placement) = (Rally::new(case), Placement::new(case));
    let (to_pong, at_pong) = smol::channel::bounded(1);
    let (to_ping, at_ping) = smol::channel::bounded(1);
    let pong = on_smol::pong(placement.clone(), at_pong, to_ping);
    let ping = on_smol::ping(rally, at_ping, to_pong);
    if placement.begun_apart {
        return on_two_threads(|| root::smol_local(|_| pong), || root::smol_local(|_| ping));
    }
    root::smol_local(|executor| async move {
        let pong = executor.spawn(pong);
        let measurements = ping.await;
        pong.await;
        measurements
    })
}

fn may(case: &Case) -> Vec<Measurement> {
    let (mut rally, placement) = (Rally::new(case), Placement::new(case));
    root::may(case.count("workers"), move || {
        let (to_pong, at_pong) = may::sync::mpsc::channel();
        let (to_ping, at_ping) = may::sync::mpsc::channel();
        let other_side = placement.clone();
        let pong = may::go!(move || {
            other_side.pong_begins();
            for ball in at_pong {
                let ball: Ball = ball;
                to_ping.send(ball.returned()).expect("ping still plays");
            }
        });
        placement.ping_begins();
        while let Some(ball) = rally.serve() {
            to_pong.send(ball).expect("pong still plays");
            rally.take(at_ping.recv().expect("pong still plays"));
        }
        let measurements = rally.measurements();
        drop(to_pong);
        pong.join().expect("pong doesn't panic");
        measurements
    })
}

/// monoio wakes no task from another thread unless it is built for that, and then takes longer on one thread.
fn monoio(case: &Case) -> Vec<Measurement> {
    use local_sync::mpsc::bounded;
    async fn pong(mut from: bounded::Rx<Ball>, to: bounded::Tx<Ball>) {
        while let Some(ball) = from.recv().await {
            to.send(ball.returned()).await.expect("ping still plays");
        }
    }
    let mut rally = Rally::new(case);
    root::monoio(async move {
        let (to_pong, at_pong) = bounded::channel(1);
        let (to_ping, mut at_ping) = bounded::channel(1);
        let pong = monoio::spawn(pong(at_pong, to_ping));
        while let Some(ball) = rally.serve() {
            to_pong.send(ball).await.expect("pong still plays");
            rally.take(at_ping.recv().await.expect("pong still plays"));
        }
        let measurements = rally.measurements();
        drop(to_pong);
        pong.await;
        measurements
    })
}

fn compio(case: &Case) -> Vec<Measurement> {
    async fn ping(
        mut rally: Rally,
        from: flume::Receiver<Ball>,
        to: flume::Sender<Ball>,
    ) -> Vec<Measurement> {
        while let Some(ball) = rally.serve() {
            to.send_async(ball).await.expect("pong still plays");
            rally.take(from.recv_async().await.expect("pong still plays"));
        }
        rally.measurements()
    }
    async fn pong(from: flume::Receiver<Ball>, to: flume::Sender<Ball>) {
        while let Ok(ball) = from.recv_async().await {
            to.send_async(ball.returned()).await.expect("ping still plays");
        }
    }
    let (to_pong, at_pong) = flume::bounded(1);
    let (to_ping, at_ping) = flume::bounded(1);
    let (pong, ping) = (pong(at_pong, to_ping), ping(Rally::new(case), at_ping, to_pong));
    if begun_apart(case) {
        return on_two_threads(|| root::compio(pong), || root::compio(ping));
    }
    root::compio(async {
        let pong = compio::runtime::spawn(pong);
        let measurements = ping.await;
        pong.await.expect("pong doesn't panic");
        measurements
    })
}

fn glommio(case: &Case) -> Vec<Measurement> {
    if begun_apart(case) { glommio_shared(case) } else { glommio_local(case) }
}

fn glommio_local(case: &Case) -> Vec<Measurement> {
    use local_channel::{LocalReceiver, LocalSender};
    async fn pong(from: LocalReceiver<Ball>, to: LocalSender<Ball>) {
        while let Some(ball) = from.recv().await {
            to.send(ball.returned()).await.expect("ping still plays");
        }
    }
    let mut rally = Rally::new(case);
    root::glommio(async move {
        let (to_pong, at_pong) = local_channel::new_bounded(1);
        let (to_ping, at_ping) = local_channel::new_bounded(1);
        let pong = glommio::spawn_local(pong(at_pong, to_ping));
        while let Some(ball) = rally.serve() {
            to_pong.send(ball).await.expect("pong still plays");
            rally.take(at_ping.recv().await.expect("pong still plays"));
        }
        let measurements = rally.measurements();
        drop(to_pong);
        pong.await;
        measurements
    })
}

fn glommio_shared(case: &Case) -> Vec<Measurement> {
    use shared_channel::{SharedReceiver, SharedSender};
    async fn pong(from: SharedReceiver<Ball>, to: SharedSender<Ball>) {
        let (from, to) = (from.connect().await, to.connect().await);
        while let Some(ball) = from.recv().await {
            to.send(ball.returned()).await.expect("ping still plays");
        }
    }
    async fn ping(mut rally: Rally, from: SharedReceiver<Ball>, to: SharedSender<Ball>) -> Vec<Measurement> {
        let (to, from) = (to.connect().await, from.connect().await);
        while let Some(ball) = rally.serve() {
            to.send(ball).await.expect("pong still plays");
            rally.take(from.recv().await.expect("pong still plays"));
        }
        rally.measurements()
    }
    let (to_pong, at_pong) = shared_channel::new_bounded(1);
    let (to_ping, at_ping) = shared_channel::new_bounded(1);
    let rally = Rally::new(case);
    on_two_threads(|| root::glommio(pong(at_pong, to_ping)), || root::glommio(ping(rally, at_ping, to_pong)))
}
