//! The load on a server: a process of its own, on a core of its own, that sends requests and checks the answers.
//!
//! ```text
//!   the sample                                   the generator (this program with --load)
//!       │  the plan, as a line of JSON ──────────►  opens the connections; each exchanges one message
//!       │  ◄──────────────── memory of the servers, before and after that
//!       │  "go" ─────────────────────────────────►  warm-up, then the window that counts
//!       │  ◄───────────────────────── what was counted
//! ```
//!
//! The loop is closed: a connection sends its next request when it has the whole answer to the last one. The generator
//! reads the servers' processor clocks itself, at the very edges of its window, so nobody wakes on the servers' cores to
//! do it, and servers in other processes are measured the same way. Whatever goes wrong (a wrong byte, a closed
//! connection) ends the generator with the reason, and the sample with it: a figure with errors in it is none.

mod connection;
mod generator;
mod message;
#[cfg(feature = "peers")]
mod process;
mod servers;
mod strace;

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::thread;
use std::time::Duration;

use fibra_system::affinity;

use crate::bench::Measurement;
use crate::children::this_program;
use crate::memory::Footprint;
use strace::Strace;

pub use generator::{run as generate, wait_for_server};
#[cfg(feature = "peers")]
pub use process::ServerProcess;

/// What a generator is to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Where the server listens, or will within seconds.
    pub address: SocketAddr,
    /// The processes whose processor time and memory belong to the server.
    pub servers: Vec<u32>,
    /// The core that the generator runs on.
    pub core: usize,
    /// Connections that exchange messages.
    pub active: usize,
    /// Connections that exchange one message as they open, and are silent then.
    pub idle: usize,
    /// One request.
    pub request: String,
    /// What a right answer is.
    pub answer: Answer,
    /// How long the load lasts before anything is counted.
    pub warm_up: Duration,
    /// How long it is counted.
    pub window: Duration,
}

/// What a right answer to a request is.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The request, byte for byte. The first eight bytes of each request are overwritten with the number of its
    /// connection and its own, so that another's bytes, or the last answer's, are taken for what they are.
    Echo,
    /// So many bytes, of which the first are these.
    Fixed {
        /// Bytes of an answer.
        length: usize,
        /// How it begins.
        begins: String,
    },
}

impl Load {
    /// Load on `servers` at `address`: echoes of so many bytes on so many connections, counted for 0.7 s. The rest is set
    /// by struct update.
    pub fn echo(address: SocketAddr, servers: Vec<u32>, active: usize, bytes: usize) -> Self {
        Self {
            address,
            servers,
            core: generator_core(),
            active,
            idle: 0,
            request: ('!'..='~').cycle().take(bytes).collect(),
            answer: Answer::Echo,
            warm_up: Duration::from_millis(150),
            window: Duration::from_millis(700),
        }
    }

    /// Starts the generator, and waits until it has opened its connections.
    ///
    /// # Errors
    ///
    /// When it can't be started, or ends early: the reason is on standard error then.
    pub fn start(&self) -> io::Result<Generator> {
        let mut command = this_program()?;
        let mut child = command.arg("--load").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let plan = child.stdin.take().zip(child.stdout.take());
        let (mut requests, answers) = plan.expect("both were asked for as pipes");
        writeln!(requests, "{}", message::from_load(self))?;
        let mut generator =
            Generator { child, requests, answers: BufReader::new(answers), opened: Opened::default() };
        generator.opened = message::to_opened(&generator.answer()?)?;
        Ok(generator)
    }

    /// Starts the generator and lets it run to its end.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start) and [`Generator::finish`].
    pub fn run(&self) -> io::Result<Outcome> {
        self.start()?.finish()
    }

    /// Counts how many system calls the server makes for each request, warm-up included: so it needs none.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and when there is no `strace`, or it may not attach to the server.
    pub fn system_calls(&self) -> io::Result<Vec<Measurement>> {
        let load = Self { warm_up: Duration::ZERO, ..self.clone() };
        let generator = load.start()?;
        let strace = Strace::attach(&load.servers)?;
        let outcome = generator.finish()?;
        let calls = strace.detach()? as f64 / outcome.requests_in_all as f64;
        Ok(vec![Measurement::new("calls", calls, "calls/req")])
    }
}

/// A generator whose connections are open, and that waits for the word to go on.
pub struct Generator {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    opened: Opened,
}

impl Generator {
    /// What opening the connections did to the servers.
    pub fn opened(&self) -> Opened {
        self.opened
    }

