//! An echo server on one thread and one driver, kept busy by a process with 256 connections; prints what each request cost
//! in system calls.
//!
//! `cargo run --release -p fibra-driver --example echo [BACKEND]`

use std::io;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::ptr;
use std::time::{Duration, Instant};

use fibra_driver::{BackendKind, Config, Descriptor, Driver, Handle, Op, Submission, Wait};

const CONNECTIONS: usize = 256;
const MESSAGE: usize = 64;
const RUN: Duration = Duration::from_secs(3);

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("client"), Some(address)) => client(&address),
        (None, _) => server(BackendKind::ALL[0]),
        (Some(name), _) => server(name.parse()?),
    }
}

/// One end of a connection: it waits for a message, or for its message to be taken.
struct Connection {
    handle: Handle,
    buffer: Box<[u8; MESSAGE]>,
    receiving: bool,
}

impl Connection {
    fn new(stream: Descriptor) -> Connection {
        Connection { handle: Handle::new(stream), buffer: Box::new([7; MESSAGE]), receiving: false }
    }

    /// What comes next: a receive after a send, and a send after a receive.
    fn next(&mut self) -> Op {
        self.receiving = !self.receiving;
        let fd = self.handle.target();
        let (buffer, len) = (self.buffer.as_mut_ptr(), MESSAGE);
        if self.receiving {
            Op::Recv { fd, buffer, len, flags: 0 }
        } else {
            Op::Send { fd, buffer, len, flags: 0 }
        }
    }
}

/// Sends and receives on all connections in turns, until the time is over or the peer leaves. Returns how many operations
/// there were.
fn exchange(driver: &mut Driver, connections: &mut [Connection], until: Option<Instant>) -> io::Result<u64> {
    let mut operations = 0;
    let mut ready: Vec<usize> = (0..connections.len()).collect();
    let mut completions = Vec::new();
    while until.is_none_or(|until| Instant::now() < until) {
        while let Some(index) = ready.pop() {
            operations += 1;
            // SAFETY: connections and buffers outlive the driver, which is drained when it is dropped.
            match unsafe { driver.submit(&connections[index].next(), index) } {
                Submission::Complete(Ok(1..)) => ready.push(index),
                Submission::Complete(_) => return Ok(operations),
                Submission::Pending(_) => {}
            }
        }
        driver.turn(Wait::Forever, &mut completions)?;
        for completion in completions.drain(..) {
            match completion.result {
                Ok(1..) => ready.push(completion.word),
                Ok(0) | Err(_) => return Ok(operations),
            }
        }
    }
    Ok(operations)
}

fn new_driver(kind: BackendKind) -> io::Result<Driver> {
    let mut config = Config::default();
    config.backend = Some(kind);
    config.environment = false;
    Driver::new(&config)
}

fn server(kind: BackendKind) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let mut client = Command::new(std::env::current_exe()?).args(["client", &address]).spawn()?;
    let listener = Handle::new(listener.into());
    let mut connections = Vec::new();
    let mut driver = new_driver(kind)?;
    let mut completions = Vec::new();
    while connections.len() < CONNECTIONS {
        let accept = Op::Accept { fd: listener.target(), address: ptr::null_mut() };
        // SAFETY: the listener outlives the driver, and there is no address.
        let fd = match unsafe { driver.submit(&accept, 0) } {
            Submission::Complete(result) => result?,
            Submission::Pending(_) => {
                driver.turn(Wait::Forever, &mut completions)?;
                completions.remove(0).result?
            }
        };
        // SAFETY: an accept's result is a new descriptor that belongs to whoever receives it.
        connections.push(Connection::new(unsafe { fibra_driver::descriptor(fd) }));
    }
    let (before, begin) = (driver.stats(), Instant::now());
    exchange(&mut driver, &mut connections, None)?;
    let (stats, elapsed) = (driver.stats(), begin.elapsed().as_secs_f64());
    let operations = (stats.operations - before.operations) as f64;
    let enters = (stats.enters - before.enters) as f64;
    println!(
        "{kind}: {:.0} requests/s, {:.1} operations per enter",
        operations / 2.0 / elapsed,
        operations / enters
    );
    drop(driver);
    client.wait().map(drop)
}

fn client(address: &str) -> io::Result<()> {
    let streams = (0..CONNECTIONS).map(|_| TcpStream::connect(address));
    let mut connections =
        streams.map(|stream| Ok(Connection::new(stream?.into()))).collect::<io::Result<Vec<_>>>()?;
    // Starts with a send.
    connections.iter_mut().for_each(|connection| connection.receiving = true);
    let mut driver = new_driver(BackendKind::ALL[BackendKind::ALL.len() - 1])?;
    exchange(&mut driver, &mut connections, Some(Instant::now() + RUN)).map(drop)
}
