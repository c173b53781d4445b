//! Named pipes of Windows.
#![cfg(windows)]

use fibra::{
    cancel::Cancelled,
    future,
    net::named_pipe::{PipeListener, PipeStream},
    thread, time,
};
use std::{
    io::{ErrorKind, Read, Write},
    os::windows::io::{AsRawHandle, OwnedHandle},
    panic::{RefUnwindSafe, UnwindSafe},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

#[path = "support/system_of_windows.rs"]
mod system;

/// A name that nobody else has.
fn name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!(r"\\.\pipe\fibra-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn listen() -> (PipeListener, String) {
    let name = name();
    (PipeListener::bind(&name).expect("the name is free"), name)
}

fn pair() -> (PipeStream, PipeStream) {
    let (listener, name) = listen();
    let client = PipeStream::connect(name).expect("somebody listens");
    (client, listener.accept().expect("there is one"))
}

/// Sends back what comes, until the end.
fn echo(mut stream: PipeStream) -> std::io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            read => stream.write_all(&buffer[..read])?,
        }
    }
}

#[fibra::test]
fn many_clients_are_served_at_once() {
    const CLIENTS: u32 = 100;
    let (listener, name) = listen();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..CLIENTS {
                let stream = listener.accept().unwrap();
                thread::spawn(|| echo(stream).unwrap());
            }
        });
        for number in 0..CLIENTS {
            let name = &name;
            scope.spawn(move || {
                let mut client = PipeStream::connect(name).unwrap();
                for round in 0..10 {
                    let sent = [number, round].map(u32::to_le_bytes).concat();
                    client.write_all(&sent).unwrap();
                    let mut came = [0; 8];
                    client.read_exact(&mut came).unwrap();
                    assert_eq!(came, sent[..]);
                }
            });
        }
    });
}

#[fibra::test]
fn futures_speak_to_green_threads() {
    let (listener, name) = listen();
    let server = thread::spawn(move || echo(listener.accept().unwrap()).unwrap());
    fibra::wait(async {
        let client = PipeStream::connect_async(name).await.unwrap();
        client.write_all_async("ping").await.0.unwrap();
        let (read, buffer) = client.read_exact_async(vec![0; 4]).await;
        read.unwrap();
        assert_eq!(buffer, b"ping");
    });
    server.join().unwrap();
}

#[fibra::test]
fn both_directions_are_used_at_once() {
    const LENGTH: usize = 1 << 20;
    let (here, there) = pair();
    let sends = |stream: &PipeStream, byte| {
        let mut stream = stream;
        stream.write_all(&vec![byte; LENGTH]).unwrap();
    };
    let receives = |stream: &PipeStream, byte| {
        let (mut stream, mut bytes) = (stream, vec![0; LENGTH]);
        stream.read_exact(&mut bytes).unwrap();
        assert!(bytes.iter().all(|&each| each == byte));
    };
    thread::scope(|scope| {
        scope.spawn(|| sends(&here, 1));
        scope.spawn(|| sends(&there, 2));
        scope.spawn(|| receives(&there, 1));
        scope.spawn(|| receives(&here, 2));
    });
}

#[fibra::test]
fn several_accept_by_turns_and_a_cancel_loses_no_client() {
    let (listener, name) = listen();
    let accept = || {
        let listener = listener.try_clone().unwrap();
        thread::spawn(move || listener.accept())
    };
    let acceptors: Vec<_> = (0..4).map(|_| accept()).collect();
    thread::sleep(Duration::from_millis(20));
    let [first, second, third, fourth] = <[_; 4]>::try_from(acceptors).unwrap();
    // One that waits for its turn, and then perhaps the one that waits for the client.
    for cancelled in [third, first] {
        cancelled.cancel();
        assert!(Cancelled::caused(&cancelled.join().unwrap().unwrap_err()));
    }
    let dropped = fibra::wait(time::timeout_async(Duration::from_millis(5), listener.accept_async()));
    dropped.unwrap_err();
    let clients = [PipeStream::connect(&name).unwrap(), PipeStream::connect(&name).unwrap()];
    for mut stream in [second, fourth].map(|acceptor| acceptor.join().unwrap().unwrap()) {
        stream.write_all(b"!").unwrap();
    }
    for mut client in clients {
        client.read_exact(&mut [0]).unwrap();
    }
}

#[fibra::test]
fn a_client_waits_while_all_ends_are_taken() {
    let (listener, name) = listen();
    let _first = PipeStream::connect(&name).unwrap();
    let second = thread::spawn({
        let name = name.clone();
        move || PipeStream::connect(name)
    });
    let third = future::spawn(PipeStream::connect_async(name));
    thread::sleep(Duration::from_millis(20));
    assert!(!second.is_finished() && !third.is_finished());
    let _streams: Vec<_> = (0..3).map(|_| listener.accept().unwrap()).collect();
    let _ = second.join().unwrap().unwrap();
    let _ = fibra::wait(third).unwrap().unwrap();
}

#[fibra::test]
fn each_end_sees_when_the_other_one_is_gone() {
    let (client, mut server) = pair();
    (&client).write_all(b"bye").unwrap();
    drop(client);
    let mut rest = String::new();
    server.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "bye");
    assert_eq!(server.write_all(b"?").unwrap_err().kind(), ErrorKind::BrokenPipe);

    let (mut client, mut server) = pair();
    server.write_all(b"hi").unwrap();
    drop(server);
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "hi");
}

#[fibra::test]
fn a_read_can_be_cancelled() {
    let (client, mut server) = pair();
    let reader = thread::spawn({
        let client = client.try_clone().unwrap();
        move || { client }.read(&mut [0; 8])
    });
    thread::sleep(Duration::from_millis(20));
    reader.cancel();
    assert!(Cancelled::caused(&reader.join().unwrap().unwrap_err()));
    server.write_all(b"late").unwrap();
    { client }.read_exact(&mut [0; 4]).unwrap();
}

#[fibra::test]
fn a_name_is_one_servers() {
    let (listener, name) = listen();
    if system::is_wine() {
        println!("Wine lets another server join");
    } else {
        assert_eq!(PipeListener::bind(&name).unwrap_err().kind(), ErrorKind::PermissionDenied);
    }
    assert_eq!(listener.name().to_str(), Some(name.as_str()));
    drop(listener);
    assert_eq!(PipeStream::connect(&name).unwrap_err().kind(), ErrorKind::NotFound);
    drop(PipeListener::bind(&name).unwrap());
    PipeListener::bind(r"C:\no\pipe").unwrap_err();
}

#[test]
fn threads_of_the_system_use_them_too() {
    let (listener, name) = listen();
    let server = std::thread::spawn(move || echo(listener.accept().unwrap()).unwrap());
    let mut client = PipeStream::connect(&name).unwrap();
    client.write_all(b"ping").unwrap();
    client.read_exact(&mut [0; 4]).unwrap();
    drop(client);
    server.join().unwrap();
}

#[fibra::test]
fn a_stream_is_a_handle() {
    let (client, mut server) = pair();
    let number = client.as_raw_handle();
    let client = OwnedHandle::from(client);
    assert_eq!(client.as_raw_handle(), number);
    PipeStream::from(client).write_all(b"!").unwrap();
    server.read_exact(&mut [0]).unwrap();
}

#[test]
fn they_move_between_threads_and_are_shared() {
    fn is_free<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    is_free::<PipeListener>();
    is_free::<PipeStream>();
}
