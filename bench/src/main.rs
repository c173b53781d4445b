//! The program `fibra-bench`: the whole library behind a command line of its own.

use std::process::ExitCode;

use clap::Parser;

/// Measures fibra beside other runtimes: the same work in each, interleaved, medians with min–max.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    options: fibra_bench::Options,
}

fn main() -> ExitCode {
    match fibra_bench::run(&Arguments::parse().options, &[]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fibra-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
