//! `http`: a server that says hello, on connections that are kept alive.
//!
//! Where hyper runs, it is the same hyper with the same service ([`hello`]) and the same builder, as its documentation
//! has it: with the runtime's timer, which limits the time that a request's head may take. What else an answer holds is
//! up to each server: a date in all of them; the server's name in those of may_minihttp and nginx, a content type in
//! those of Go and nginx. [`load`](crate::load) is the client, on the last core.

#[cfg(feature = "peers")]
mod go;
#[cfg(feature = "peers")]
mod nginx;
mod ours;
#[cfg(feature = "peers")]
mod peers;
mod raw;

use std::convert::Infallible;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};

use crate::bench::Limit::{AtLeast, AtMost};
use crate::bench::{Against, Bench, Case, Limit, Measurement, Target};
use crate::load::{self, Answer, Load};

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "http",
    about: "an HTTP/1.1 server that says hello; closed loop, one request under way on each connection",
    reference: "tokio",
    cases: &[
        Case::new(&[("connections", 64), ("workers", 1)]),
        Case::new(&[("connections", 64), ("workers", 1), ("strace", 1)]).rounds(1),
        Case::full(&[("connections", 1), ("workers", 1)]),
        Case::full(&[("connections", 1_024), ("workers", 1)]),
        Case::full(&[("connections", 64), ("workers", 2)]),
        Case::full(&[("connections", 1_024), ("workers", 2)]),
    ],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
        #[cfg(feature = "peers")]
        go::SUBJECTS,
        #[cfg(feature = "peers")]
        nginx::SUBJECTS,
        raw::SUBJECTS,
    ],
    targets: &[
        target("fibra thread", "rate", "tokio", AtLeast(1.05)),
        target("fibra future", "rate", "tokio", AtLeast(1.05)),
        target("fibra thread", "cpu", "tokio", AtMost(1.0)),
        target("fibra future", "cpu", "tokio", AtMost(1.0)),
        target("fibra thread", "p99", "tokio", AtMost(0.8)),
        target("fibra future", "p99", "tokio", AtMost(0.8)),
        target("fibra thread", "rate", "fibra future", AtLeast(0.87)),
    ],
};

const fn target(subject: &'static str, metric: &'static str, peer: &'static str, limit: Limit) -> Target {
    fn applies(case: &Case) -> bool {
        case.get("connections") == 64 && case.get("workers") == 1 && case.find("strace").is_none()
    }
    Target { subject, metric, applies, against: Against::Subject(peer), limit }
}

/// A request of a small client.
const REQUEST: &str = "GET / HTTP/1.1\r\nhost: localhost\r\nuser-agent: fibra-bench\r\naccept: */*\r\n\r\n";

/// What every answer says.
const HELLO: &str = "Hello, world!";

/// hyper's service.
async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(HELLO.as_bytes()))))
}

/// What a server is told.
#[derive(Clone, Copy)]
struct Setting {
    address: SocketAddr,
    workers: usize,
}

/// Takes a sample of `server`, which runs in this process, on threads of its own.
fn measure(case: &Case, server: impl FnOnce(Setting) + Send + 'static) -> Vec<Measurement> {
    let address = load::free_address().expect("a port is free");
    let setting = Setting { address, workers: case.count("workers") };
    load::serve_here(setting.workers, move || server(setting));
    measure_at(case, address, vec![std::process::id()])
}

/// Takes a sample of the server at `address`, which these processes make up.
fn measure_at(case: &Case, address: SocketAddr, servers: Vec<u32>) -> Vec<Measurement> {
    let length = probe(address).expect("the server answers as it should");
    let answer = Answer::Fixed { length, begins: "HTTP/1.1 200 ".into() };
    let load = Load {
        request: REQUEST.into(),
        answer,
        ..Load::echo(address, servers, case.count("connections"), REQUEST.len())
    };
    let outcome = match case.find("strace") {
        None => load.run().map(|outcome| outcome.measurements()),
        Some(_) => load.system_calls(),
    };
    outcome.expect("the server goes on as it began")
}

/// Reads one whole answer, and returns its length: no server's answers change theirs.
fn probe(address: SocketAddr) -> io::Result<usize> {
    load::wait_for_server(address)?;
    let mut reader = BufReader::new(TcpStream::connect(address)?);
    reader.get_mut().write_all(REQUEST.as_bytes())?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let is_complete = head.to_ascii_lowercase().contains(&format!("\r\ncontent-length: {}\r\n", HELLO.len()));
    let mut body = [0; HELLO.len()];
    reader.read_exact(&mut body)?;
    if !head.starts_with("HTTP/1.1 200 ") || !is_complete || body != HELLO.as_bytes() {
        return Err(io::Error::other(format!("not the answer that was expected: {head}")));
    }
    Ok(head.len() + body.len())
}
