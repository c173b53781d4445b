//! Everything that CI runs, as `cargo xtask` commands: what passes here passes there.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench_gate;
mod check;
mod cross;
mod loom;
mod step;
mod tidy;
mod workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about, version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything but loom, cross and bench-gate: fmt, clippy, docs, tidy, tests under both backends
    Check(check::Options),
    /// The house rules: floors, platform fence, sizes, unsafe code, words
    Tidy,
    /// The tests of the default members, once for each backend
    Test(check::TestOptions),
    /// The models of the runtime's lock-free code, under loom
    Loom(loom::Options),
    /// The tests of one package on another architecture, emulated
    Cross(cross::Options),
    /// The instructions that fibra's operations take, against those on record
    BenchGate(bench_gate::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Check(options) => check::check(&options),
        Command::Tidy => tidy::command(),
        Command::Test(options) => check::test(&options),
        Command::Loom(options) => loom::command(&options),
        Command::Cross(options) => cross::command(&options),
        Command::BenchGate(options) => bench_gate::command(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
