//! The peers, each over the channels that it brings along or that its users take beside it.

use std::rc::Rc;

use super::{Load, bound};
use crate::bench::{Case, Measurement, Subject};
use crate::stopwatch::Stopwatch;
use crate::{go, root};

/// Everybody else's channels.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("tokio current-thread", "tokio", tokio_current_thread).only(on_one_worker),
    Subject::new("smol", "smol", smol),
    Subject::new("smol local", "smol", smol_local).only(on_one_worker),
    Subject::new("may", "may", may).only(|case| bound(case).is_none()),
    Subject::new("monoio", "monoio", monoio).only(on_one_worker),
    Subject::new("compio", "compio", compio).only(on_one_worker),
    Subject::new("glommio", "glommio", glommio).only(on_one_worker),
    // Go has no unbounded channels.
    Subject::new("Go", "Go", |case| go::sample("channel-load", case))
        .only(|case| bound(case).is_some())
        .needs("go"),
];

fn on_one_worker(case: &Case) -> bool {
    case.get("workers") == 1
}

fn tokio(case: &Case) -> Vec<Measurement> {
    root::tokio(case.count("workers"), tokio_root(Load::new(case), bound(case)))
}

fn tokio_current_thread(case: &Case) -> Vec<Measurement> {
    root::tokio_current_thread(tokio_root(Load::new(case), bound(case)))
}

async fn tokio_root(load: Load, bound: Option<usize>) -> Vec<Measurement> {
    use tokio::{spawn, sync::mpsc};
    async fn send(load: Load, senders: Vec<mpsc::Sender<usize>>) {
        for message in 0..load.messages {
            for to in &senders {
                to.send(message).await.expect("the receivers stay");
            }
        }
    }
    async fn send_unbounded(load: Load, senders: Vec<mpsc::UnboundedSender<usize>>) {
        for message in 0..load.messages {
            senders.iter().for_each(|to| to.send(message).expect("the receivers stay"));
        }
    }
    async fn receive(mut receiver: mpsc::Receiver<usize>) -> usize {
        let mut received = 0;
        while receiver.recv().await.is_some() {
            received += 1;
        }
        received
    }
    async fn receive_unbounded(mut receiver: mpsc::UnboundedReceiver<usize>) -> usize {
        let mut received = 0;
        while receiver.recv().await.is_some() {
            received += 1;
        }
        received
    }
    let since = Stopwatch::start();
    let handles: Vec<_> = match bound {
        Some(bound) => {
            let receivers = load.open(|| mpsc::channel(bound), |senders| drop(spawn(send(load, senders))));
            receivers.into_iter().map(|receiver| spawn(receive(receiver))).collect()
        }
        None => {
            let receivers =
                load.open(mpsc::unbounded_channel, |senders| drop(spawn(send_unbounded(load, senders))));
            receivers.into_iter().map(|receiver| spawn(receive_unbounded(receiver))).collect()
        }
    };
    let mut received = Vec::new();
    for handle in handles {
        received.push(handle.await.expect("nobody panics"));
    }
    load.measurements(since, received)
}

/// async-channel, which smol brings along.
mod on_smol {
    use super::Load;
    use smol::channel::{Receiver, Sender, bounded, unbounded};

    pub fn channel(bound: Option<usize>) -> (Sender<usize>, Receiver<usize>) {
        bound.map_or_else(unbounded, bounded)
    }

    pub async fn send(load: Load, senders: Vec<Sender<usize>>) {
        for message in 0..load.messages {
            for to in &senders {
                to.send(message).await.expect("the receivers stay");
            }
        }
    }

    pub async fn receive(receiver: Receiver<usize>) -> usize {
        let mut received = 0;
        while receiver.recv().await.is_ok() {
            received += 1;
        }
        received
    }
}

fn smol(case: &Case) -> Vec<Measurement> {
    let (load, bound) = (Load::new(case), bound(case));
    root::smol(case.count("workers"), async move {
        let since = Stopwatch::start();
        let spawn_sender = |senders| root::SMOL.spawn(on_smol::send(load, senders)).detach();
        let receivers = load.open(|| on_smol::channel(bound), spawn_sender);
        let spawn = |receiver| root::SMOL.spawn(on_smol::receive(receiver));
        let tasks: Vec<_> = receivers.into_iter().map(spawn).collect();
        let mut received = Vec::new();
        for task in tasks {
            received.push(task.await);
        }
        load.measurements(since, received)
    })
}

fn smol_local(case: &Case) -> Vec<Measurement> {
    let (load, bound) = (Load::new(case), bound(case));
    root::smol_local(|executor: Rc<smol::LocalExecutor<'static>>| async move {
        let since = Stopwatch::start();
        let spawn_sender = |senders| executor.spawn(on_smol::send(load, senders)).detach();
        let receivers = load.open(|| on_smol::channel(bound), spawn_sender);
        let spawn = |receiver| executor.spawn(on_smol::receive(receiver));
        let tasks: Vec<_> = receivers.into_iter().map(spawn).collect();
        let mut received = Vec::new();
        for task in tasks {
            received.push(task.await);
        }
        load.measurements(since, received)
    })
}

