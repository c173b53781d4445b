//! A whole run: the selected benches, one after the other.

use std::io::{self, Write};
use std::time::Instant;

use crate::options::Options;
use crate::plan::plan;
use crate::report::Report;
use crate::{benches, children, load, runner};

/// Does what the command line asks for.
///
/// Samples are taken in children, which are this executable started with the arguments `prefix` before those that
/// name the sample: empty where these options are the whole command line, else what leads to them.
///
/// # Errors
///
/// When there is no such bench or subject, a child can't be started, or an output can't be written. A subject that fails
/// is no error: its row says so; nor is a target that is not met.
pub fn run(options: &Options, prefix: &[&str]) -> io::Result<()> {
    children::begin_with(prefix);
    if let Some([bench, subject, case]) = options.sample.as_deref() {
        return runner::sample_here(bench, subject, case);
    }
    if options.load {
        return load::generate();
    }
    if options.list {
        return list(&mut io::stdout().lock());
    }
    let began = Instant::now();
    let mut run = plan(options)?;
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build; its figures mean nothing (use --release)");
    }
    let report = Report::begin(options, &run)?;
    for index in 0..run.len() {
        runner::measure(&mut run, index)?;
        report.bench(&run[..=index], began.elapsed())?;
    }
    report.end(&run, began.elapsed())
}

fn list(out: &mut impl Write) -> io::Result<()> {
    for bench in benches::ALL {
        writeln!(out, "{}: {}", bench.name, bench.about)?;
        for subject in bench.subjects() {
            writeln!(out, "    {}", subject.name)?;
        }
        for case in bench.cases {
            let only = if case.full_only { " (with --full)" } else { "" };
            writeln!(out, "    · {case}{only}")?;
        }
    }
    Ok(())
}
