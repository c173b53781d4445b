//! Go: the program below `go/`, built once a run, that measures what the other subjects do.
//!
//! It takes the name of a bench and a case as `--sample` has them, and prints the same lines of measurements.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io};

use crate::bench::{Case, Measurement};
use crate::children::Ending;

/// Where the program's source lies.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/go");

/// Takes a sample of `bench` under `case`, on so many processors as the case has `workers`.
///
/// # Panics
///
/// When the program can't be started, fails, or prints something else than measurements: the message becomes the
/// reason why the subject was not measured.
pub fn sample(bench: &str, case: &Case) -> Vec<Measurement> {
    let mut command = program(case.find("workers"));
    let output = command
        .args([bench, &case.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("the Go program starts");
    assert!(output.status.success(), "the Go program ended with {}", output.status);
    let text = String::from_utf8(output.stdout).expect("the Go program prints UTF-8");
    text.lines().map(|line| line.parse().expect("the Go program prints measurements")).collect()
}

/// The command that starts the server `kind` (`echo` or `http`) with so many processors.
///
/// Its `arguments` are names and values as those of a case: both servers listen on the `port` of 127.0.0.1, and `echo` has
/// a `buffer` of so many bytes for each connection. It serves until it is killed, or the thread that starts it ends.
pub fn server(kind: &str, workers: usize, arguments: &[(&str, u64)]) -> Command {
    let mut command = program(Some(workers as u64));
    let arguments: Vec<_> = arguments.iter().map(|(name, value)| format!("{name}={value}")).collect();
    command.args([&format!("{kind}-server"), &arguments.join(",")]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Builds the program, which takes a few seconds when its source is new and a fraction of one otherwise.
///
/// # Errors
///
/// When there is no Go compiler, or it says that something is wrong.
pub fn build() -> io::Result<()> {
    let output = Command::new("go")
        .args(["build", "-o"])
        .arg(executable()?)
        .arg(".")
        .current_dir(SOURCE)
        // The source is all there is: nothing is fetched, and no other compiler than the installed one is asked for.
        .envs([("GOFLAGS", "-mod=mod"), ("GOPROXY", "off"), ("GOTOOLCHAIN", "local"), ("CGO_ENABLED", "0")])
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Err(io::Error::other(format!("`go build` ended with {}: {said}", output.status)))
}

fn program(workers: Option<u64>) -> Command {
    let mut command = Command::new(executable().expect("this program has a path"));
    Ending::Killed.with_parent(&mut command);
    if let Some(workers) = workers {
        command.env("GOMAXPROCS", workers.to_string());
    }
    command
}

/// Beside this program, in cargo's target directory.
fn executable() -> io::Result<PathBuf> {
    let this = env::current_exe()?;
    Ok(this.parent().unwrap_or(Path::new("/")).join("fibra-bench-go"))
}
