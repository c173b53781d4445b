//! A cancelled operation fails with `Cancelled`, a dropped one is stopped, and neither loses what belongs to others.

#[path = "support/deaf.rs"]
mod deaf;

use deaf::Deaf;
use fibra::{
    cancel::{self, Cancelled},
    net::{TcpListener, TcpStream},
    thread, time,
};
use std::{
    future::{Future, poll_fn},
    io::{self, ErrorKind, Read, Write},
    pin::pin,
    task::Poll,
    time::Duration,
};

const MOMENT: Duration = Duration::from_millis(2);

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    (client, listener.accept().expect("there is one").0)
}

/// Spawns a thread, and gives it a moment to get to where it waits.
fn begin<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    let (started, starts) = fibra::sync::oneshot::channel();
    let thread = thread::spawn(move || {
        started.send(()).expect("it is waited for");
        body()
    });
    starts.recv().expect("it starts");
    thread::sleep(MOMENT);
    thread
}

/// Cancels a thread that waits in `operation`, and returns what that said.
fn cancelled<T: Send + 'static>(operation: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Error {
    let thread = begin(operation);
    thread.cancel();
    thread.join().expect("it returned").map(drop).expect_err("nothing could have ended it but the cancel")
}

fn assert_cancelled(error: &io::Error) {
    assert!(Cancelled::caused(error), "{error:?}");
    // Loops swallow these two.
    assert!(!matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock), "{error:?}");
}

#[fibra::test]
fn a_cancelled_read_fails_and_the_next_one_gets_the_bytes() {
    let (client, mut server) = pair();
    let mut clone = client.try_clone().unwrap();
    assert_cancelled(&cancelled(move || clone.read(&mut [0; 8])));
    let mut clone = client.try_clone().unwrap();
    // `read_exact` must not swallow it either.
    assert_cancelled(&cancelled(move || clone.read_exact(&mut [0; 8])));
    let clone = client.try_clone().unwrap();
    assert_cancelled(&cancelled(move || clone.peek(&mut [0; 8])));
    server.write_all(b"hello").unwrap();
    let mut bytes = [0; 5];
    { &client }.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"hello");
}

#[fibra::test]
fn a_cancelled_write_fails_and_what_it_said_was_sent_is_there() {
    let (client, mut server) = pair();
    let writer = begin(move || {
        let mut sent = 0;
        loop {
            match (&client).write(&[7; 1 << 16]) {
                Ok(written) => sent += written,
                Err(error) => break (sent, error),
            }
        }
    });
    writer.cancel();
    let (sent, error) = writer.join().unwrap();
    assert_cancelled(&error);
    let mut received = Vec::new();
    server.read_to_end(&mut received).unwrap();
    assert_eq!(received.len(), sent);
}

#[fibra::test]
fn a_cancelled_accept_fails_and_the_next_one_gets_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let clone = listener.try_clone().unwrap();
    assert_cancelled(&cancelled(move || clone.accept()));
    let clone = listener.try_clone().unwrap();
    assert_cancelled(&cancelled(move || clone.incoming().next().expect("it never ends")));
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert_eq!(listener.accept().unwrap().1, client.local_addr().unwrap());
}

