//! 10,000 connections at once, each served by a green thread in code that could have been written for `std`.
//!
//! ```text
//! cargo run --release --example echo_threads [CONNECTIONS]
//! ```
//!
//! The clients, a green thread each as well, are a child process. All of them are connected before the first one speaks,
//! and each compares what it gets back with what it said. `echo_async` is the same with futures.

mod crowd;

use crowd::{Part, ROUNDS};
use fibra::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Condvar, Mutex},
    thread,
};
use std::{
    io::{self, Read, Write},
    process::ExitCode,
    time::Instant,
};

#[fibra::main]
fn main() -> ExitCode {
    let done = match crowd::part() {
        Ok(Part::Server { connections }) => serve(connections),
        Ok(Part::Clients { connections, address }) => be_clients(connections, address),
        Err(problem) => Err(io::Error::other(problem)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo_threads: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(connections: usize) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let start = Instant::now();
    let mut clients = crowd::start_clients(connections, listener.local_addr()?)?;

    let mut threads = Vec::with_capacity(connections);
    for stream in listener.incoming().take(connections) {
        let stream = stream?;
        threads.push(thread::spawn(move || echo(stream)));
    }
    let mut bytes = 0;
    for thread in threads {
        bytes += thread.join().expect("echo doesn't panic")?;
    }

    let status = fibra::unblock(|| clients.wait())?;
    if !status.success() {
        return Err(io::Error::other("the clients were not content"));
    }
    println!(
        "{connections} green threads echoed {bytes} bytes over {connections} connections, all open at once, in {:.1?}",
        start.elapsed()
    );
    Ok(())
}

/// Sends back what comes, until the client has said all. Returns how many bytes.
fn echo(mut stream: TcpStream) -> io::Result<usize> {
    let mut buffer = [0; 2048];
    let mut bytes = 0;
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(bytes);
        }
        stream.write_all(&buffer[..length])?;
        bytes += length;
    }
}

fn be_clients(connections: usize, address: SocketAddr) -> io::Result<()> {
    let (connected, finished) = (Gate::new(connections), Gate::new(connections));
    let be_client = |client| {
        let stream = TcpStream::connect(address);
        // Whether it is connected or not: the others wait for it.
        connected.pass();
        let outcome = stream.and_then(|stream| converse(client, stream));
        // A stream that has said all stays open until here.
        finished.pass();
        outcome.map(drop)
    };
    thread::scope(|scope| {
        let spawn = |client| scope.spawn(move || be_client(client));
        let clients: Vec<_> = (0..connections).map(spawn).collect();
        clients.into_iter().try_for_each(|client| client.join().expect("a client doesn't panic"))
    })
}

fn converse(client: usize, mut stream: TcpStream) -> io::Result<TcpStream> {
    for round in 0..ROUNDS {
        let message = crowd::message(client, round);
        stream.write_all(&message)?;
        let mut answer = vec![0; message.len()];
        stream.read_exact(&mut answer)?;
        if answer != message {
            return Err(io::Error::other(format!("client {client} got other bytes back than it had sent")));
        }
    }
    Ok(stream)
}

/// Opens when all have come.
struct Gate {
    missing: Mutex<usize>,
    opened: Condvar,
}

impl Gate {
    fn new(missing: usize) -> Self {
        Self { missing: Mutex::new(missing), opened: Condvar::new() }
    }

    fn pass(&self) {
        let mut missing = self.missing.lock().expect("nobody panics in here");
        *missing -= 1;
        if *missing == 0 {
            self.opened.notify_all();
        }
        drop(self.opened.wait_while(missing, |missing| *missing > 0));
    }
}
