//! An accept that is given up loses no connection: one that was taken for it goes to the next.

use fibra::{
    concurrent::{OneOf2, select_async},
    future,
    net::{TcpListener, TcpStream},
    thread, time,
};
use std::{
    future::{Future, poll_fn},
    io::{Read, Write},
    net::SocketAddr,
    pin::Pin,
    task::Poll,
    time::Duration,
};

const MOMENT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(60);

async fn poll_once<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

/// Leaves the task so many times.
async fn turns(count: usize) {
    for _ in 0..count {
        future::yield_now().await;
    }
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

async fn ask_for_echo(address: SocketAddr) {
    let client = TcpStream::connect_async(address).await.expect("it listens");
    client.write_all_async("ping").await.0.expect("it is connected");
    let (read, echo) = client.read_exact_async(vec![0; 4]).await;
    read.expect("the connection was accepted");
    assert_eq!(echo, b"ping");
}

async fn echo(stream: TcpStream) {
    let (read, bytes) = stream.read_exact_async(vec![0; 4]).await;
    read.expect("the client has written");
    stream.write_all_async(bytes).await.0.expect("the client reads");
}

/// What is taken for `dropped`, and its listener's further connections.
async fn taken_and_not_claimed() -> (impl Future, TcpListener, std::net::TcpStream) {
    let (listener, address) = listener();
    let mut dropped = Box::pin(listener.accept_async());
    assert!(poll_once(&mut dropped).await.is_pending());
    time::sleep(MOMENT).await;
    let client = std::net::TcpStream::connect(address).unwrap();
    time::sleep(MOMENT).await;
    (dropped, listener, client)
}

#[fibra::test]
async fn accepts_that_lose_a_race_lose_no_connection() {
    const CLIENTS: usize = 300;
    let (listener, address) = listener();
    let clients = future::spawn(async move {
        let clients: Vec<_> = (0..CLIENTS).map(|_| future::spawn(ask_for_echo(address))).collect();
        for client in clients {
            client.await.expect("it got its echo");
        }
    });
    let serve = async {
        let (mut accepted, mut round) = (0, 0);
        while accepted < CLIENTS {
            round += 1;
            if let OneOf2::First(taken) = select_async((listener.accept_async(), turns(round % 4))).await {
                accepted += 1;
                drop(future::spawn(echo(taken.expect("there is no error").0)));
            }
        }
    };
    time::timeout_async(LONG, serve).await.expect("all connections come");
    time::timeout_async(LONG, clients).await.expect("all clients are served").unwrap();
}

#[fibra::test]
async fn the_next_accept_of_a_clone_gets_the_connection() {
    let (dropped, listener, client) = taken_and_not_claimed().await;
    let clone = listener.try_clone().unwrap();
    drop((dropped, listener));
    let (_, peer) = time::timeout_async(LONG, clone.accept_async()).await.unwrap().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}

#[fibra::test]
async fn a_direct_accept_that_does_not_wait_gets_the_connection() {
    let (dropped, listener, client) = taken_and_not_claimed().await;
    drop(dropped);
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap().1, client.local_addr().unwrap());
}

#[fibra::test]
async fn an_accept_that_waits_gets_the_connection() {
    let (dropped, listener, client) = taken_and_not_claimed().await;
    let mut waits = Box::pin(listener.accept_async());
    assert!(poll_once(&mut waits).await.is_pending());
    time::sleep(MOMENT).await;
    drop(dropped);
    let (_, peer) = time::timeout_async(LONG, waits).await.expect("it is woken").unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}

#[fibra::test]
async fn a_green_thread_that_waits_gets_the_connection() {
    let (dropped, listener, client) = taken_and_not_claimed().await;
    let waits = thread::spawn(move || listener.accept());
    time::sleep(MOMENT).await;
    drop(dropped);
    let (_, peer) = time::timeout_async(LONG, waits).await.expect("it is woken").unwrap().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}

#[fibra::test]
async fn a_listener_that_is_dropped_closes_the_connection() {
    let (dropped, listener, mut client) = taken_and_not_claimed().await;
    drop((dropped, listener));
    let closed = fibra::unblock(move || {
        client.set_read_timeout(Some(LONG)).unwrap();
        let _ = client.write(b"x");
        client.read(&mut [0])
    });
    assert!(
        matches!(&closed, Ok(0))
            || closed.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
    );
}
