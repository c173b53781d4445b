//! Go's `net/http`, in a program of its own.

use super::measure_at;
use crate::bench::{Case, Measurement, Subject};
use crate::go::server;
use crate::load::{self, ServerProcess};

/// Go, where it is installed.
pub const SUBJECTS: &[Subject] = &[Subject::new("Go", "Go", sample).needs("go")];

fn sample(case: &Case) -> Vec<Measurement> {
    let (address, workers) = (load::free_address().expect("a port is free"), case.count("workers"));
    let mut command = server("http", workers, &[("port", address.port().into())]);
    let server = ServerProcess::start(&mut command, workers).expect("the Go program starts");
    measure_at(case, address, vec![server.id()])
}