#[fibra::test]
fn a_cancelled_connect_fails_and_tries_no_further_address() {
    let deaf = Deaf::new();
    let address = deaf.address();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = listener.local_addr().unwrap();
    assert_cancelled(&cancelled(move || TcpStream::connect(&[address, there][..])));
    assert_cancelled(&cancelled(move || TcpStream::connect_timeout(&address, Duration::from_secs(60))));
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[fibra::test]
fn a_shield_puts_the_cancel_off() {
    let (client, mut server) = pair();
    let reader = begin(move || {
        let mut stream = client;
        let mut byte = [0];
        let shielded = cancel::shield(|| stream.read(&mut byte));
        (shielded, stream.read(&mut byte))
    });
    reader.cancel();
    thread::sleep(MOMENT);
    server.write_all(b"12").unwrap();
    let (shielded, afterwards) = reader.join().unwrap();
    assert_eq!(shielded.unwrap(), 1);
    assert_cancelled(&afterwards.unwrap_err());
}

/// Whatever comes first, each byte is delivered or still there.
#[fibra::test]
fn no_byte_is_lost_when_a_cancel_races_with_it() {
    for round in 0..300_u32 {
        let (client, mut server) = pair();
        let mut clone = client.try_clone().unwrap();
        let reader = thread::spawn(move || {
            let mut byte = [0];
            clone.read(&mut byte).map(|read| (read, byte[0]))
        });
        for _ in 0..round % 4 {
            thread::yield_now();
        }
        thread::scope(|scope| {
            scope.spawn(|| server.write_all(&[round as u8]).expect("it is connected"));
            scope.spawn(|| reader.cancel());
        });
        match reader.join() {
            Ok(Ok(read)) => assert_eq!(read, (1, round as u8)),
            Ok(Err(error)) => {
                assert_cancelled(&error);
                let mut byte = [0];
                { &client }.read_exact(&mut byte).unwrap();
                assert_eq!(byte[0], round as u8);
            }
            // It was cancelled before it began.
            Err(payload) => assert!(payload.is::<Cancelled>()),
        }
    }
}

/// Polls a future once, so that its operation is under way, and drops it.
async fn begin_and_drop(future: impl Future) {
    let mut future = pin!(future);
    let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
    assert!(polled.is_pending(), "there was nothing to be ready for");
    time::sleep(MOMENT).await;
}

#[fibra::test]
async fn dropped_operations_take_nothing_that_comes_later() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    begin_and_drop(listener.accept_async()).await;
    let client = TcpStream::connect_async(listener.local_addr().unwrap()).await.unwrap();
    let (server, peer) = listener.accept_async().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());

    begin_and_drop(client.read_async(vec![0; 64])).await;
    begin_and_drop(client.read_vectored_async(vec![vec![0; 64]])).await;
    begin_and_drop(client.peek_async(vec![0; 64])).await;
    server.write_all_async("hello").await.0.unwrap();
    let (read, bytes) = client.read_exact_async(vec![0; 5]).await;
    read.unwrap();
    assert_eq!(bytes, b"hello");
}

#[fibra::test]
async fn futures_that_were_never_polled_do_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect_async(listener.local_addr().unwrap()).await.unwrap();
    drop(listener.accept_async());
    drop(client.write_all_async("never"));
    let (server, _) = listener.accept_async().await.unwrap();
    drop(client);
    let (read, _) = server.read_async(vec![0; 8]).await;
    assert_eq!(read.unwrap(), 0);
}

#[fibra::test]
async fn a_timeout_drops_the_operation_and_the_stream_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(time::timeout_async(MOMENT, listener.accept_async()).await.is_err());
    let client = TcpStream::connect_async(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) =
        time::timeout_async(Duration::from_secs(60), listener.accept_async()).await.unwrap().unwrap();
    assert!(time::timeout_async(MOMENT, client.read_async(vec![0; 8])).await.is_err());
    server.write_all_async("x").await.0.unwrap();
    assert_eq!(client.read_async(vec![0; 8]).await.0.unwrap(), 1);
}

/// The payload of a dropped operation belongs to the kernel until that has answered.
#[fibra::test]
fn a_buffer_outlives_its_future_for_as_long_as_the_kernel_may_write() {
    for _ in 0..50 {
        let (client, mut server) = pair();
        let reader = fibra::future::spawn(client.read_async(vec![0; 1 << 16]));
        thread::yield_now();
        reader.cancel();
        // If it were freed, these would be overwritten.
        let canaries: Vec<_> = (0..8).map(|_| vec![0xAA_u8; 1 << 16]).collect();
        server.write_all(&[0x55; 1 << 12]).unwrap();
        thread::yield_now();
        assert!(canaries.iter().all(|canary| *canary == [0xAA; 1 << 16]));
        drop(fibra::wait(reader));
    }
}
