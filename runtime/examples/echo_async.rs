//! 10,000 connections at once, each served by a future.
//!
//! ```text
//! cargo run --release --example echo_async [CONNECTIONS]
//! ```
//!
//! The clients, a future each as well, are a child process. All of them are connected before the first one speaks, and
//! each compares what it gets back with what it said. `echo_threads` is the same with green threads.

mod crowd;

use crowd::{Part, ROUNDS};
use fibra::{
    future::{self, JoinHandle},
    io::Buffer,
    net::{SocketAddr, TcpListener, TcpStream},
};
use std::{io, process::ExitCode, time::Instant};

#[fibra::main]
async fn main() -> ExitCode {
    let done = match crowd::part() {
        Ok(Part::Server { connections }) => serve(connections).await,
        Ok(Part::Clients { connections, address }) => be_clients(connections, address).await,
        Err(problem) => Err(io::Error::other(problem)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo_async: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(connections: usize) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let start = Instant::now();
    let mut clients = crowd::start_clients(connections, listener.local_addr()?)?;

    let mut tasks = Vec::with_capacity(connections);
    for _ in 0..connections {
        let (stream, _) = listener.accept_async().await?;
        tasks.push(future::spawn(echo(stream)));
    }
    let bytes: usize = all(tasks).await?.into_iter().sum();

    // A future may call what waits in direct style, too.
    let status = fibra::unblock(|| clients.wait())?;
    if !status.success() {
        return Err(io::Error::other("the clients were not content"));
    }
    println!(
        "{connections} futures echoed {bytes} bytes over {connections} connections, all open at once, in {:.1?}",
        start.elapsed()
    );
    Ok(())
}

/// Sends back what comes, until the client has said all. Returns how many bytes.
///
/// The buffer belongs to the operation while that is under way, and comes back with its result.
async fn echo(stream: TcpStream) -> io::Result<usize> {
    let mut buffer = vec![0; 2048];
    let mut bytes = 0;
    loop {
        let (length, filled) = stream.read_async(buffer).await;
        let length = match length? {
            0 => return Ok(bytes),
            length => length,
        };
        bytes += length;
        let (written, part) = stream.write_all_async(filled.slice(..length)).await;
        written?;
        buffer = part.into_inner();
    }
}

async fn be_clients(connections: usize, address: SocketAddr) -> io::Result<()> {
    let connecting = (0..connections).map(|_| future::spawn(TcpStream::connect_async(address))).collect();
    // All are connected from here on, until the last one has said all.
    let streams = all(connecting).await?;
    let talking =
        streams.into_iter().enumerate().map(|(client, stream)| future::spawn(converse(client, stream)));
    all(talking.collect()).await.map(drop)
}

/// Returns the stream, so that it stays open.
async fn converse(client: usize, stream: TcpStream) -> io::Result<TcpStream> {
    for round in 0..ROUNDS {
        let (written, message) = stream.write_all_async(crowd::message(client, round)).await;
        written?;
        let (read, answer) = stream.read_exact_async(vec![0; message.len()]).await;
        read?;
        if answer != message {
            return Err(io::Error::other(format!("client {client} got other bytes back than it had sent")));
        }
    }
    Ok(stream)
}

/// Waits for all of them; the first error ends it.
async fn all<T>(tasks: Vec<JoinHandle<io::Result<T>>>) -> io::Result<Vec<T>> {
    let mut outputs = Vec::with_capacity(tasks.len());
    for task in tasks {
        outputs.push(task.await.map_err(io::Error::other)??);
    }
    Ok(outputs)
}
