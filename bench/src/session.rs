//! A whole run: the selected benches, one after the other.

use std::io::{self, Write};

use crate::bench::Bench;
use crate::benches;
use crate::load;
use crate::machine::Machine;
use crate::options::Options;
use crate::report::{self, Format};
use crate::runner::{self, Runner};

/// Does what the command line asks for.
///
/// Samples are taken in children, which are this executable started with the arguments `prefix` before those that
/// name the sample: empty where these options are the whole command line, else what leads to them.
///
/// # Errors
///
/// When there is no such bench, a child can't be started, or the output can't be written. A subject that fails is no
/// error: its row says so.
pub fn run(options: &Options, prefix: &[&str]) -> io::Result<()> {
    if let Some([bench, subject, case]) = options.sample.as_deref() {
        return runner::sample_here(bench, subject, case);
    }
    if options.load {
        return load::generate();
    }
    if options.list {
        return list(&mut io::stdout().lock());
    }
    let selected = select(&options.benches)?;
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build; its figures mean nothing (use --release)");
    }
    let mut runner = Runner::new(options, prefix)?;
    let format = if options.json { Format::Json } else { Format::Table };
    report::machine(&mut io::stdout().lock(), format, &Machine::read())?;
    for bench in selected {
        for case in bench.cases.iter().filter(|case| options.full || !case.full_only) {
            let outcomes = runner.case(bench, case)?;
            report::case(&mut io::stdout().lock(), format, bench, case, &outcomes)?;
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
