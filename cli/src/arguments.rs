//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use fibra::Backend;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "fibra",
    version,
    about = "The fibra command. Without a subcommand: serve the current directory."
)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve a directory's files over HTTP
    Serve(Serve),
    /// Measure fibra on this machine: what tasks, channels, timers, sockets and files cost
    ///
    /// Each sample is taken in a process of its own, and subjects take turns; medians with min–max are shown. The
    /// repository's `cargo run --release -p fibra-bench` measures other runtimes beside it.
    Bench(crate::bench::Options),
    /// Call a function by its name in a program that serves its registry, or list what there is
    ///
    /// The program calls `fibra::registry::Registry::serve` for each connection, as the example `registry` does. The result is printed as
    /// JSON.
    Call(Call),
}

/// What to call, and where.
#[derive(Debug, Clone, Args)]
pub struct Call {
    /// Where the program listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7171", value_parser = address)]
    pub addr: String,
    /// How long the answer may take
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub timeout: Option<Duration>,
    /// The function's name; without one, all names are listed with their types
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// The arguments as a JSON array, such as '[1, "two"]'
    #[arg(value_name = "ARGS_JSON", default_value = "[]", value_parser = json)]
    pub arguments: serde_json::Value,
}

/// What and where to serve.
#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// The directory to serve
    #[arg(value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
    /// Address and port to listen on; port 0 picks a free one, ":8080" means 127.0.0.1:8080, and "0.0.0.0:8080" all
    /// interfaces
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = address)]
    pub addr: String,
    /// Number of worker threads [default: one per usable core; FIBRA_WORKERS wins]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub workers: Option<usize>,
    /// How the runtime does I/O [default: the first that works; FIBRA_BACKEND wins]
    #[arg(long, value_name = "BACKEND", value_parser = backend())]
    pub backend: Option<Backend>,
    /// Open the served directory in a browser
    #[arg(long)]
    pub open: bool,
    /// Serve and list files whose names begin with a dot, too
    #[arg(long)]
    pub hidden: bool,
    /// Don't print a line for each request
    #[arg(long)]
    pub quiet: bool,
    /// Show the metrics at /_fibra/metrics to other machines, too. Behind a proxy on this machine, every request comes from
    /// this machine: have the proxy keep that path to itself
    #[arg(long)]
    pub metrics_for_all: bool,
    /// How the connection is encrypted, if it is.
    #[command(flatten)]
    pub tls: Tls,
    /// What a client may take.
    #[command(flatten)]
    pub limits: Limits,
}

/// With both, HTTPS is served: HTTP/2 and HTTP/1.1. SIGHUP has both files read again.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "TLS")]
pub struct Tls {
    /// The certificate in PEM, and after it those that lead from it to a root; serves HTTPS. On SIGHUP, this file and the
    /// key are read again; if they are no good, that is reported, and what is in use stays. An expired certificate is served
    /// with a warning, but never taken in place of another one
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// The certificate's private key in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
}

/// Times are numbers with units, such as 500ms, 30s or 5m; without a unit, seconds.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// How many connections may be open; further ones wait [default: half of what `ulimit -n` allows]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub max_connections: Option<usize>,
    /// How large the head of a request may be; a larger one is refused with 431
    #[arg(long, value_name = "BYTES", default_value = "65536", value_parser = head_size)]
    pub max_header_size: usize,
    /// How long a client may take to send a request's head, and for the TLS handshake
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = time)]
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    pub idle_timeout: Duration,
    /// How long a client may take next to nothing of a response
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    pub write_timeout: Duration,
    /// How long responses that are under way have to finish after SIGINT or SIGTERM, or when the terminal is closed; a second
    /// signal ends the server at once
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub grace: Duration,
}

/// The backends of this system, by the names that `FIBRA_BACKEND` has for them.
fn backend() -> impl TypedValueParser<Value = Backend> {
    let names = PossibleValuesParser::new(Backend::ALL.iter().map(|backend| backend.name()));
    names.try_map(|name| name.parse())
}

impl Arguments {
    /// What the command line asks for; the subcommand `serve` may be left out.
    pub fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
}

