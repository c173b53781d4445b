//! Who is to be measured, in which cases, and how often.

use std::io;

use crate::bench::{Bench, Case, Subject};
use crate::benches;
use crate::options::Options;
use crate::programs::Programs;
use crate::results::{Measured, Outcome, Table};

/// The benches that `options` name, with everything that is to be measured and no sample yet.
///
/// Programs that subjects need are built meanwhile.
///
/// # Errors
///
/// When there is no such bench, or the filter leaves no subject.
pub fn plan(options: &Options) -> io::Result<Vec<Measured>> {
    let mut programs = Programs::default();
    let benches = select(&options.benches)?;
    let run: Vec<_> = benches.into_iter().map(|bench| plan_bench(bench, options, &mut programs)).collect();
    let nobody = run.iter().all(|measured| measured.tables.is_empty() && measured.skipped.is_empty());
    match &options.subject {
        Some(text) if nobody => {
            Err(io::Error::other(format!("no subject of these benches is called `{text}`")))
        }
        _ => Ok(run),
    }
}

fn select(names: &[String]) -> io::Result<Vec<&'static Bench>> {
    if names.iter().any(|name| name == "all") {
        return Ok(benches::ALL.iter().collect());
    }
    names.iter().map(|name| benches::find(name)).collect()
}

fn plan_bench(bench: &'static Bench, options: &Options, programs: &mut Programs) -> Measured {
    let cases: Vec<_> = bench.cases.iter().filter(|case| options.full || !case.full_only).collect();
    let is_asked_for = |subject: &&'static Subject| {
        options.subject.as_deref().is_none_or(|text| subject.name.contains(text))
            && cases.iter().any(|case| (subject.applies)(case))
    };
    let mut skipped = Vec::new();
    let mut subjects: Vec<_> = bench.subjects().filter(is_asked_for).collect();
    subjects.retain(|subject| {
        let usable = subject.needed.map_or(Ok(()), |program| programs.usable(program));
        usable.map_err(|reason| skipped.push((*subject, reason))).is_ok()
    });
    let table = |case: &'static Case| {
        let rounds = options.rounds.min(case.rounds_at_most);
        let applicable = subjects.iter().filter(|subject| (subject.applies)(case));
        Table { case, outcomes: applicable.map(|subject| Outcome::new(subject, rounds)).collect() }
    };
    let tables = cases.into_iter().map(table).filter(|table| !table.outcomes.is_empty()).collect();
    Measured { bench, tables, skipped, contention: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(bench: &str) -> Options {
        Options { benches: vec![bench.into()], rounds: 3, ..Options::default() }
    }

    /// How many samples are planned.
    fn samples(options: &Options) -> u32 {
        let run = plan(options).expect("there is such a bench");
        let tables = run.iter().flat_map(|measured| &measured.tables);
        tables.flat_map(|table| &table.outcomes).map(Outcome::rounds_left).sum()
    }

    #[test]
    fn all_is_every_bench() {
        let run = plan(&options("all")).expect("there are benches");
        let names: Vec<_> = run.iter().map(|measured| measured.bench.name).collect();
        assert_eq!(names, benches::ALL.iter().map(|bench| bench.name).collect::<Vec<_>>());
    }

    #[test]
    fn a_filter_keeps_the_subjects_whose_name_contains_it() {
        let name = benches::ALL[0].name;
        let subject = benches::ALL[0].subjects().next().expect("a bench has subjects").name;
        let only = |text: &str| samples(&Options { subject: Some(text.into()), ..options(name) });
        let (all, one) = (samples(&options(name)), only(subject));
        assert!(0 < one && one <= all, "{one} of {all}");
        let nobody = Options { subject: Some("nobody".into()), ..options(name) };
        let error = plan(&nobody).err().expect("there is no such subject").to_string();
        assert_eq!(error, "no subject of these benches is called `nobody`");
    }

    #[test]
    fn an_unknown_bench_is_an_error_that_lists_those_that_there_are() {
        let error = plan(&options("spwan")).err().expect("there is no such bench").to_string();
        assert!(error.starts_with("there is no bench `spwan`; there are "), "{error}");
        assert!(error.contains(benches::ALL[0].name), "{error}");
    }
}
