//! fibra's green threads and futures, over its own channels.

use fibra::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::{Ball, Placement, Rally};
use crate::bench::{Case, Measurement, Subject};
use crate::root;

/// fibra's ways of waiting for a message.
pub const SUBJECTS: &[Subject] =
    &[Subject::new("fibra thread", "fibra", thread), Subject::new("fibra future", "fibra", future)];

fn thread(case: &Case) -> Vec<Measurement> {
    let (mut rally, placement) = (Rally::new(case), Placement::new(case));
    root::fibra_thread(case.count("workers"), move || {
        let (to_pong, at_pong) = sync_channel(1);
        let (to_ping, at_ping) = sync_channel(1);
        let other_side = placement.clone();
        let pong = fibra::thread::spawn(move || {
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

fn future(case: &Case) -> Vec<Measurement> {
    async fn pong(placement: Placement, mut from: Receiver<Ball>, to: SyncSender<Ball>) {
        placement.pong_begins();
        while let Ok(ball) = from.recv_async().await {
            to.send_async(ball.returned()).await.expect("ping still plays");
        }
    }
    let (mut rally, placement) = (Rally::new(case), Placement::new(case));
    root::fibra_future(case.count("workers"), async move {
        let (to_pong, at_pong) = sync_channel(1);
        let (to_ping, mut at_ping) = sync_channel(1);
        let pong = fibra::future::spawn(pong(placement.clone(), at_pong, to_ping));
        placement.ping_begins();
        while let Some(ball) = rally.serve() {
            to_pong.send_async(ball).await.expect("pong still plays");
            rally.take(at_ping.recv_async().await.expect("pong still plays"));
        }
        let measurements = rally.measurements();
        drop(to_pong);
        pong.await.expect("pong doesn't panic");
        measurements
    })
}
