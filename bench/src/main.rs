//! fibra beside its peers, in one interleaved run.
//!
//! `fibra-bench switch spawn yield` runs those benches and prints a table; `--json` prints one object a line instead.
//! Every sample is taken in a process of its own ([`runner`]), a bench is a table of cases and subjects
//! ([`bench::Bench`]), and each lives in one file below `benches/`, with one small function for each subject.

mod bench;
mod benches;
mod load;
mod machine;
mod memory;
mod report;
mod runner;
mod statistics;
mod stopwatch;

use std::io::{self, Write};
use std::process::ExitCode;

use bench::Bench;
use clap::Parser;
use report::Format;

/// Measures fibra beside other runtimes: the same work in each, interleaved, medians with min–max.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The benches to run, in this order; `all` runs every one
    #[arg(required_unless_present_any = ["list", "sample", "load"])]
    benches: Vec<String>,
    /// Print one JSON object a line instead of tables
    #[arg(long)]
    json: bool,
    /// How often each subject is measured, taking turns with the others
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Measure only the subjects whose name contains this
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// Measure every case; without it, a reduced grid that takes less than 40 minutes
    #[arg(long)]
    full: bool,
    /// List the benches, their subjects and cases
    #[arg(long)]
    list: bool,
    /// Take a single sample in this process (how the runner starts its children; for profilers too)
    #[arg(long, num_args = 3, value_names = ["BENCH", "SUBJECT", "CASE"], conflicts_with = "benches")]
    sample: Option<Vec<String>>,
    /// Generate load as the plan on standard input says (how samples of servers start their clients)
    #[arg(long, hide = true, conflicts_with = "benches")]
    load: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fibra-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    if let Some([bench, subject, case]) = arguments.sample.as_deref() {
        return runner::sample_here(bench, subject, case);
    }
    if arguments.load {
        return load::generate();
    }
    if arguments.list {
        return list(&mut io::stdout().lock());
    }
    let selected = select(&arguments.benches)?;
    if cfg!(debug_assertions) {
        eprintln!("fibra-bench: this is a debug build; its figures mean nothing (use --release)");
    }
    let format = if arguments.json { Format::Json } else { Format::Table };
    report::machine(&mut io::stdout().lock(), format, &machine::Machine::read())?;
    for bench in selected {
        for case in bench.cases.iter().filter(|case| arguments.full || !case.full_only) {
            let results = runner::run_case(bench, case, arguments.rounds, arguments.subject.as_deref())?;
            report::case(&mut io::stdout().lock(), format, bench, case, &results)?;
        }
    }
    Ok(())
}

fn select(names: &[String]) -> io::Result<Vec<&'static Bench>> {
    if names.iter().any(|name| name == "all") {
        return Ok(benches::ALL.iter().collect());
    }
    names.iter().map(|name| benches::find(name)).collect()
}

fn list(out: &mut impl Write) -> io::Result<()> {
    for bench in benches::ALL {
        writeln!(out, "{}: {}", bench.name, bench.about)?;
        for subject in bench.subjects() {
            writeln!(out, "    {}", subject.name)?;
        }
        for case in bench.cases {
            writeln!(out, "    · {case}")?;
        }
    }
    Ok(())
}
