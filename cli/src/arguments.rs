//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    Bench(fibra_bench::Options),
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
    #[arg(long, value_name = "N", value_parser = workers)]
    pub workers: Option<usize>,
    /// How the runtime does I/O [default: io_uring, or epoll where that is not possible; FIBRA_BACKEND wins]
    #[arg(long, value_name = "BACKEND")]
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
}

/// The backends by the names that `FIBRA_BACKEND` has for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// Completion I/O by the kernel's rings
    #[value(name = "io_uring")]
    IoUring,
    /// Readiness I/O
    Epoll,
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

fn workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least one worker is needed".to_owned()),
        Ok(workers) => Ok(workers),
        Err(_) => Err("expected a number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Serve, clap::Error> {
        match Arguments::try_parse_from(line.split_whitespace())?.into_command() {
            Command::Serve(serve) => Ok(serve),
            Command::Bench(_) => panic!("`{line}` doesn't ask to serve"),
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
        let serve =
            parse("fibra serve /srv --addr :0 --workers 3 --backend io_uring --open --hidden --quiet")
                .unwrap();
        assert_eq!(serve.directory, PathBuf::from("/srv"));
        assert_eq!(serve.addr, "127.0.0.1:0");
        assert_eq!((serve.workers, serve.backend), (Some(3), Some(Backend::IoUring)));
        assert!(serve.open && serve.hidden && serve.quiet);
        assert_eq!(parse("fibra serve --backend epoll").unwrap().backend, Some(Backend::Epoll));
        assert_eq!(parse("fibra serve --addr [::1]:80").unwrap().addr, "[::1]:80");
    }

    #[test]
    fn a_bench_has_options_of_its_own() {
        let parse =
            |line: &str| Arguments::try_parse_from(line.split_whitespace()).map(Arguments::into_command);
        assert!(matches!(parse("fibra bench spawn --rounds 3 --json"), Ok(Command::Bench(_))));
        assert_eq!(parse("fibra bench").expect_err("a bench is named").exit_code(), 2);
        assert_eq!(parse("fibra bench spawn --hidden").expect_err("that is serve's").exit_code(), 2);
    }

    #[test]
    fn nonsense_is_a_usage_error() {
        for line in [
            "--backend kqueue",
            "--backend",
            "--workers 0",
            "--workers x",
            "--addr localhost",
            "--addr h:99999",
            "--nope",
        ] {
            let error = parse(&format!("fibra serve {line}")).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