    /// Lets it generate load, and waits for the end.
    ///
    /// # Errors
    ///
    /// When it ends early: the reason is on standard error then.
    pub fn finish(mut self) -> io::Result<Outcome> {
        writeln!(self.requests, "{}", message::GO)?;
        let outcome = message::to_outcome(&self.answer()?)?;
        let status = self.child.wait()?;
        if status.success() { Ok(outcome) } else { Err(ended(status)) }
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err(ended(self.child.wait()?)),
            _ => Ok(line),
        }
    }
}

fn ended(status: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("the load generator ended early: {status}"))
}

/// The servers' memory, before there was a connection and when all were open.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Opened {
    /// Before the first connection.
    pub before: Footprint,
    /// When every connection had exchanged a message.
    pub after: Footprint,
}

impl Opened {
    /// What each of so many connections costs, resident memory and page tables apart, and summed.
    pub fn measurements(&self, connections: usize) -> Vec<Measurement> {
        let each = |after: u64, before: u64| (after as f64 - before as f64) / connections as f64;
        let resident = each(self.after.resident, self.before.resident);
        let page_tables = each(self.after.page_tables, self.before.page_tables);
        vec![
            Measurement::new("resident", resident, "B/conn"),
            Measurement::new("page-tables", page_tables, "B/conn"),
            Measurement::new("sum", resident + page_tables, "B/conn"),
        ]
    }
}

/// What a generator counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Requests answered within the window.
    pub requests: u64,
    /// Requests answered between the word to go on and the end: warm-up and window together.
    pub requests_in_all: u64,
    /// Bytes that were compared within the window, all of them right.
    pub bytes_checked: u64,
    /// How long the window really was.
    pub window: Duration,
    /// The servers' processor time within the window.
    pub server_cpu: Duration,
    /// The generator's own within the window: as long as it is less than the window, the servers were the limit.
    pub generator_cpu: Duration,
    /// How long answers took, in the middle.
    pub p50: Duration,
    /// So long at most took 99 % of them.
    pub p99: Duration,
    /// So long at most took 99.9 % of them.
    pub p99_9: Duration,
}

impl Outcome {
    /// The figures that every bench of a server shows.
    pub fn measurements(&self) -> Vec<Measurement> {
        let microseconds = |time: Duration| time.as_nanos() as f64 / 1e3;
        let busy = self.generator_cpu.as_secs_f64() / self.window.as_secs_f64();
        vec![
            Measurement::new("rate", self.requests as f64 / self.window.as_secs_f64(), "req/s"),
            Measurement::new("cpu", microseconds(self.server_cpu) / self.requests as f64, "µs/req"),
            Measurement::new("p50", microseconds(self.p50), "µs"),
            Measurement::new("p99", microseconds(self.p99), "µs"),
            Measurement::new("p99.9", microseconds(self.p99_9), "µs"),
            Measurement::new("generator", busy * 100.0, "%"),
        ]
    }
}

/// The last core that this process may use.
fn generator_core() -> usize {
    cores().last().copied().expect("a thread runs somewhere")
}

/// Starts a server in this process, and waits for nothing: it ends with the process.
///
/// One worker gets the first core to itself. More may run on any, the generator's included: with two cores there is no
/// other place for them.
///
/// # Panics
///
/// When the system refuses to open many descriptors, or to bind threads to cores.
pub fn serve_here(workers: usize, server: impl FnOnce() + Send + 'static) {
    raise_descriptor_limit().expect("a process may raise its own soft limit");
    let place = if workers == 1 { cores().first().copied() } else { None };
    thread::spawn(move || {
        if let Some(core) = place {
            affinity::pin_current_thread(core).expect("a thread may be bound to a core that it may use");
        }
        server();
        panic!("a server ended before its load did");
    });
}

fn cores() -> Vec<usize> {
    affinity::current().expect("the system says where a thread may run").iter().collect()
}

/// An address for a server of this process, which the server itself binds.
///
/// The port is none of those that outgoing connections get, so it stays free until then.
///
/// # Errors
///
/// When no port is free.
pub fn free_address() -> io::Result<SocketAddr> {
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 20_000;
    let own = (std::process::id() % u32::from(COUNT)) as u16;
    (0..COUNT)
        .map(|step| SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST + (own + step) % COUNT)))
        .find(|address| TcpListener::bind(address).is_ok())
        .ok_or_else(|| io::Error::other("no port below those of outgoing connections is free"))
}

/// Lets this process open as many descriptors as it may: a server with 10,000 connections needs more than the default.
///
/// # Errors
///
/// Those of the system.
fn raise_descriptor_limit() -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `getrlimit` writes one `rlimit`, to a variable that lives across the call.
    let read = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `setrlimit` reads one `rlimit`, from a variable that lives across the call.
    if read != 0 || unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
