//! Bytes come back as they went out: in direct style, for futures, and in every mixture of the two.

use fibra::{
    net::{TcpListener, TcpStream},
    thread,
};
use std::io::{self, Read, Write};

/// Bytes that depend on the connection and the place.
fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buffer = [0; 4096];
    let mut total = 0;
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(total),
            read => stream.write_all(&buffer[..read])?,
        }
        total += 1;
    }
}

async fn echo_async(stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 4096];
    loop {
        let (read, filled) = stream.read_async(buffer).await;
        buffer = filled;
        let read = read?;
        if read == 0 {
            return Ok(());
        }
        buffer.truncate(read);
        let written;
        (written, buffer) = stream.write_all_async(buffer).await;
        written?;
        buffer.resize(4096, 0);
    }
}

/// Sends and receives at once, so that no amount of bytes fills both directions.
fn converse(address: std::net::SocketAddr, seed: u64, len: usize) {
    let stream = TcpStream::connect(address).expect("it listens");
    let sent = pattern(seed, len);
    let mut received = vec![0; len];
    thread::scope(|scope| {
        scope.spawn(|| (&stream).write_all(&sent).expect("the echo reads"));
        (&stream).read_exact(&mut received).expect("the echo writes");
    });
    assert!(sent == received, "connection {seed}: {len} bytes came back changed");
}

async fn converse_async(address: std::net::SocketAddr, seed: u64, len: usize) {
    let stream = TcpStream::connect_async(address).await.expect("it listens");
    let sent = pattern(seed, len);
    let writing = fibra::future::spawn(stream.write_all_async(sent.clone()));
    let (read, received) = stream.read_exact_async(vec![0; len]).await;
    read.expect("the echo writes");
    writing.await.unwrap().0.expect("the echo reads");
    assert!(sent == received, "connection {seed}: {len} bytes came back changed");
}

/// Small, around a page, and larger than any socket buffer.
const SIZES: [usize; 6] = [1, 100, 4095, 4097, 70_000, 3_000_000];

#[fibra::test]
fn green_threads_get_their_bytes_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream?;
            thread::spawn(|| echo(stream));
        }
        io::Result::Ok(())
    });
    let clients: Vec<_> = (0..200)
        .map(|seed| {
            thread::spawn(move || {
                converse(address, seed, SIZES[seed as usize % SIZES.len()] / (1 + seed as usize / 40))
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
}

#[fibra::test]
async fn futures_get_their_bytes_back() {
    let listener = TcpListener::bind_async("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = fibra::future::spawn(async move {
        loop {
            let (stream, _) = listener.accept_async().await.unwrap();
            drop(fibra::future::spawn(echo_async(stream)));
        }
    });
    let clients: Vec<_> = (0..200)
        .map(|seed| {
            fibra::future::spawn(converse_async(
                address,
                seed,
                SIZES[seed as usize % SIZES.len()] / (1 + seed as usize / 40),
            ))
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    accepting.cancel();
}
