//! fibra's green threads and futures, over its own channels.

use fibra::sync::mpsc::{Receiver, sync_channel};
use fibra::sync::oneshot;
use fibra::time::timeout_async;

use super::{Ball, ROOM, Rally, Request, limit};
use crate::bench::{Case, Measurement, Subject};
use crate::root;

/// fibra's ways of asking.
pub const SUBJECTS: &[Subject] =
    &[Subject::new("fibra thread", "fibra", thread), Subject::new("fibra future", "fibra", future)];

fn thread(case: &Case) -> Vec<Measurement> {
    let (mut rally, limit) = (Rally::new(case), limit(case));
    root::fibra_thread(case.count("workers"), move || {
        let (requests, to_serve) = sync_channel(ROOM);
        let server = fibra::thread::spawn(move || {
            for Request { ball, answer } in to_serve {
                let answer: oneshot::Sender<_> = answer;
                answer.send(ball.returned()).expect("whoever asks waits for the answer");
            }
        });
        while let Some(ball) = rally.serve() {
            let (answer, mut answered) = oneshot::channel();
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

fn future(case: &Case) -> Vec<Measurement> {
    async fn serve(mut requests: Receiver<Request<oneshot::Sender<Ball>>>) {
        while let Ok(Request { ball, answer }) = requests.recv_async().await {
            answer.send(ball.returned()).expect("whoever asks waits for the answer");
        }
    }
    let (mut rally, limit) = (Rally::new(case), limit(case));
    root::fibra_future(case.count("workers"), async move {
        let (requests, to_serve) = sync_channel(ROOM);
        let server = fibra::future::spawn(serve(to_serve));
        while let Some(ball) = rally.serve() {
            let (answer, answered) = oneshot::channel();
            requests.send_async(Request { ball, answer }).await.expect("the server stays");
            let answered = match limit {
                Some(limit) => timeout_async(limit, answered).await.expect("30 s are enough"),
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
