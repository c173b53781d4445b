//! What is received ahead of its reader is neither lost nor reordered, whatever becomes of the connection.

#[cfg(unix)]
#[path = "support/system_of_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "support/system_of_windows.rs"]
mod system;

use fibra::{
    hyper::ReadAhead,
    net::{Shutdown, TcpListener, TcpStream},
    thread, time,
};
use hyper::rt::{Read as _, ReadBuf};
use std::{
    future::poll_fn,
    io::{self, ErrorKind, Read, Write},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

fn pair() -> (ReadAhead, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let peer = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    peer.set_nodelay(true).expect("it is TCP");
    let (stream, _) = listener.accept().expect("there is one");
    (ReadAhead::new(stream), peer)
}

fn poll_read(stream: &mut ReadAhead, context: &mut Context<'_>, room: usize) -> Poll<io::Result<Vec<u8>>> {
    let mut memory = vec![0; room];
    let mut buffer = ReadBuf::new(&mut memory);
    let result = Pin::new(stream).poll_read(context, buffer.unfilled());
    result.map_ok(|()| buffer.filled().to_vec())
}

async fn read(stream: &mut ReadAhead, room: usize) -> io::Result<Vec<u8>> {
    poll_fn(|context| poll_read(stream, context, room)).await
}

/// One poll, after which the stream receives ahead if there was nothing.
async fn poll_once(stream: &mut ReadAhead, room: usize) -> Option<Vec<u8>> {
    poll_fn(|context| match poll_read(stream, context, room) {
        Poll::Ready(read) => Poll::Ready(Some(read.expect("it is connected"))),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|place| (place / 251) as u8 ^ place as u8).collect()
}

#[fibra::test]
async fn bytes_come_in_order_whatever_the_room_and_the_pieces() {
    let (mut stream, peer) = pair();
    let sent = bytes(300_000);
    let (sending, pieces) = (sent.clone(), [1, 700, 3, 2048, 2047, 2049, 9000]);
    let sender = thread::spawn(move || {
        let mut rest = &sending[..];
        for (round, piece) in pieces.into_iter().cycle().enumerate() {
            let (now, later) = rest.split_at(piece.min(rest.len()));
            (&peer).write_all(now).unwrap();
            rest = later;
            if rest.is_empty() {
                return peer.shutdown(Shutdown::Write).unwrap();
            }
            if round % 3 == 0 {
                thread::yield_now();
            }
        }
    });
    let mut received = Vec::new();
    for room in [5, 8192, 64, 2048, 1].into_iter().cycle() {
        let part = read(&mut stream, room).await.unwrap();
        if part.is_empty() {
            break;
        }
        received.extend(part);
    }
    assert!(received == sent);
    assert!(read(&mut stream, 8).await.unwrap().is_empty(), "the end stays the end");
    sender.join().unwrap();
}

#[fibra::test]
async fn what_has_come_ahead_is_read_in_parts_of_any_size() {
    let (mut stream, mut peer) = pair();
    for len in [1, 2, 7, 100, 2047, 2048, 2049, 5000] {
        assert_eq!(poll_once(&mut stream, 8).await, None);
        peer.write_all(&bytes(len)).unwrap();
        let mut received = Vec::new();
        for room in [1, 3, 2, 900, 1, 5000].into_iter().cycle() {
            received.extend(read(&mut stream, room).await.unwrap());
            if received.len() >= len {
                break;
            }
        }
        assert!(received == bytes(len), "{len}");
    }
}

#[fibra::test]
async fn the_end_comes_after_the_bytes() {
    let (mut stream, mut peer) = pair();
    assert_eq!(poll_once(&mut stream, 8).await, None);
    peer.write_all(b"the last").unwrap();
    drop(peer);
    time::sleep(Duration::from_millis(5)).await;
    assert_eq!(read(&mut stream, 4).await.unwrap(), b"the ");
    assert_eq!(read(&mut stream, 9).await.unwrap(), b"last");
    assert_eq!(read(&mut stream, 9).await.unwrap(), b"");
}

#[fibra::test]
async fn a_reset_comes_after_the_bytes() {
    if system::is_wine() {
        println!("Wine takes it for the end of the stream, in blocking calls as well");
        return;
    }
    let (mut stream, mut peer) = pair();
    assert_eq!(poll_once(&mut stream, 8).await, None);
    peer.write_all(b"once").unwrap();
    assert_eq!(read(&mut stream, 8).await.unwrap(), b"once");
    assert_eq!(poll_once(&mut stream, 8).await, None);
    socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
    let error = read(&mut stream, 8).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// Takes the stream back at every stage that receiving ahead can be in.
#[fibra::test]
async fn a_stream_that_is_taken_back_goes_on_where_the_last_read_ended() {
    for stage in 0..60 {
        let (mut stream, mut peer) = pair();
        let mut before = Vec::new();
        if stage % 2 == 0 {
            assert_eq!(poll_once(&mut stream, 8).await, None);
        }
        peer.write_all(b"hello, ").unwrap();
        for _ in 0..stage % 5 {
            fibra::future::yield_now().await;
        }
        if stage % 3 == 0 {
            before = read(&mut stream, 3).await.unwrap();
        }
        if stage % 4 == 0 {
            before.extend(poll_once(&mut stream, 2).await.unwrap_or_default());
        }
        peer.write_all(b"world").unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        let (mut stream, unread) = stream.into_parts().await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert_eq!([before, unread, rest].concat(), b"hello, world", "stage {stage}");
    }
}

#[fibra::test(workers = 4)]
async fn a_stream_may_be_taken_back_by_another_worker_and_the_taking_be_dropped() {
    for round in 0..200 {
        let (mut stream, mut peer) = pair();
        let begun = fibra::future::spawn(async move {
            assert_eq!(poll_once(&mut stream, 8).await, None);
            stream
        });
        let stream = begun.await.unwrap();
        let taking = fibra::future::spawn(stream.into_parts());
        if round % 2 == 0 {
            taking.cancel();
            drop(taking.await);
            let mut nothing = [0];
            assert!(matches!(peer.read(&mut nothing), Ok(0)), "the connection is closed");
        } else {
            let (mut stream, unread) = taking.await.unwrap().unwrap();
            assert!(unread.is_empty());
            peer.write_all(b"!").unwrap();
            let mut received = [0];
            stream.read_exact(&mut received).unwrap();
            assert_eq!(&received, b"!");
        }
    }
}

/// The worker that the operation belongs to is busy, so that it hears of the stop when the taking has been dropped.
#[fibra::test(workers = 2)]
async fn a_taking_back_that_is_dropped_half_way_asks_for_a_stop_once() {
    for _ in 0..30 {
        let (mut stream, mut peer) = pair();
        let (send, receive) = fibra::sync::oneshot::channel();
        let begun = fibra::future::spawn(async move {
            assert_eq!(poll_once(&mut stream, 8).await, None);
            assert!(send.send(stream).is_ok(), "it is waited for");
            std::thread::sleep(Duration::from_millis(3));
        });
        let dropped = fibra::future::spawn(async move {
            let stream: ReadAhead = receive.await.unwrap();
            let mut taking = Box::pin(stream.into_parts());
            let result = poll_fn(|context| Poll::Ready(taking.as_mut().poll(context))).await;
            drop(result);
        });
        dropped.await.unwrap();
        begun.await.unwrap();
        let mut nothing = [0];
        assert!(matches!(peer.read(&mut nothing), Ok(0)), "the connection is closed");
    }
}

#[fibra::test]
async fn a_dropped_stream_closes_its_connection_though_it_was_receiving() {
    for round in 0..100 {
        let (mut stream, mut peer) = pair();
        assert_eq!(poll_once(&mut stream, 8).await, None);
        if round % 2 == 0 {
            peer.write_all(b"too late").unwrap();
        }
        drop(stream);
        let mut received = Vec::new();
        match peer.read_to_end(&mut received) {
            Ok(_) => assert!(received.is_empty()),
            // What nobody has read makes a close a reset.
            Err(error) => assert_eq!((error.kind(), round % 2), (ErrorKind::ConnectionReset, 0)),
        }
    }
}

#[test]
fn on_a_thread_without_a_driver_it_is_polled_as_any_stream() {
    fibra::block_on(async {
        let (mut stream, mut peer) = pair();
        assert_eq!(poll_once(&mut stream, 8).await, None);
        peer.write_all(b"here").unwrap();
        assert_eq!(read(&mut stream, 8).await.unwrap(), b"here");
        drop(peer);
        assert_eq!(read(&mut stream, 8).await.unwrap(), b"");
    });
}
