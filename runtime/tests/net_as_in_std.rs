//! `fibra::net` keeps the promises of `std::net`.

use fibra::{
    net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    thread,
};
use std::{
    io::{ErrorKind, IoSlice, IoSliceMut, Read, Write},
    time::Duration,
};

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    (client, listener.accept().expect("there is one").0)
}

#[fibra::test]
fn peeked_bytes_stay() {
    let (mut client, server) = pair();
    (&server).write_all(b"hello").unwrap();
    let mut bytes = [0; 16];
    for _ in 0..2 {
        assert_eq!(client.peek(&mut bytes).unwrap(), 5);
    }
    assert_eq!(client.peek(&mut bytes[..2]).unwrap(), 2);
    let (peeked, buffer) = fibra::wait(client.peek_async(vec![0; 16]));
    assert_eq!(&buffer[..peeked.unwrap()], b"hello");
    assert_eq!(client.read(&mut bytes).unwrap(), 5);
    assert_eq!(&bytes[..5], b"hello");
    client.set_nonblocking(true).unwrap();
    assert_eq!(client.peek(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[fibra::test]
fn clones_are_the_same_connection() {
    let (client, server) = pair();
    let mut writers = Vec::new();
    for round in 0..16_u8 {
        let mut clone = client.try_clone().unwrap();
        writers.push(thread::spawn(move || clone.write_all(&[round; 64]).unwrap()));
    }
    drop(client);
    for writer in writers {
        writer.join().unwrap();
    }
    let mut received = Vec::new();
    (&server).read_to_end(&mut received).unwrap();
    let mut counts = [0; 16];
    received.iter().for_each(|round| counts[usize::from(*round)] += 1);
    assert_eq!(counts, [64; 16]);
}

#[fibra::test]
fn several_buffers_are_one_stream() {
    let (mut client, mut server) = pair();
    let slices = [IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"three")];
    assert_eq!(client.write_vectored(&slices).unwrap(), 8);
    let (mut first, mut second, mut third) = ([0; 2], [0; 4], [0; 8]);
    let mut slices = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second), IoSliceMut::new(&mut third)];
    assert_eq!(server.read_vectored(&mut slices).unwrap(), 8);
    assert_eq!((&first, &second, &third[..2]), (b"on", b"ethr", &b"ee"[..]));

    let (written, buffers) = fibra::wait(client.write_vectored_async(vec!["one", "", "three"]));
    assert_eq!((written.unwrap(), buffers.len()), (8, 3));
    let (read, buffers) = fibra::wait(server.read_vectored_async(vec![vec![0; 2], vec![0; 4], vec![0; 8]]));
    assert_eq!(read.unwrap(), 8);
    assert_eq!(buffers.concat()[..8], *b"onethree");
}

#[fibra::test]
fn more_slices_than_the_kernel_takes_are_a_short_write() {
    let (mut client, mut server) = pair();
    let slices = vec![IoSlice::new(b"x"); 5000];
    let written = client.write_vectored(&slices).unwrap();
    assert!((1..=5000).contains(&written));
    let mut received = vec![0; written];
    server.read_exact(&mut received).unwrap();
    let (written, _) = fibra::wait(client.write_vectored_async(vec!["y"; 5000]));
    server.read_exact(&mut vec![0; written.unwrap()]).unwrap();
}

#[fibra::test]
fn options_are_kept() {
    let (client, server) = pair();
    assert_eq!(client.local_addr().unwrap(), server.peer_addr().unwrap());
    assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
    for nodelay in [true, false] {
        client.set_nodelay(nodelay).unwrap();
        assert_eq!(client.nodelay().unwrap(), nodelay);
    }
    client.set_ttl(42).unwrap();
    assert_eq!(client.ttl().unwrap(), 42);
    for linger in [Some(Duration::from_secs(3)), None] {
        client.set_linger(linger).unwrap();
        assert_eq!(client.linger().unwrap(), linger);
    }
    assert!(client.take_error().unwrap().is_none());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_ttl(42).unwrap();
    assert_eq!(listener.ttl().unwrap(), 42);
    assert!(listener.take_error().unwrap().is_none());
}

#[fibra::test]
fn both_families_are_spoken() {
    for local in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(local).unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).unwrap();
        let (server, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(server.local_addr().unwrap(), address);
    }
    assert!(TcpListener::bind("127.0.0.1:0").unwrap().only_v6().is_err());
    TcpListener::bind("[::1]:0").unwrap().only_v6().unwrap();
}

#[fibra::test]
fn listeners_give_each_connection_to_one_who_accepts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let accepting: Vec<_> = (0..4)
        .map(|_| {
            let listener = listener.try_clone().unwrap();
            thread::spawn(move || {
                listener.incoming().take(16).map(|stream| stream.unwrap().peer_addr().unwrap()).collect()
            })
        })
        .collect();
    let clients: Vec<_> = (0..64).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut accepted: Vec<SocketAddr> =
        accepting.into_iter().flat_map(|thread| -> Vec<_> { thread.join().unwrap() }).collect();
    let mut connected: Vec<_> = clients.iter().map(|client| client.local_addr().unwrap()).collect();
    accepted.sort();
    connected.sort();
    assert_eq!(accepted, connected);
}

/// What is generic over std's traits of streams takes ours.
#[fibra::test]
fn crates_that_are_generic_over_streams_need_not_know() {
    fn exchange(mut stream: impl Read + Write, message: &str) -> String {
        writeln!(stream, "{message}").expect("it is connected");
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stream), &mut line)
            .expect("it is connected");
        line
    }
    let (client, server) = pair();
    let there = thread::spawn(move || exchange(server, "from there"));
    assert_eq!(exchange(&client, "from here"), "from there\n");
    assert_eq!(there.join().unwrap(), "from here\n");
}

const fn of_a_handle<T: Send + Sync + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
const fn send<T: Send>(_: &T) {}

#[test]
fn handles_go_anywhere_and_futures_to_any_worker() {
    of_a_handle::<TcpListener>();
    of_a_handle::<TcpStream>();
    of_a_handle::<fibra::net::Incoming<'static>>();
    of_a_handle::<fibra::net::IntoIncoming>();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    send(&TcpListener::bind_async("127.0.0.1:0"));
    send(&TcpStream::connect_async("127.0.0.1:0"));
    send(&listener.accept_async());
    send(&stream.read_async(vec![0]));
    send(&stream.read_exact_async(vec![0]));
    send(&stream.read_vectored_async(vec![vec![0]]));
    send(&stream.write_async(vec![0]));
    send(&stream.write_all_async(vec![0]));
    send(&stream.write_vectored_async(vec![vec![0]]));
    send(&"localhost:80".to_socket_addrs_async());
}
