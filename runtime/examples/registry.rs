//! Functions that others call by their names, over TCP: JSON-RPC 2.0, a message a line.
//!
//! ```text
//! cargo run --example registry --features registry              serves on 127.0.0.1:7171
//! cargo run -p fibra-cli -- call                                lists what there is
//! cargo run -p fibra-cli -- call add '[1, 2]'                   calls it
//! cargo run -p fibra-cli -- call jobs.start '["resize", 3]'
//! cargo run -p fibra-cli -- call jobs.running
//! ```

use fibra::{
    net::{TcpListener, TcpStream},
    registry::Registry,
    sync::Mutex,
    thread,
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io::{self, BufReader},
    sync::Arc,
    time::Duration,
};

#[fibra::register]
fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Waits, and holds nobody up meanwhile.
#[fibra::register]
async fn after(milliseconds: u64, text: String) -> String {
    fibra::time::sleep(Duration::from_millis(milliseconds)).await;
    text
}

/// Fails: whoever calls it is told.
#[fibra::register]
fn divide(a: i64, b: i64) -> Result<i64, String> {
    a.checked_div(b).ok_or_else(|| format!("{a} can't be divided by {b}"))
}

/// A job as its callers see it.
#[derive(Clone, Serialize)]
struct Job {
    kind: String,
    steps_left: u32,
}

/// Jobs by their numbers.
type Jobs = Arc<Mutex<BTreeMap<u64, Job>>>;

/// Functions that share something can't be there at compile time.
fn register_jobs(registry: &Registry) -> Result<(), fibra::registry::DuplicateName> {
    let jobs = Jobs::default();
    registry.register("jobs.start", {
        let jobs = Arc::clone(&jobs);
        move |kind: String, steps: u32| start(&jobs, kind, steps)
    })?;
    registry.register("jobs.running", move || jobs.lock().expect("nobody panics in here").clone())
}

/// Starts a job, and says its number.
fn start(jobs: &Jobs, kind: String, steps: u32) -> u64 {
    let number = {
        let mut jobs = jobs.lock().expect("nobody panics in here");
        let number = jobs.last_key_value().map_or(1, |(last, _)| last + 1);
        jobs.insert(number, Job { kind, steps_left: steps });
        number
    };
    let jobs = Arc::clone(jobs);
    thread::spawn(move || {
        for steps_left in (0..steps).rev() {
            thread::sleep(Duration::from_secs(1));
            if let Some(job) = jobs.lock().expect("nobody panics in here").get_mut(&number) {
                job.steps_left = steps_left;
            }
        }
        jobs.lock().expect("nobody panics in here").remove(&number);
    });
    number
}

#[fibra::main]
fn main() -> io::Result<()> {
    let registry = Registry::global();
    register_jobs(registry).map_err(io::Error::other)?;
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7171".to_owned());
    let listener = TcpListener::bind(&address)?;
    println!("{} functions on {}", registry.signatures().len(), listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || serve(registry, &stream));
    }
    Ok(())
}

fn serve(registry: &Registry, stream: &TcpStream) {
    if let Err(error) = registry.serve(BufReader::new(stream), stream) {
        eprintln!("registry: a connection was given up: {error}");
    }
}
