//! fibra's green threads and futures, over its own channels.

use fibra::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use super::{Load, bound};
use crate::bench::{Case, Measurement, Subject};
use crate::root;
use crate::stopwatch::Stopwatch;

/// fibra's ways of sending and receiving.
pub const SUBJECTS: &[Subject] =
    &[Subject::new("fibra thread", "fibra", thread), Subject::new("fibra future", "fibra", future)];

fn thread(case: &Case) -> Vec<Measurement> {
    use fibra::thread::spawn;
    fn send(load: Load, senders: &[SyncSender<usize>]) {
        for message in 0..load.messages {
            senders.iter().for_each(|to| to.send(message).expect("the receivers stay"));
        }
    }
    fn send_unbounded(load: Load, senders: &[Sender<usize>]) {
        for message in 0..load.messages {
            senders.iter().for_each(|to| to.send(message).expect("the receivers stay"));
        }
    }
    let (load, bound) = (Load::new(case), bound(case));
    root::fibra_thread(case.count("workers"), move || {
        let since = Stopwatch::start();
        let receivers = match bound {
            Some(bound) => {
                load.open(|| sync_channel(bound), |senders| drop(spawn(move || send(load, &senders))))
            }
            None => load.open(channel, |senders| drop(spawn(move || send_unbounded(load, &senders)))),
        };
        let receive = |receiver: Receiver<usize>| spawn(move || receiver.iter().count());
        let handles: Vec<_> = receivers.into_iter().map(receive).collect();
        let received = handles.into_iter().map(|handle| handle.join().expect("nobody panics")).collect();
        load.measurements(since, received)
    })
}

fn future(case: &Case) -> Vec<Measurement> {
    use fibra::future::spawn;
    async fn send(load: Load, senders: Vec<SyncSender<usize>>) {
        for message in 0..load.messages {
            for to in &senders {
                to.send_async(message).await.expect("the receivers stay");
            }
        }
    }
    async fn send_unbounded(load: Load, senders: Vec<Sender<usize>>) {
        for message in 0..load.messages {
            senders.iter().for_each(|to| to.send(message).expect("the receivers stay"));
        }
    }
    async fn receive(mut receiver: Receiver<usize>) -> usize {
        let mut received = 0;
        while receiver.recv_async().await.is_ok() {
            received += 1;
        }
        received
    }
    let (load, bound) = (Load::new(case), bound(case));
    root::fibra_future(case.count("workers"), async move {
        let since = Stopwatch::start();
        let receivers = match bound {
            Some(bound) => load.open(|| sync_channel(bound), |senders| drop(spawn(send(load, senders)))),
            None => load.open(channel, |senders| drop(spawn(send_unbounded(load, senders)))),
        };
        let handles: Vec<_> = receivers.into_iter().map(|receiver| spawn(receive(receiver))).collect();
        let mut received = Vec::new();
        for handle in handles {
            received.push(handle.await.expect("nobody panics"));
        }
        load.measurements(since, received)
    })
}