/// may has unbounded channels only.
fn may(case: &Case) -> Vec<Measurement> {
    use may::sync::mpsc::{Receiver, Sender, channel};
    fn send(load: Load, senders: &[Sender<usize>]) {
        for message in 0..load.messages {
            senders.iter().for_each(|to| to.send(message).expect("the receivers stay"));
        }
    }
    let load = Load::new(case);
    root::may(case.count("workers"), move || {
        let since = Stopwatch::start();
        let receivers = load.open(channel, |senders| drop(may::go!(move || send(load, &senders))));
        let receive = |receiver: Receiver<usize>| may::go!(move || receiver.iter().count());
        let handles: Vec<_> = receivers.into_iter().map(receive).collect();
        let received = handles.into_iter().map(|handle| handle.join().expect("nobody panics")).collect();
        load.measurements(since, received)
    })
}

fn monoio(case: &Case) -> Vec<Measurement> {
    use local_sync::mpsc::{bounded, unbounded};
    use monoio::spawn;
    async fn send(load: Load, senders: Vec<bounded::Tx<usize>>) {
        for message in 0..load.messages {
            for to in &senders {
                to.send(message).await.expect("the receivers stay");
            }
        }
    }
    async fn send_unbounded(load: Load, senders: Vec<unbounded::Tx<usize>>) {
        for message in 0..load.messages {
            senders.iter().for_each(|to| to.send(message).expect("the receivers stay"));
        }
    }
    async fn receive(mut receiver: bounded::Rx<usize>) -> usize {
        let mut received = 0;
        while receiver.recv().await.is_some() {
            received += 1;
        }
        received
    }
    async fn receive_unbounded(mut receiver: unbounded::Rx<usize>) -> usize {
        let mut received = 0;
        while receiver.recv().await.is_some() {
            received += 1;
        }
        received
    }
    let (load, bound) = (Load::new(case), bound(case));
    root::monoio(async move {
        let since = Stopwatch::start();
        let handles: Vec<_> = match bound {
            Some(bound) => {
                let spawn_sender = |senders| drop(spawn(send(load, senders)));
                let receivers = load.open(|| bounded::channel(bound), spawn_sender);
                receivers.into_iter().map(|receiver| spawn(receive(receiver))).collect()
            }
            None => {
                let spawn_sender = |senders| drop(spawn(send_unbounded(load, senders)));
                let receivers = load.open(unbounded::channel, spawn_sender);
                receivers.into_iter().map(|receiver| spawn(receive_unbounded(receiver))).collect()
            }
        };
        let mut received = Vec::new();
        for handle in handles {
            received.push(handle.await);
        }
        load.measurements(since, received)
    })
}

fn compio(case: &Case) -> Vec<Measurement> {
    use compio::runtime::spawn;
    use flume::{Receiver, Sender};
    async fn send(load: Load, senders: Vec<Sender<usize>>) {
        for message in 0..load.messages {
            for to in &senders {
                to.send_async(message).await.expect("the receivers stay");
            }
        }
    }
    async fn receive(receiver: Receiver<usize>) -> usize {
        let mut received = 0;
        while receiver.recv_async().await.is_ok() {
            received += 1;
        }
        received
    }
    let (load, bound) = (Load::new(case), bound(case));
    root::compio(async move {
        let since = Stopwatch::start();
        let channel = || bound.map_or_else(flume::unbounded, flume::bounded);
        let receivers = load.open(channel, |senders| spawn(send(load, senders)).detach());
        let handles: Vec<_> = receivers.into_iter().map(|receiver| spawn(receive(receiver))).collect();
        let mut received = Vec::new();
        for handle in handles {
            received.push(handle.await.expect("nobody panics"));
        }
        load.measurements(since, received)
    })
}

/// glommio's sending end can't be cloned, so its users share it. Its `send` is for channels with a bound.
fn glommio(case: &Case) -> Vec<Measurement> {
    use glommio::channels::local_channel::{LocalReceiver, LocalSender, new_bounded, new_unbounded};
    use glommio::spawn_local;
    async fn send(load: Load, senders: Vec<Rc<LocalSender<usize>>>) {
        for message in 0..load.messages {
            for to in &senders {
                to.send(message).await.expect("the receivers stay");
            }
        }
    }
    async fn send_unbounded(load: Load, senders: Vec<Rc<LocalSender<usize>>>) {
        for message in 0..load.messages {
            senders.iter().for_each(|to| to.try_send(message).expect("the receivers stay"));
        }
    }
    async fn receive(receiver: LocalReceiver<usize>) -> usize {
        let mut received = 0;
        while receiver.recv().await.is_some() {
            received += 1;
        }
        received
    }
    fn shared<R>((sender, receiver): (LocalSender<usize>, R)) -> (Rc<LocalSender<usize>>, R) {
        (Rc::new(sender), receiver)
    }
    let (load, bound) = (Load::new(case), bound(case));
    root::glommio(async move {
        let since = Stopwatch::start();
        let receivers = match bound {
            Some(bound) => {
                let channel = || shared(new_bounded(bound));
                load.open(channel, |senders| drop(spawn_local(send(load, senders)).detach()))
            }
            None => {
                let channel = || shared(new_unbounded());
                load.open(channel, |senders| drop(spawn_local(send_unbounded(load, senders)).detach()))
            }
        };
        let tasks: Vec<_> = receivers.into_iter().map(|receiver| spawn_local(receive(receiver))).collect();
        let mut received = Vec::new();
        for task in tasks {
            received.push(task.await);
        }
        load.measurements(since, received)
    })
}
