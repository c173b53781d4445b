//! fibra's streams under tokio's traits, and streams of tokio's in direct style: no byte is lost or reordered, whoever waits and
//! gives up.

use fibra::{
    net::{TcpListener, TcpStream},
    time,
};
use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

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
async fn big_transfers_go_both_ways_at_once() {
    let (client, server) = pair().await;
    let echo = fibra::future::spawn(async move {
        let (mut reading, mut writing) = tokio::io::split(server);
        let copied = tokio::io::copy(&mut reading, &mut writing).await?;
        writing.shutdown().await?;
        Ok::<_, io::Error>(copied)
    });
    let (mut reading, mut writing) = tokio::io::split(client);
    let sender = fibra::future::spawn(async move {
        AsyncWriteExt::write_all(&mut writing, &bytes(BIG)).await?;
        writing.shutdown().await
    });
    let mut received = Vec::new();
    AsyncReadExt::read_to_end(&mut reading, &mut received).await.unwrap();
    assert!(received == bytes(BIG));
    sender.await.unwrap().unwrap();
    assert_eq!(echo.await.unwrap().unwrap(), BIG as u64);
}

#[fibra::test]
async fn several_buffers_are_written_at_once() {
    let (mut client, mut server) = pair().await;
    assert!(client.is_write_vectored());
    let parts = [IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"two")];
    assert_eq!(AsyncWriteExt::write_vectored(&mut client, &parts).await.unwrap(), 6);
    let mut received = [0; 6];
    AsyncReadExt::read_exact(&mut server, &mut received).await.unwrap();
    assert_eq!(&received, b"onetwo");
}

#[fibra::test]
async fn a_read_that_is_given_up_takes_nothing() {
    let (mut client, mut server) = pair().await;
    for round in 0..50_u8 {
        let late = time::timeout_async(Duration::from_micros(200), server.read_u8()).await;
        assert!(late.is_err(), "nothing was sent");
        client.write_u8(round).await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), round);
    }
}

#[fibra::test]
async fn the_end_and_errors_arrive() {
    let (mut client, mut server) = pair().await;
    AsyncWriteExt::shutdown(&mut client).await.unwrap();
    assert_eq!(AsyncReadExt::read(&mut server, &mut [0; 8]).await.unwrap(), 0);
    assert_eq!(AsyncReadExt::read(&mut server, &mut [0; 8]).await.unwrap(), 0, "the end stays the end");
    let error = AsyncWriteExt::write(&mut client, b"more").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    // A shutdown of what is shut down, and gone, is none of an error.
    drop(server);
    AsyncWriteExt::shutdown(&mut client).await.unwrap();
}

#[fibra::test]
async fn direct_and_polled_calls_take_turns_on_one_stream() {
    let (client, mut server) = pair().await;
    for round in 0..20_u8 {
        let (written, _) = client.write_all_async(vec![round; 3]).await;
        written.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), round);
        let (read, rest) = server.read_exact_async(vec![0; 2]).await;
        read.unwrap();
        assert_eq!(rest, [round; 2]);
    }
}

/// Puts another buffer in the place of the one that it was given, which safe code can do.
struct Swaps;

impl AsyncRead for Swaps {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        *buffer = ReadBuf::new(Box::leak(vec![1; buffer.capacity()].into_boxed_slice()));
        buffer.set_filled(buffer.capacity());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Swaps {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buffer.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Apart from the others, since the names of the methods are the same.
mod in_direct_style {
    use super::Swaps;
    use fibra::{cancel::Cancelled, io::Foreign, sync::mpsc, thread, time};
    use std::{
        io::{ErrorKind, Read, Write},
        time::Duration,
    };

    #[fibra::test]
    fn a_thousand_green_threads_read_and_write_what_only_speaks_tokio() {
        let threads: Vec<_> = (0..1000)
            .map(|thread| {
                // Less room than there is to say, so that both ends wait.
                let (near, far) = tokio::io::duplex(16);
                let (mut near, mut far) = (Foreign::tokio(near), Foreign::tokio(far));
                let echo = thread::spawn(move || {
                    let mut line = [0; 100];
                    near.read_exact(&mut line)?;
                    near.write_all(&line)
                });
                thread::spawn(move || {
                    let said = [thread as u8; 100];
                    far.write_all(&said).unwrap();
                    far.flush().unwrap();
                    let mut heard = [0; 100];
                    far.read_exact(&mut heard).unwrap();
                    assert_eq!(heard, said);
                    echo.join().unwrap().unwrap();
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }

    #[test]
    fn outside_of_a_runtime_the_os_thread_waits() {
        let (near, far) = tokio::io::duplex(16);
        let (mut near, mut far) = (Foreign::tokio(near), Foreign::tokio(far));
        let writer = std::thread::spawn(move || far.write_all(&[7; 1000]));
        let mut received = Vec::new();
        near.read_to_end(&mut received).unwrap();
        assert_eq!(received, [7; 1000]);
        writer.join().unwrap().unwrap();
    }

    #[fibra::test]
    fn a_wait_for_a_foreign_stream_is_cancelled_as_any_other() {
        let (near, _far) = tokio::io::duplex(16);
        let (begun, has_begun) = mpsc::channel();
        let reader = thread::spawn(move || {
            begun.send(()).expect("the test waits");
            Foreign::tokio(near).read(&mut [0; 8])
        });
        has_begun.recv().unwrap();
        reader.cancel();
        let error = reader.join().unwrap().unwrap_err();
        assert!(Cancelled::caused(&error), "{error}");

        let (near, mut far) = tokio::io::duplex(16);
        let mut near = Foreign::tokio(near);
        let late = time::timeout(Duration::from_millis(1), || near.read(&mut [0; 8]));
        assert_eq!(late.unwrap().unwrap_err().kind(), ErrorKind::TimedOut);
        // Nothing is lost by it.
        fibra::wait(tokio::io::AsyncWriteExt::write_all(&mut far, b"late")).unwrap();
        let mut received = [0; 4];
        near.read_exact(&mut received).unwrap();
        assert_eq!(&received, b"late");
    }

    #[fibra::test]
    fn shutdown_sends_what_is_buffered() {
        let (near, mut far) = tokio::io::duplex(1024);
        let mut near = Foreign::tokio(tokio::io::BufStream::new(near));
        near.write_all(b"buffered").unwrap();
        near.shutdown().unwrap();
        let mut text = String::new();
        fibra::wait(tokio::io::AsyncReadExt::read_to_string(&mut far, &mut text)).unwrap();
        assert_eq!(text, "buffered");
    }

    #[test]
    #[should_panic(expected = "another buffer than it was given")]
    fn a_stream_that_swaps_buffers_makes_no_memory_count_as_initialised() {
        _ = Foreign::tokio(Swaps).read(&mut [0; 8]);
    }
}
