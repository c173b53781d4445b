//! Descriptors that aren't fibra's: whoever waits for one is woken, can be cancelled, and leaves nothing behind.
#![cfg(unix)]

#[path = "support/patience.rs"]
mod patience;

use fibra::{cancel::Cancelled, future, io::unix::Watched, thread, time};
use patience::eventually;
use std::{
    future::{Future, poll_fn},
    io::{self, ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    pin::Pin,
    task::Poll,
    time::Duration,
};

const MOMENT: Duration = Duration::from_millis(2);

fn pair() -> (Watched<UnixStream>, UnixStream) {
    let (here, there) = UnixStream::pair().expect("there are descriptors");
    here.set_nonblocking(true).expect("a socket has modes");
    (Watched::new(here), there)
}

fn read(mut stream: &UnixStream) -> io::Result<usize> {
    stream.read(&mut [0; 8])
}

/// Sends until there is no more room, and returns how much there was.
fn fill(mut stream: &UnixStream) -> usize {
    let mut room = 0;
    while let Ok(written) = stream.write(&[0; 4096]) {
        room += written;
    }
    room
}

#[fibra::test]
fn threads_are_woken_by_readiness_in_both_directions() {
    let (here, mut there) = pair();
    let room = fill(here.get_ref());
    thread::scope(|scope| {
        let reading = scope.spawn(|| here.when_readable(read));
        let writing = scope.spawn(|| here.when_writable(|mut stream| stream.write(b"!")));
        thread::sleep(MOMENT);
        assert!(!reading.is_finished() && !writing.is_finished());
        there.write_all(b"hello").unwrap();
        assert_eq!(reading.join().unwrap().unwrap(), 5);
        there.read_exact(&mut vec![0; room]).unwrap();
        assert_eq!(writing.join().unwrap().unwrap(), 1);
    });
    here.writable().unwrap();
    // Who closes before it has read everything resets the connection.
    there.read_exact(&mut [0]).unwrap();
    drop(there);
    here.readable().unwrap();
    assert_eq!(here.when_readable(read).unwrap(), 0, "the end");
}

#[fibra::test]
async fn futures_are_woken_by_readiness_in_both_directions() {
    let (here, mut there) = pair();
    let room = fill(here.get_ref());
    let here = std::sync::Arc::new(here);
    let (reader, writer) = (here.clone(), here.clone());
    let reading = future::spawn(async move { reader.when_readable_async(read).await });
    let writing =
        future::spawn(async move { writer.when_writable_async(|mut stream| stream.write(b"!")).await });
    time::sleep(MOMENT).await;
    assert!(!reading.is_finished() && !writing.is_finished());
    there.write_all(b"hello").unwrap();
    assert_eq!(reading.await.unwrap().unwrap(), 5);
    there.read_exact(&mut vec![0; room]).unwrap();
    assert_eq!(writing.await.unwrap().unwrap(), 1);
    here.writable_async().await.unwrap();
    drop(there);
    here.readable_async().await.unwrap();
}

#[test]
fn a_thread_without_a_runtime_waits_too() {
    let (here, mut there) = pair();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| here.when_readable(read));
        std::thread::sleep(MOMENT);
        there.write_all(b"hello").unwrap();
        assert_eq!(reading.join().unwrap().unwrap(), 5);
    });
}

#[fibra::test]
fn a_thread_that_waits_can_be_cancelled() {
    let (here, mut there) = pair();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| here.when_readable(read));
        thread::sleep(MOMENT);
        waiting.cancel();
        assert!(Cancelled::caused(&waiting.join().unwrap().unwrap_err()));
    });
    there.write_all(b"hello").unwrap();
    assert_eq!(here.when_readable(read).unwrap(), 5);
}

#[fibra::test]
async fn a_dropped_future_gives_the_descriptor_back() {
    let (mut here, mut there) = pair();
    let mut waiting: Pin<Box<_>> = Box::pin(here.readable_async());
    assert!(poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await.is_pending());
    time::sleep(MOMENT).await;
    here = here.try_into_inner().expect_err("it is waited for");
    drop(waiting);
    let mut owner = Some(here);
    let mut inner = None;
    eventually("given back", || {
        match owner.take().expect("one of both is there").try_into_inner() {
            Ok(stream) => inner = Some(stream),
            Err(watched) => owner = Some(watched),
        }
        inner.is_some()
    });
    there.write_all(b"hello").unwrap();
    assert_eq!(read(&inner.expect("it was given back")).unwrap(), 5);
}

#[fibra::test]
async fn an_error_of_the_attempt_is_the_result() {
    let (here, _there) = pair();
    let mut calls = 0;
    let mut attempt = |_: &UnixStream| -> io::Result<()> {
        calls += 1;
        Err(if calls < 3 { ErrorKind::Interrupted.into() } else { ErrorKind::Other.into() })
    };
    assert_eq!(here.when_readable(&mut attempt).unwrap_err().kind(), ErrorKind::Other);
    assert_eq!(here.when_writable_async(&mut attempt).await.unwrap_err().kind(), ErrorKind::Other);
    assert_eq!(calls, 4);
}
