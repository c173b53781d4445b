//! The fibra command: serve a directory over HTTP, measure fibra, or call functions of a program that runs.
//!
//! [`bench`] is the crate `fibra-bench`, which says what is measured and how, on Linux alone; [`call`] is a file. All else that is here serves. A file a
//! story, from the outside in:
//!
//! * [`arguments`], [`signals`], [`shutdown`], [`stalls`] and [`tls`] are the process.
//! * [`server`] with [`accept`] and [`connections`] has connections; [`connection`] with [`stream`] and [`patience`] is one.
//! * [`site`] answers a request: [`request_path`], [`root`] and [`encoding`] find what it wants, [`file`](mod@file) with
//!   [`preconditions`] and [`range`] decides how much of it is sent, [`listing`], [`page`] and [`metrics`] make what is no
//!   file.
//! * [`answer`], [`body`] and [`log`] are what goes out.

mod accept;
mod answer;
mod arguments;
#[cfg(not(target_os = "linux"))]
#[path = "bench/elsewhere.rs"]
mod bench;
#[cfg(target_os = "linux")]
#[path = "bench/linux.rs"]
mod bench;
mod body;
mod browser;
mod call;
mod connection;
mod connections;
mod counters;
mod encoding;
mod entity_tag;
mod file;
mod first;
mod listing;
mod log;
mod media_type;
mod metrics;
mod multipart;
mod page;
mod patience;
mod preconditions;
mod quality;
mod range;
mod request_path;
mod root;
mod server;
mod shutdown;
mod signals;
mod site;
mod stalls;
mod stream;
mod timestamp;
mod tls;
#[cfg(not(target_os = "linux"))]
#[path = "unsent/elsewhere.rs"]
mod unsent;
#[cfg(target_os = "linux")]
#[path = "unsent/linux.rs"]
mod unsent;
mod version;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::arguments::{Arguments, Command, Serve};
use crate::connection::Host;
use crate::connections::{Connections, Limit};
use crate::counters::Counters;
use crate::log::Log;
use crate::metrics::Metrics;
use crate::root::Root;
use crate::server::{End, Server};
use crate::shutdown::Shutdown;
use crate::site::Site;
use crate::tls::Tls;

fn main() -> ExitCode {
    // A usage error ends the process here, with status 2.
    let done = match Arguments::parse().into_command() {
        Command::Serve(options) => serve(options),
        Command::Call(options) => call::run(&options),
        Command::Bench(options) => bench::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fibra: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until a signal. The error is a line for the user.
fn serve(options: Serve) -> Result<(), String> {
    let root = Root::open(&options.directory, options.hidden)
        .map_err(|error| format!("can't serve {}: {error}", options.directory.display()))?;
    let tls = open_tls(&options.tls)?;
    let shutdown = Shutdown::default();
    signals::follow(shutdown.clone(), tls.clone())
        .map_err(|error| format!("can't wait for signals: {error}"))?;
    let (log, log_writer) = open_log(options.quiet)?;
    let path = root.path().display().to_string();
    let runtime = runtime(&options).build().map_err(|error| error.to_string())?;
    let report = runtime.report();
    let server = set_up(&options, report.workers(), |metrics| Site::new(root, log, metrics), tls, shutdown);
    let announce = move |url: &str| format!("Serving {path} on {url} {}", describe(&report));
    let end = runtime
        .run(move || server.run(announce))
        .map_err(|error| format!("can't listen on {}: {error}", options.addr))?;
    drop(log_writer);
    match end {
        End::Orderly => drop(runtime),
        End::CutOff(connections) => {
            eprintln!("fibra: {} cut off", counted(connections, "connection was", "connections were"));
            // Waiting on for the runtime's own end could take as long again, for the same clients.
            std::process::exit(0);
        }
    }
    Ok(())
}

/// The server that the command line describes.
fn set_up(
    options: &Serve,
    workers: usize,
    site: impl FnOnce(Metrics) -> Site,
    tls: Option<Arc<Tls>>,
    shutdown: Shutdown,
) -> Server {
    let (connections, counters) = (Connections::default(), Arc::new(Counters::default()));
    let metrics = Metrics {
        counters: Arc::clone(&counters),
        connections: connections.clone(),
        for_all: options.metrics_for_all,
    };
    let limits = &options.limits;
    let host = Host {
        site: Arc::new(site(metrics)),
        limits: patience::Limits {
            head: limits.header_timeout,
            idle: limits.idle_timeout,
            write: limits.write_timeout,
        },
        head_size: limits.max_header_size,
        tls,
        shutdown,
        counters,
    };
    Server {
        host: Arc::new(host),
        limit: Limit::new(limits.max_connections, descriptors(), workers),
        connections,
        grace: limits.grace,
        open_browser: options.open,
        address: options.addr.clone(),
    }
}

/// The certificate that the command line names, if it names one.
fn open_tls(options: &arguments::Tls) -> Result<Option<Arc<Tls>>, String> {
    let (Some(certificate), Some(key)) = (&options.cert, &options.key) else { return Ok(None) };
    let (tls, warning) = Tls::open(certificate.clone(), key.clone())?;
    if let Some(warning) = warning {
        eprintln!("fibra: {warning}");
    }
    Ok(Some(Arc::new(tls)))
}

/// The backend and the number of workers; below, what is wrong with the backends that would have been better.
fn describe(report: &fibra::Report) -> String {
    let workers = counted(report.workers(), "worker", "workers");
    let rejected = report.choice().rejected().iter().map(|rejection| format!("\nNot on {rejection}"));
    format!("({}, {workers}){}", report.backend(), rejected.collect::<String>())
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The log, and what keeps it open.
fn open_log(quiet: bool) -> Result<(Log, Option<log::Writer>), String> {
    if quiet {
        return Ok((Log::quiet(), None));
    }
    let (log, writer) =
        Log::to(std::io::stdout()).map_err(|error| format!("can't start the access log: {error}"))?;
    Ok((log, Some(writer)))
}

fn runtime(options: &Serve) -> fibra::Builder {
    let mut builder = stalls::tell(fibra::Builder::new(), |line| eprintln!("fibra: {line}"));
    if let Some(workers) = options.workers {
        builder = builder.workers(workers);
    }
    match options.backend {
        Some(backend) => builder.backend(backend),
        None => builder,
    }
}

/// How many descriptors this process may have, after asking for as many as it is allowed to.
fn descriptors() -> u64 {
    // Where the system doesn't tell, it doesn't refuse by number either.
    rlimit::increase_nofile_limit(u64::MAX).unwrap_or(u64::MAX)
}
