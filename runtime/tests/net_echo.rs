//! Bytes come back as they went out: in direct style, for futures, on OS threads, and in every mixture of them.

use fibra::{
    future,
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};
use std::io::{self, Read, Write};

/// Small, around a buffer's size, and larger than a socket's buffers.
const SIZES: [usize; 6] = [1, 100, 4095, 4097, 70_000, 1_500_000];

/// Bytes that depend on the connection and on their place.
fn pattern(seed: usize) -> Vec<u8> {
    let mut state = (seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_ne_bytes()
    };
    let len = SIZES[seed % SIZES.len()];
    (0..len.div_ceil(8)).flat_map(|_| next()).take(len).collect()
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            read => stream.write_all(&buffer[..read])?,
        }
    }
}

async fn echo_async(stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 4096];
    loop {
        let (read, mut filled) = stream.read_async(buffer).await;
        filled.truncate(read?);
        if filled.is_empty() {
            return Ok(());
        }
        let (written, mut sent) = stream.write_all_async(filled).await;
        written?;
        sent.resize(4096, 0);
        buffer = sent;
    }
}

/// Sends and receives at once, since an echo that is not read from stops reading.
fn converse(address: SocketAddr, seed: usize) {
    let stream = TcpStream::connect(address).expect("somebody listens");
    let sent = pattern(seed);
    let mut received = vec![0; sent.len()];
    thread::scope(|scope| {
        scope.spawn(|| (&stream).write_all(&sent).expect("the echo reads"));
        (&stream).read_exact(&mut received).expect("the echo writes");
    });
    assert!(sent == received, "{} bytes came back changed", sent.len());
}

async fn converse_async(address: SocketAddr, seed: usize) {
    let stream = TcpStream::connect_async(address).await.expect("somebody listens");
    let sent = pattern(seed);
    let writing = future::spawn(stream.write_all_async(sent.clone()));
    let (read, received) = stream.read_exact_async(vec![0; sent.len()]).await;
    read.expect("the echo writes");
    writing.await.expect("no panic").0.expect("the echo reads");
    assert!(sent == received, "{} bytes came back changed", sent.len());
}

/// An echo for ever, by green threads.
fn echo_in_threads() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("it is bound");
    drop(thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream?;
            drop(thread::spawn(|| echo(stream)));
        }
        io::Result::Ok(())
    }));
    address
}

/// An echo for ever, by futures.
fn echo_in_futures() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("it is bound");
    drop(future::spawn(async move {
        loop {
            let (stream, _) = listener.accept_async().await?;
            drop(future::spawn(echo_async(stream)));
        }
        #[expect(unreachable_code, reason = "it says what `?` returns")]
        io::Result::Ok(())
    }));
    address
}

#[fibra::test]
fn green_threads_get_their_bytes_back() {
    let address = echo_in_threads();
    let clients: Vec<_> = (0..60).map(|seed| thread::spawn(move || converse(address, seed))).collect();
    clients.into_iter().for_each(|client| client.join().expect("no panic"));
}

#[fibra::test]
async fn futures_get_their_bytes_back() {
    let address = echo_in_futures();
    let clients: Vec<_> = (0..60).map(|seed| future::spawn(converse_async(address, seed))).collect();
    for client in clients {
        client.await.expect("no panic");
    }
}

#[fibra::test]
fn a_future_may_call_the_direct_form() {
    let address = echo_in_futures();
    let clients: Vec<_> = (0..24).map(|seed| future::spawn(async move { converse(address, seed) })).collect();
    for client in clients {
        fibra::wait(client).expect("no panic");
    }
}

#[fibra::test]
fn os_threads_use_the_same_types() {
    let address = echo_in_threads();
    let clients: Vec<_> = (0..12).map(|seed| std::thread::spawn(move || converse(address, seed))).collect();
    let waiting: Vec<_> = (0..12)
        .map(|seed| std::thread::spawn(move || fibra::block_on(converse_async(address, seed))))
        .collect();
    for client in clients.into_iter().chain(waiting) {
        fibra::unblock(|| client.join()).expect("no panic");
    }
}

#[test]
fn no_runtime_is_needed_on_os_threads() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || echo(listener.accept()?.0));
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"hello").unwrap();
    let mut answer = [0; 5];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"hello");
    drop(client);
    server.join().unwrap().unwrap();
}

#[fibra::test]
fn one_connection_carries_both_directions_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (there, _) = listener.accept().unwrap();
    let (up, down) = (pattern(5), pattern(11));
    thread::scope(|scope| {
        for (stream, out, back) in [(&here, &up, &down), (&there, &down, &up)] {
            scope.spawn(move || { stream }.write_all(out).expect("the other side reads"));
            scope.spawn(move || {
                let mut received = vec![0; back.len()];
                { stream }.read_exact(&mut received).expect("the other side writes");
                assert!(received == *back);
            });
        }
    });
}
