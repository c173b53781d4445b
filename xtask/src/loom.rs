//! `cargo xtask loom`: every interleaving of the runtime's lock-free code, up to a bound.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use clap::Args;

use crate::step::shell_line;
use crate::workspace::{Outcome, cargo, target_dir};

#[derive(Args)]
pub struct Options {
    /// How many times a model may preempt a thread that could have gone on
    #[arg(long, default_value_t = 3)]
    preemptions: u32,
    /// How many minutes one model may take before it counts as explored
    #[arg(long, default_value_t = 2)]
    minutes: u32,
    /// Only models whose path contains this; every model lies in a module named `loom`
    #[arg(default_value = "loom")]
    filter: String,
}

pub fn command(options: &Options) -> Outcome {
    // `--cfg loom` changes every crate, so a shared target directory would be rebuilt at each turn.
    let mut command = cargo();
    command
        .args(["test", "--release", "--package", "fibra", "--features", "registry", "--lib", &options.filter])
        .env("CARGO_TARGET_DIR", target_dir().join("loom"))
        .env("RUSTFLAGS", "--cfg loom")
        .env("LOOM_MAX_PREEMPTIONS", options.preemptions.to_string())
        .env("LOOM_MAX_DURATION", (options.minutes * 60).to_string());
    println!("$ {}", shell_line(&command));
    match run_and_count(&mut command)? {
        0 => Err(format!("no model of `fibra` matches `{}`", options.filter).into()),
        models => {
            println!("{models} models hold");
            Ok(())
        }
    }
}

/// Runs the tests, shows what they print, and says how many passed: a run of no model proves nothing.
fn run_and_count(command: &mut Command) -> Outcome<u64> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().expect("stdout was piped");
    let mut passed = 0;
    for line in BufReader::new(output).lines() {
        let line = line?;
        passed += passed_in(&line).unwrap_or(0);
        writeln!(std::io::stdout(), "{line}")?;
    }
    let status = child.wait()?;
    if status.success() { Ok(passed) } else { Err(format!("a model failed ({status})").into()) }
}

/// The count in `test result: ok. 12 passed; …`.
pub fn passed_in(line: &str) -> Option<u64> {
    line.strip_prefix("test result: ok. ")?.split_once(" passed")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_models_are_counted_from_the_closing_line() {
        let line =
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 1s";
        assert_eq!(passed_in(line), Some(12));
        assert_eq!(passed_in("test a::loom::b ... ok"), None);
    }

    #[test]
    fn a_failing_run_is_an_error() {
        assert!(run_and_count(&mut Command::new("false")).is_err());
    }
}
