//! How many operations go into one system call: an echo server with 256 busy connections, and its clients in another
//! process.
//!
//! ```text
//! cargo build --release --example batching
//! strace -f -c -e trace=io_uring_enter target/release/examples/batching serve 127.0.0.1:7007 &
//! target/release/examples/batching clients 127.0.0.1:7007
//! ```
//!
//! The server, on one worker, ends with its clients. It prints the driver's own count of operations and of system calls;
//! `strace -c` counts the same calls from outside.

use fibra::{
    Builder,
    net::{TcpListener, TcpStream},
    thread,
};
use std::{
    env,
    io::{self, Read, Write},
    net::SocketAddr,
};

const MESSAGE: usize = 64;

const CONNECTIONS: usize = 256;
const ROUNDS: usize = 400;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (mode, address) = match &arguments[..] {
        [mode, address] => (mode.as_str(), address.parse::<SocketAddr>().map_err(io::Error::other)?),
        _ => return Err(io::Error::other("usage: batching serve|clients ADDRESS")),
    };
    let runtime = Builder::new().workers(1).build().map_err(io::Error::other)?;
    if mode == "clients" {
        return runtime.run(move || clients(address));
    }
    let before = runtime.metrics().total();
    runtime.run(move || serve(address))?;
    let after = runtime.metrics().total();
    let (operations, enters) = (after.operations - before.operations, after.enters - before.enters);
    println!("{}", runtime.report());
    println!(
        "{operations} operations in {enters} system calls: {:.1} each",
        operations as f64 / enters as f64
    );
    Ok(())
}

/// Serves as many connections as there will be, until they are all closed.
fn serve(address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    let echoes: Vec<_> =
        listener.incoming().take(CONNECTIONS).map(|stream| thread::spawn(|| echo(stream?))).collect();
    echoes.into_iter().try_for_each(|echo| echo.join().expect("an echo does not panic"))
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length])?,
        }
    }
}

/// Every connection sends a message and waits for it to come back, over and over.
fn clients(address: SocketAddr) -> io::Result<()> {
    let streams = (0..CONNECTIONS).map(|_| TcpStream::connect(address)).collect::<io::Result<Vec<_>>>()?;
    let clients: Vec<_> = streams
        .into_iter()
        .enumerate()
        .map(|(n, mut stream)| {
            thread::spawn(move || -> io::Result<()> {
                let (message, mut answer) = ([n as u8; MESSAGE], [0; MESSAGE]);
                for _ in 0..ROUNDS {
                    stream.write_all(&message)?;
                    stream.read_exact(&mut answer)?;
                    assert_eq!(message, answer);
                }
                Ok(())
            })
        })
        .collect();
    clients.into_iter().try_for_each(|client| client.join().expect("a client does not panic"))
}
