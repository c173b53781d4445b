//! fibra's streams under the traits of futures-io, also through shared references, and streams of futures-io in direct style.

use fibra::{
    future,
    io::Foreign,
    net::{TcpListener, TcpStream},
    thread,
};
use futures_util::{
    AsyncReadExt, AsyncWriteExt,
    future::{join, join_all},
    io::{AsyncRead, AsyncWrite, Cursor, copy},
};
use std::{
    future::poll_fn,
    io::{self, IoSlice, IoSliceMut, Read, Write},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

const BIG: usize = 4 << 20;

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let client = TcpStream::connect_async(listener.local_addr().expect("it is bound")).await;
    let (server, _) = listener.accept_async().await.expect("there is one");
    (client.expect("it listens"), server)
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|place| (place / 251) as u8 ^ place as u8).collect()
}

#[fibra::test]
async fn one_stream_is_copied_to_itself_through_shared_references() {
    let (client, server) = pair().await;
    let echo = future::spawn(async move {
        let copied = copy(&server, &mut &server).await?;
        (&server).close().await?;
        Ok::<_, io::Error>(copied)
    });
    let client = Arc::new(client);
    let sending = Arc::clone(&client);
    let sender = future::spawn(async move {
        AsyncWriteExt::write_all(&mut &*sending, &bytes(BIG)).await?;
        (&*sending).close().await
    });
    let mut received = Vec::new();
    AsyncReadExt::read_to_end(&mut &*client, &mut received).await.unwrap();
    assert!(received == bytes(BIG));
    sender.await.unwrap().unwrap();
    assert_eq!(echo.await.unwrap().unwrap(), BIG as u64);
}

#[fibra::test]
async fn several_buffers_are_filled_and_written_at_once() {
    let (mut client, mut server) = pair().await;
    let parts = [IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"two")];
    assert_eq!(AsyncWriteExt::write_vectored(&mut client, &parts).await.unwrap(), 6);
    let (mut first, mut second) = ([0; 4], [0; 4]);
    let mut parts = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    assert_eq!(AsyncReadExt::read_vectored(&mut server, &mut parts).await.unwrap(), 6);
    assert_eq!((&first, &second), (b"onet", b"wo\0\0"));
    // There was room for more, so the next one waits for it.
    let sender =
        future::spawn(async move { AsyncWriteExt::write_all(&mut client, b"three").await.map(|()| client) });
    let mut parts = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    assert_eq!(AsyncReadExt::read_vectored(&mut server, &mut parts).await.unwrap(), 5);
    drop(sender.await.unwrap().unwrap());
}

/// More than one task waits in the same direction: each byte reaches one of them, and none waits for ever.
#[fibra::test]
async fn tasks_that_wait_in_the_same_direction_are_not_forgotten() {
    const READERS: usize = 4;
    const ROUNDS: usize = 50;
    let (client, server) = pair().await;
    let server = Arc::new(server);
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let server = Arc::clone(&server);
            future::spawn(async move {
                let mut sum = 0;
                for _ in 0..ROUNDS {
                    let mut byte = [0];
                    AsyncReadExt::read_exact(&mut &*server, &mut byte).await.expect("it is connected");
                    sum += usize::from(byte[0]);
                }
                sum
            })
        })
        .collect();
    for byte in 0..READERS * ROUNDS {
        AsyncWriteExt::write_all(&mut &client, &[byte as u8]).await.unwrap();
        if byte % 3 == 0 {
            fibra::time::sleep(std::time::Duration::from_micros(300)).await;
        }
    }
    let sums: usize = join_all(readers).await.into_iter().map(|sum| sum.expect("no panic")).sum();
    assert_eq!(sums, (0..READERS * ROUNDS).sum::<usize>());
}

#[fibra::test]
async fn tasks_that_wait_in_the_same_direction_let_each_other_sleep() {
    const READERS: usize = 4;
    let (client, server) = pair().await;
    let (server, polls) = (Arc::new(server), Arc::new(AtomicUsize::new(0)));
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let (server, polls) = (Arc::clone(&server), Arc::clone(&polls));
            future::spawn(poll_fn(move |context| {
                polls.fetch_add(1, SeqCst);
                Pin::new(&mut &*server).poll_read(context, &mut [0])
            }))
        })
        .collect();
    while polls.load(SeqCst) < READERS {
        future::yield_now().await;
    }
    // Long enough for as many more as there are turns, if they woke each other.
    for _ in 0..1_000 {
        future::yield_now().await;
    }
    let polled = polls.load(SeqCst);
    assert!(polled < 50, "{READERS} tasks that wait were polled {polled} times");
    AsyncWriteExt::write_all(&mut &client, &[0; READERS]).await.unwrap();
    for read in join_all(readers).await {
        assert_eq!(read.expect("no panic").unwrap(), 1);
    }
}

#[fibra::test]
fn green_threads_read_and_write_what_only_speaks_futures() {
    fibra::block_on(async {
        let (client, server) = pair().await;
        let reader = thread::spawn(move || {
            let mut received = Vec::new();
            Read::read_to_end(&mut Foreign::futures(server), &mut received).map(|_| received)
        });
        let writer = thread::spawn(move || {
            let mut client = Foreign::futures(client);
            Write::write_all(&mut client, &bytes(BIG))?;
            client.shutdown()
        });
        let (received, written) = join(reader, writer).await;
        written.unwrap().unwrap();
        assert!(received.unwrap().unwrap() == bytes(BIG));
    });
}

#[fibra::test]
fn a_foreign_stream_is_copied_by_tokios_functions_too() {
    let mut from = Foreign::futures(Cursor::new(bytes(100_000)));
    let mut to = Vec::new();
    let copied = fibra::wait(tokio::io::copy(&mut from, &mut to)).unwrap();
    assert_eq!(copied, 100_000);
    assert!(to == bytes(100_000));
}

/// Says that it has read more than there was room for.
struct Boasts;

impl AsyncRead for Boasts {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buffer.len() + 1))
    }
}

impl AsyncWrite for Boasts {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buffer.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
#[should_panic(expected = "there was room for 8")]
fn a_stream_that_boasts_makes_no_memory_count_as_initialised() {
    let mut buffer = [std::mem::MaybeUninit::uninit(); 8];
    let mut buffer = tokio::io::ReadBuf::uninit(&mut buffer);
    let mut context = Context::from_waker(std::task::Waker::noop());
    _ = tokio::io::AsyncRead::poll_read(Pin::new(&mut Foreign::futures(Boasts)), &mut context, &mut buffer);
}
