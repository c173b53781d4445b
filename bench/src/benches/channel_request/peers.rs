//! The peers. smol, compio and glommio bring no one-shot channel along: their users take that of futures-channel. may's
//! users make a channel for each answer.

use std::time::Duration;

use super::{Ball, ROOM, Rally, Request, limit};
use crate::bench::{Case, Measurement, Subject};
use crate::{go, root};

/// Everybody else's ways of asking.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("tokio current-thread", "tokio", tokio_current_thread).only(on_one_worker),
    Subject::new("smol", "smol", smol),
    Subject::new("smol local", "smol", smol_local).only(on_one_worker),
    Subject::new("may", "may", may),
    Subject::new("monoio", "monoio", monoio).only(on_one_worker),
    Subject::new("compio", "compio", compio).only(on_one_worker),
    Subject::new("glommio", "glommio", glommio).only(on_one_worker),
    Subject::new("Go", "Go", |case| go::sample("channel-request", case)).needs("go"),
];

fn on_one_worker(case: &Case) -> bool {
    case.get("workers") == 1
}

fn tokio(case: &Case) -> Vec<Measurement> {
    root::tokio(case.count("workers"), tokio_root(Rally::new(case), limit(case)))
}

fn tokio_current_thread(case: &Case) -> Vec<Measurement> {
    root::tokio_current_thread(tokio_root(Rally::new(case), limit(case)))
}

async fn tokio_root(mut rally: Rally, limit: Option<Duration>) -> Vec<Measurement> {
    use tokio::sync::{mpsc, oneshot};
    async fn serve(mut requests: mpsc::Receiver<Request<oneshot::Sender<Ball>>>) {
        while let Some(Request { ball, answer }) = requests.recv().await {
            answer.send(ball.returned()).expect("whoever asks waits for the answer");
        }
    }
    let (requests, to_serve) = mpsc::channel(ROOM);
    let server = tokio::spawn(serve(to_serve));
    while let Some(ball) = rally.serve() {
        let (answer, answered) = oneshot::channel();
        requests.send(Request { ball, answer }).await.expect("the server stays");
        let answered = match limit {
            Some(limit) => tokio::time::timeout(limit, answered).await.expect("30 s are enough"),
            None => answered.await,
        };
        rally.take(answered.expect("the server answers"));
    }
    let measurements = rally.measurements();
    drop(requests);
    server.await.expect("the server doesn't panic");
    measurements
}

/// async-channel, which smol brings along.
mod on_smol {
    use super::{Ball, Duration, Measurement, Rally, Request};
    use futures_channel::oneshot;
    use futures_lite::FutureExt;
    use smol::channel::{Receiver, Sender};

    pub async fn ask(
        mut rally: Rally,
        limit: Option<Duration>,
        requests: Sender<Request<oneshot::Sender<Ball>>>,
    ) -> Vec<Measurement> {
        while let Some(ball) = rally.serve() {
            let (answer, answered) = oneshot::channel();
            requests.send(Request { ball, answer }).await.expect("the server stays");
            let answered = match limit {
                Some(limit) => answered.or(cancelled_after(limit)).await,
                None => answered.await,
            };
            rally.take(answered.expect("the server answers"));
        }
        rally.measurements()
    }

    /// smol's users have a time limit race with the rest.
    async fn cancelled_after(limit: Duration) -> Result<Ball, oneshot::Canceled> {
        smol::Timer::after(limit).await;
        Err(oneshot::Canceled)
    }

    pub async fn serve(requests: Receiver<Request<oneshot::Sender<Ball>>>) {
        while let Ok(Request { ball, answer }) = requests.recv().await {
            answer.send(ball.returned()).expect("whoever asks waits for the answer");
        }
    }
}

fn smol(case: &Case) -> Vec<Measurement> {
    let (rally, limit) = (Rally::new(case), limit(case));
    root::smol(case.count("workers"), async move {
        let (requests, to_serve) = smol::channel::bounded(ROOM);
        let server = root::SMOL.spawn(on_smol::serve(to_serve));
        let measurements = on_smol::ask(rally, limit, requests).await;
        server.await;
        measurements
    })
}

fn smol_local(case: &Case) -> Vec<Measurement> {
    let (rally, limit) = (Rally::new(case), limit(case));
    root::smol_local(|executor| async move {
        let (requests, to_serve) = smol::channel::bounded(ROOM);
        let server = executor.spawn(on_smol::serve(to_serve));
        let measurements = on_smol::ask(rally, limit, requests).await;
        server.await;
        measurements
    })
}

