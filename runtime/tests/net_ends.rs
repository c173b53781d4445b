//! A connection ends as it does with std: one direction at a time, all at once, or broken.

#[cfg(unix)]
#[path = "support/system_of_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "support/system_of_windows.rs"]
mod system;

use fibra::{
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};
use std::{
    io::{ErrorKind, Read, Write},
    time::Duration,
};

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    (client, listener.accept().expect("there is one").0)
}

#[fibra::test]
fn half_a_connection_can_be_closed() {
    let (mut client, mut server) = pair();
    client.write_all(b"question").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut question = String::new();
    server.read_to_string(&mut question).unwrap();
    server.write_all(b"answer").unwrap();
    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!((&*question, &*answer), ("question", "answer"));
}

#[fibra::test]
fn the_end_is_zero_bytes_again_and_again() {
    let (mut client, server) = pair();
    drop(server);
    for _ in 0..3 {
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
    }
    assert_eq!(client.peek(&mut [0; 8]).unwrap(), 0);
    assert_eq!(client.read_exact(&mut [0; 8]).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    let (read, _) = fibra::wait(client.read_async(vec![0; 8]));
    assert_eq!(read.unwrap(), 0);
    let (read, buffer) = fibra::wait(client.read_exact_async(vec![7; 8]));
    assert_eq!((read.unwrap_err().kind(), buffer), (ErrorKind::UnexpectedEof, vec![7; 8]));
}

#[fibra::test]
fn shutdown_wakes_who_reads_a_clone() {
    let (client, _server) = pair();
    let mut clone = client.try_clone().unwrap();
    let reader = thread::spawn(move || clone.read(&mut [0; 8]));
    thread::sleep(Duration::from_millis(2));
    client.shutdown(Shutdown::Both).unwrap();
    assert_eq!(reader.join().unwrap().unwrap(), 0);
}

#[fibra::test]
fn shutdown_wakes_an_os_thread_that_reads() {
    let (client, _server) = pair();
    let mut clone = client.try_clone().unwrap();
    let reader = std::thread::spawn(move || clone.read(&mut [0; 8]));
    thread::sleep(Duration::from_millis(2));
    client.shutdown(Shutdown::Read).unwrap();
    assert_eq!(reader.join().unwrap().unwrap(), 0);
}

#[fibra::test]
fn shutdown_wakes_a_future_that_reads() {
    let (client, _server) = pair();
    let reader = fibra::future::spawn(client.read_async(vec![0; 8]));
    thread::sleep(Duration::from_millis(2));
    client.shutdown(Shutdown::Read).unwrap();
    assert_eq!(fibra::wait(reader).unwrap().0.unwrap(), 0);
}

#[fibra::test]
fn a_connection_that_is_broken_off_before_the_read_is_an_error() {
    if system::is_wine() {
        println!("Wine takes it for the end of the stream, in blocking calls as well");
        return;
    }
    let (mut client, server) = pair();
    server.set_linger(Some(Duration::ZERO)).unwrap();
    drop(server);
    assert_eq!(client.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[fibra::test]
fn a_connection_that_is_broken_off_is_an_error() {
    let (client, server) = pair();
    let reader = fibra::future::spawn(client.read_async(vec![0; 8]));
    thread::sleep(Duration::from_millis(2));
    server.set_linger(Some(Duration::ZERO)).unwrap();
    drop(server);
    assert_eq!(fibra::wait(reader).unwrap().0.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

/// What a write says of a connection that is known to be broken. Windows goes on to say how it broke.
fn is_gone(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::BrokenPipe => true,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => system::SAYS_HOW_IT_BROKE,
        _ => false,
    }
}

#[fibra::test]
fn writing_into_a_closed_connection_is_an_error_and_no_signal() {
    let (mut client, server) = pair();
    drop(server);
    let error = loop {
        if let Err(error) = client.write_all(&[0; 4096]) {
            break error;
        }
    };
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset) || is_gone(error.kind()), "{error}");
    assert!(is_gone(client.write(&[0]).unwrap_err().kind()));
    let (written, buffer) = fibra::wait(client.write_async(vec![1, 2, 3]));
    assert!(is_gone(written.unwrap_err().kind()) && buffer == [1, 2, 3]);
    let (written, _) = fibra::wait(client.write_vectored_async(vec![vec![1], vec![2]]));
    assert!(is_gone(written.unwrap_err().kind()));
}

#[fibra::test]
fn writing_after_a_shutdown_of_ones_own_is_a_broken_pipe() {
    for how in [Shutdown::Write, Shutdown::Both] {
        let (mut client, _server) = pair();
        client.shutdown(how).unwrap();
        assert_eq!(client.write(&[0]).unwrap_err().kind(), ErrorKind::BrokenPipe);
        let (written, _) = fibra::wait(client.write_vectored_async(vec![vec![1], vec![2]]));
        assert_eq!(written.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}

/// More than fits between them, so that a write ends in the middle, more than once.
fn plenty() -> Vec<u8> {
    (0..16 << 20_u32).map(|place: u32| (place / 65_521) as u8 ^ place as u8).collect()
}

#[fibra::test]
fn what_was_sent_before_the_end_is_received() {
    let (mut client, server) = pair();
    let sent = plenty();
    let writing = fibra::future::spawn(server.write_all_async(sent.clone()));
    drop(server);
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    assert!(received == sent);
    fibra::wait(writing).unwrap().0.unwrap();

    let (client, mut server) = pair();
    let writing = thread::spawn(move || server.write_all(&plenty()));
    let (read, received) = fibra::wait(client.read_exact_async(vec![0; sent.len()]));
    read.unwrap();
    assert!(received == sent);
    writing.join().unwrap().unwrap();
    let (read, _) = fibra::wait(client.read_async(vec![0; 1]));
    assert_eq!(read.unwrap(), 0);
}

#[fibra::test]
async fn all_of_a_buffer_is_written_however_little_goes_at_a_time_and_nothing_of_an_empty_one() {
    const LEN: usize = 8 << 20;
    let (client, mut server) = pair();
    let reading = thread::spawn(move || {
        let mut received = Vec::new();
        server.read_to_end(&mut received).map(|_| received)
    });
    let (written, bytes) = client.write_all_async(Vec::new()).await;
    assert!(written.is_ok() && bytes.is_empty());
    let pattern: Vec<_> = (0..LEN).map(|place| (place / 4096 + place) as u8).collect();
    let (written, bytes) = client.write_all_async(pattern).await;
    written.unwrap();
    drop(client);
    assert!(reading.await.unwrap().unwrap() == bytes);
}

#[fibra::test]
async fn writing_all_to_a_peer_that_is_gone_gives_the_buffer_back_with_the_error() {
    if system::is_wine() {
        println!("Wine never ends a send that waits for room when the connection breaks");
        return;
    }
    let (client, server) = pair();
    drop(server);
    loop {
        let (written, bytes) = client.write_all_async(vec![7; 1 << 20]).await;
        assert_eq!(bytes.len(), 1 << 20);
        if let Err(error) = written {
            assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
            break;
        }
    }
}
