//! The generator's side: opens the connections, waits for the word, and runs the closed loop over one epoll instance.
//!
//! It allocates nothing once its connections are open, and makes no system call that an answer doesn't need: one that
//! takes it, one that sends the next request, and a share of the wait for the next batch of events.

use std::io::{self, BufRead, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use fibra_system::affinity;
use hdrhistogram::Histogram;

use super::connection::{Connection, Exchange};
use super::servers::{self, Servers};
use super::{Load, Opened, Outcome, message, raise_descriptor_limit};
use crate::epoll::{Epoll, Event, Events};

/// Does what the plan on standard input says.
///
/// # Errors
///
/// When the plan can't be read, a connection fails, or an answer is wrong.
pub fn run() -> io::Result<()> {
    let mut words = io::stdin().lock();
    let load = message::to_load(&next(&mut words)?)?;
    affinity::pin_current_thread(load.core)?;
    raise_descriptor_limit()?;
    let mut generator = Generator::new(&load)?;
    let opened = generator.open(&load)?;
    tell(&message::from_opened(&opened))?;
    if next(&mut words)?.trim_end() != message::GO {
        return Err(io::Error::other("the generator was not told to go on"));
    }
    tell(&message::from_outcome(&generator.measure(&load)?))
}

fn next(words: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    words.read_line(&mut line)?;
    Ok(line)
}

fn tell(words: &serde_json::Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{words}")?;
    out.flush()
}

struct Generator {
    epoll: Epoll,
    events: Events,
    exchange: Exchange,
    servers: Servers,
    active: Vec<Connection>,
    idle: Vec<Connection>,
    /// How long answers took, in nanoseconds.
    latencies: Histogram<u64>,
    requests: u64,
}

/// How long a server may take to start listening, and to answer a first request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections that are opened at once: fewer than any server lets wait to be accepted.
const OPENED_AT_ONCE: usize = 64;

impl Generator {
    fn new(load: &Load) -> io::Result<Self> {
        const LONGEST: u64 = 60_000_000_000;
        Ok(Self {
            epoll: Epoll::new()?,
            events: Epoll::events(),
            exchange: Exchange::new(&load.request, &load.answer)?,
            servers: Servers::new(load.servers.clone())?,
            active: Vec::new(),
            idle: Vec::new(),
            latencies: Histogram::new_with_bounds(1, LONGEST, 3).map_err(io::Error::other)?,
            requests: 0,
        })
    }

    /// Opens every connection, and has it exchange a message: so the server has accepted it and has a buffer for it.
    fn open(&mut self, load: &Load) -> io::Result<Opened> {
        wait_for_server(load.address)?;
        let before = self.servers.footprint()?;
        let total = load.active + load.idle;
        let mut connections = Vec::with_capacity(total);
        while connections.len() < total {
            let first = connections.len();
            for number in first..total.min(first + OPENED_AT_ONCE) {
                let mut connection = Connection::new(connect(load.address)?, number as u32);
                connection.begin(Instant::now(), &mut self.exchange)?;
                connections.push(connection);
            }
            for connection in &mut connections[first..] {
                while !connection.receive(&mut self.exchange)? {}
                connection.stream().set_nonblocking(true)?;
            }
        }
        self.idle = connections.split_off(load.active);
        self.active = connections;
        for (index, connection) in self.active.iter().enumerate() {
            self.epoll.add(connection.stream(), index)?;
        }
        Ok(Opened { before, after: self.servers.footprint()? })
    }

    fn measure(&mut self, load: &Load) -> io::Result<Outcome> {
        for connection in &mut self.active {
            connection.begin(Instant::now(), &mut self.exchange)?;
        }
        self.run_until(Instant::now() + load.warm_up)?;
        self.latencies.reset();
        let (begin, warm_up) = (Mark::set(&self.servers)?, self.requests);
        self.run_until(begin.wall + load.window)?;
        let (end, requests) = (Mark::set(&self.servers)?, self.requests - warm_up);
        self.count_those_still_waiting(end.wall);
        let percentile = |q| Duration::from_nanos(self.latencies.value_at_quantile(q));
        Ok(Outcome {
            requests,
            requests_in_all: self.requests,
            bytes_checked: requests * self.exchange.expected().len() as u64,
            window: end.wall - begin.wall,
            server_cpu: end.servers - begin.servers,
            generator_cpu: end.own - begin.own,
            p50: percentile(0.5),
            p99: percentile(0.99),
            p99_9: percentile(0.999),
        })
    }

    fn run_until(&mut self, end: Instant) -> io::Result<()> {
        let mut now = Instant::now();
        while now < end {
            for Event { index, ended } in self.epoll.wait(&mut self.events, end - now)? {
                if ended {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the server closed a connection",
                    ));
                }
                let connection = &mut self.active[index];
                connection.send(&mut self.exchange)?;
                if connection.receive(&mut self.exchange)? {
                    now = Instant::now();
                    self.latencies.saturating_record((now - connection.begun()).as_nanos() as u64);
                    self.requests += 1;
                    connection.begin(now, &mut self.exchange)?;
                }
            }
            now = Instant::now();
        }
        Ok(())
    }

    /// A request without an answer counts with its wait so far: else a starved connection would improve the figures.
    fn count_those_still_waiting(&mut self, now: Instant) {
        for connection in &self.active {
            self.latencies.saturating_record((now - connection.begun()).as_nanos() as u64);
        }
    }
}

/// What all clocks show at an edge of the window.
struct Mark {
    wall: Instant,
    servers: Duration,
    own: Duration,
}

impl Mark {
    fn set(servers: &Servers) -> io::Result<Self> {
        Ok(Self { wall: Instant::now(), servers: servers.cpu()?, own: servers::own_cpu()? })
    }
}

/// Connects once, and again until somebody listens. The connection closes at once, so no server counts it as load.
///
/// # Errors
///
/// When nobody listens within 10 s, or connecting fails in another way.
pub fn wait_for_server(address: SocketAddr) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match TcpStream::connect(address) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && begun.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(1));
            }
            connected => return connected.map(drop),
        }
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // Closes without a farewell: 10,000 connections that linger in the kernel would be the next sample's load.
    set_option(&stream, libc::SOL_SOCKET, libc::SO_LINGER, &libc::linger { l_onoff: 1, l_linger: 0 })?;
    // The least that a sender can do about congestion. There is none on the loopback, and the generator has to be fast.
    set_option(&stream, libc::IPPROTO_TCP, libc::TCP_CONGESTION, b"reno")?;
    Ok(stream)
}

/// Sets an option whose value has the type that the kernel expects of it, or is a name.
fn set_option<T>(stream: &TcpStream, level: i32, option: i32, value: &T) -> io::Result<()> {
    let (start, length) = (std::ptr::from_ref(value).cast(), size_of_val(value) as libc::socklen_t);
    // SAFETY: the call reads the value, which is as long as it is said to be and lives across it. A value of another type
    // than the option's is refused, or read as bytes.
    let status = unsafe { libc::setsockopt(stream.as_raw_fd(), level, option, start, length) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
