//! `Stream`s of connections, ticks and messages: nothing is lost between two polls, or with a stream that is dropped.

use fibra::{
    concurrent::TaskGroup,
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, TrySendError},
    time::{self, interval},
};
use futures_util::{FutureExt, StreamExt, stream::select};
use std::time::{Duration, Instant};

#[fibra::test]
async fn connections_come_one_after_another_with_their_addresses() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut incoming = listener.incoming_async();
    assert!(incoming.next().now_or_never().is_none(), "nobody has connected");
    for _ in 0..50 {
        let client = TcpStream::connect_async(address).await.unwrap();
        let (stream, peer) = incoming.next().await.unwrap().unwrap();
        assert_eq!(client.local_addr().unwrap(), peer);
        assert_eq!(stream.peer_addr().unwrap(), peer);
    }
}

#[fibra::test]
async fn several_streams_share_a_listener() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let both = select(listener.incoming_async(), listener.incoming_async());
    let clients = fibra::future::spawn(async move {
        let mut clients = Vec::new();
        for _ in 0..20 {
            clients.push(TcpStream::connect_async(address).await.expect("it listens"));
        }
        clients
    });
    assert!(both.take(20).all(async |accepted| accepted.is_ok()).await);
    clients.await.unwrap();
}

#[fibra::test]
async fn a_dropped_stream_leaves_the_listener_to_others() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut incoming = listener.incoming_async();
    assert!(incoming.next().now_or_never().is_none());
    drop(incoming);
    let _client = TcpStream::connect_async(listener.local_addr().unwrap()).await.unwrap();
    let _accepted = listener.accept_async().await.unwrap();
}

#[fibra::test]
async fn ticks_are_never_early() {
    let start = Instant::now();
    let period = Duration::from_millis(2);
    let ticks: Vec<_> = interval(period).take(5).collect().await;
    assert!(start.elapsed() >= 4 * period);
    assert!(ticks.windows(2).all(|pair| pair[1] - pair[0] == period), "{ticks:?}");
}

#[fibra::test]
async fn messages_arrive_in_order_until_all_senders_are_gone() {
    let (sender, receiver) = mpsc::channel();
    let sending = fibra::future::spawn(async move {
        for message in 0..10_000 {
            sender.send(message).expect("the receiver is there");
            if message % 100 == 0 {
                fibra::future::yield_now().await;
            }
        }
    });
    let received: Vec<_> = receiver.into_stream().collect().await;
    assert!(received.into_iter().eq(0..10_000));
    sending.await.unwrap();
}

#[fibra::test]
async fn a_stream_that_is_dropped_in_the_middle_leaves_the_rest_to_the_receiver() {
    let (sender, mut receiver) = mpsc::sync_channel(4);
    for round in 0..100 {
        let mut stream = receiver.stream();
        assert!(stream.next().now_or_never().is_none());
        // Handed over to a stream that waits, and then goes.
        sender.try_send(round).unwrap();
        drop(stream);
        assert_eq!(receiver.recv_async().await, Ok(round));
    }
}

/// A rendezvous takes place only while somebody is there.
#[fibra::test]
async fn a_dropped_stream_waits_for_nobody() {
    let (sender, mut receiver) = mpsc::sync_channel(0);
    let mut stream = receiver.stream();
    assert!(stream.next().now_or_never().is_none());
    drop(stream);
    assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
    drop(receiver);
    assert_eq!(sender.try_send(1), Err(TrySendError::Disconnected(1)));
}

#[fibra::test]
async fn a_stream_that_is_selected_against_a_timer_loses_nothing() {
    let (sender, mut receiver) = mpsc::channel();
    let sending = fibra::thread::spawn(move || {
        for message in 0..200 {
            fibra::thread::sleep(Duration::from_micros(50));
            sender.send(message).unwrap();
        }
    });
    let mut received = Vec::new();
    loop {
        match time::timeout_async(Duration::from_micros(70), receiver.stream().next()).await {
            Ok(Some(message)) => received.push(message),
            Ok(None) => break,
            Err(_) => {}
        }
    }
    assert!(received.into_iter().eq(0..200));
    sending.join().unwrap();
}

#[fibra::test]
async fn the_progress_of_a_group_comes_while_it_runs_and_ends_with_it() {
    fn is_send_sync_and_unpin<T: Send + Sync + Unpin>(value: T) -> T {
        value
    }
    let mut group = TaskGroup::new();
    let mut progress = is_send_sync_and_unpin(group.watch_progress().into_stream());
    assert!(progress.next().now_or_never().is_none(), "there is nothing to see");
    let (gates, doors): (Vec<_>, Vec<_>) = (0..3).map(|_| fibra::sync::oneshot::channel::<()>()).unzip();
    for door in doors {
        group.spawn(async move { door.await.unwrap() });
    }
    assert_eq!(progress.next().await.unwrap().to_string(), "0 of 3");
    for (ended, gate) in gates.into_iter().enumerate() {
        gate.send(()).unwrap();
        assert_eq!(progress.next().await.unwrap().finished, ended + 1);
    }
    drop(group);
    assert_eq!(progress.next().await, None);
    assert_eq!(progress.next().await, None);
}