/// Checks only the shape: names are looked up when the address is bound.
fn address(text: &str) -> Result<String, String> {
    let (host, port) = text.rsplit_once(':').ok_or("expected HOST:PORT or :PORT")?;
    port.parse::<u16>().map_err(|_| format!("{port:?} is not a port (0 to 65535)"))?;
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    Ok(format!("{host}:{port}"))
}

/// Whether it fits is for the function to say.
fn json(text: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}"))
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least one is needed".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("expected a number".to_owned()),
    }
}

/// hyper reads at least as much at once, and there are requests of some kilobytes.
fn head_size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size) if (8192..=1 << 24).contains(&size) => Ok(size),
        _ => Err("expected a number from 8192 to 16777216".to_owned()),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    /// Moments have to stay within what the clock can express.
    const MOST: Duration = Duration::from_secs(365 * 86400);
    let time = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(text).map_err(|error| error.to_string())?,
    };
    if time.is_zero() || time > MOST {
        return Err("expected more than nothing and at most a year".to_owned());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Serve, clap::Error> {
        match Arguments::try_parse_from(line.split_whitespace())?.into_command() {
            Command::Serve(serve) => Ok(serve),
            Command::Bench(_) | Command::Call(_) => panic!("`{line}` doesn't ask to serve"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn without_a_subcommand_the_current_directory_is_served() {
        let serve = parse("fibra").unwrap();
        assert_eq!((serve.directory, serve.addr.as_str()), (PathBuf::from("."), "127.0.0.1:8080"));
        assert!(parse("fibra --hidden --quiet").unwrap().hidden);
    }

    #[test]
    fn every_option_reaches_the_server() {
        let serve = parse("fibra serve /srv --addr :0 --workers 3 --open --hidden --quiet").unwrap();
        assert_eq!(serve.directory, PathBuf::from("/srv"));
        assert_eq!(serve.addr, "127.0.0.1:0");
        assert_eq!((serve.workers, serve.backend), (Some(3), None));
        assert!(serve.open && serve.hidden && serve.quiet);
        for backend in Backend::ALL {
            assert_eq!(parse(&format!("fibra serve --backend {backend}")).unwrap().backend, Some(*backend));
        }
        assert_eq!(parse("fibra serve --addr [::1]:80").unwrap().addr, "[::1]:80");
        let serve = parse("fibra serve --cert c.pem --key k.pem --metrics-for-all").unwrap();
        assert!(serve.metrics_for_all);
        assert_eq!((serve.tls.cert, serve.tls.key), (Some("c.pem".into()), Some("k.pem".into())));
    }

    #[test]
    fn limits_have_defaults_and_units() {
        let limits = parse("fibra serve").unwrap().limits;
        assert_eq!((limits.max_connections, limits.max_header_size), (None, 65536));
        assert_eq!(limits.header_timeout, Duration::from_secs(15));
        assert_eq!(
            (limits.idle_timeout, limits.write_timeout),
            (Duration::from_secs(60), Duration::from_secs(60))
        );
        let line = "fibra serve --max-connections 9 --max-header-size 8192 --header-timeout 500ms --idle-timeout 5m \
                    --write-timeout 7 --grace 1h";
        let limits = parse(line).unwrap().limits;
        assert_eq!((limits.max_connections, limits.max_header_size), (Some(9), 8192));
        assert_eq!(limits.header_timeout, Duration::from_millis(500));
        assert_eq!(
            (limits.idle_timeout, limits.write_timeout),
            (Duration::from_secs(300), Duration::from_secs(7))
        );
        assert_eq!(limits.grace, Duration::from_secs(3600));
    }

    #[test]
    fn nonsense_is_a_usage_error() {
        for line in [
            "--backend rings",
            "--backend",
            "--workers 0",
            "--workers x",
            "--addr localhost",
            "--addr h:99999",
            "--nope",
            "--cert c.pem",
            "--key k.pem",
            "--max-connections 0",
            "--max-header-size 100",
            "--max-header-size 1G",
            "--idle-timeout 0",
            "--idle-timeout soon",
            "--grace 2years",
        ] {
            let error = parse(&format!("fibra serve {line}")).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