/// may's channels are unbounded.
fn may(case: &Case) -> Vec<Measurement> {
    use may::sync::mpsc;
    let (mut rally, limit) = (Rally::new(case), limit(case));
    root::may(case.count("workers"), move || {
        let (requests, to_serve) = mpsc::channel();
        let server = may::go!(move || {
            for Request { ball, answer } in to_serve {
                let answer: mpsc::Sender<_> = answer;
                answer.send(ball.returned()).expect("whoever asks waits for the answer");
            }
        });
        while let Some(ball) = rally.serve() {
            let (answer, answered) = mpsc::channel();
            requests.send(Request { ball, answer }).expect("the server stays");
            rally.take(match limit {
                Some(limit) => answered.recv_timeout(limit).expect("the server answers in time"),
                None => answered.recv().expect("the server answers"),
            });
        }
        let measurements = rally.measurements();
        drop(requests);
        server.join().expect("the server doesn't panic");
        measurements
    })
}

fn monoio(case: &Case) -> Vec<Measurement> {
    use local_sync::{mpsc::bounded, oneshot};
    async fn serve(mut requests: bounded::Rx<Request<oneshot::Sender<Ball>>>) {
        while let Some(Request { ball, answer }) = requests.recv().await {
            answer.send(ball.returned()).expect("whoever asks waits for the answer");
        }
    }
    let (mut rally, limit) = (Rally::new(case), limit(case));
    root::monoio(async move {
        let (requests, to_serve) = bounded::channel(ROOM);
        let server = monoio::spawn(serve(to_serve));
        while let Some(ball) = rally.serve() {
            let (answer, answered) = oneshot::channel();
            requests.send(Request { ball, answer }).await.expect("the server stays");
            let answered = match limit {
                Some(limit) => monoio::time::timeout(limit, answered).await.expect("30 s are enough"),
                None => answered.await,
            };
            rally.take(answered.expect("the server answers"));
        }
        let measurements = rally.measurements();
        drop(requests);
        server.await;
        measurements
    })
}

fn compio(case: &Case) -> Vec<Measurement> {
    use futures_channel::oneshot;
    async fn serve(requests: flume::Receiver<Request<oneshot::Sender<Ball>>>) {
        while let Ok(Request { ball, answer }) = requests.recv_async().await {
            answer.send(ball.returned()).expect("whoever asks waits for the answer");
        }
    }
    let (mut rally, limit) = (Rally::new(case), limit(case));
    root::compio(async move {
        let (requests, to_serve) = flume::bounded(ROOM);
        let server = compio::runtime::spawn(serve(to_serve));
        while let Some(ball) = rally.serve() {
            let (answer, answered) = oneshot::channel();
            requests.send_async(Request { ball, answer }).await.expect("the server stays");
            let answered = match limit {
                Some(limit) => compio::time::timeout(limit, answered).await.expect("30 s are enough"),
                None => answered.await,
            };
            rally.take(answered.expect("the server answers"));
        }
        let measurements = rally.measurements();
        drop(requests);
        server.await.expect("the server doesn't panic");
        measurements
    })
}

fn glommio(case: &Case) -> Vec<Measurement> {
    use futures_channel::oneshot;
    use glommio::channels::local_channel::{LocalReceiver, new_bounded};
    use glommio::timer::timeout;
    async fn serve(requests: LocalReceiver<Request<oneshot::Sender<Ball>>>) {
        while let Some(Request { ball, answer }) = requests.recv().await {
            answer.send(ball.returned()).expect("whoever asks waits for the answer");
        }
    }
    let (mut rally, limit) = (Rally::new(case), limit(case));
    root::glommio(async move {
        let (requests, to_serve) = new_bounded(ROOM);
        let server = glommio::spawn_local(serve(to_serve));
        while let Some(ball) = rally.serve() {
            let (answer, answered) = oneshot::channel();
            requests.send(Request { ball, answer }).await.expect("the server stays");
            let answered = match limit {
                Some(limit) => timeout(limit, async { Ok(answered.await) }).await.expect("30 s are enough"),
                None => answered.await,
            };
            rally.take(answered.expect("the server answers"));
        }
        let measurements = rally.measurements();
        drop(requests);
        server.await;
        measurements
    })
}
