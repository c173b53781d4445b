//! The page: one file for the browser that needs nothing else, and the raw figures beside it.
//!
//! The style is inline and so are the plots, which are SVG; nothing is loaded from anywhere. It follows the reader's
//! preference for light or dark.

mod axis;
mod bars;
mod lines;
mod markup;
mod palette;
mod plots;
mod targets;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use plotters::prelude::{IntoDrawingArea, SVGBackend};

use super::{json, words};
use crate::machine::Machine;
use crate::results::{Measured, Outcome, Table};
use crate::statistics::Summary;
use crate::verdict::{Score, Verdict, verdicts};
use bars::{Canvas, Drawn};
use markup::{element, escape};

/// Writes `index.html` and `results.json` into `directory`, which exists.
///
/// # Errors
///
/// When a file can't be written.
pub fn write(directory: &Path, machine: &Machine, run: &[Measured], elapsed: Duration) -> io::Result<()> {
    let mut results = BufWriter::new(File::create(directory.join("results.json"))?);
    json::write(&mut results, json::opening(machine, run))?;
    for measured in run {
        json::write(&mut results, json::bench(measured))?;
    }
    json::write(&mut results, [json::total(run, elapsed)])?;
    results.flush()?;
    std::fs::write(directory.join("index.html"), page(machine, run, elapsed))
}

fn page(machine: &Machine, run: &[Measured], elapsed: Duration) -> String {
    let verdicts: Vec<Verdict> = run.iter().flat_map(verdicts).collect();
    let benches: String = run.iter().map(bench).collect();
    [
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
        "<meta name=\"color-scheme\" content=\"light dark\">\n",
        "<title>fibra beside its peers</title>\n",
        &element("style", "", &(palette::style() + include_str!("page/style.css"))),
        &header(machine, run, &verdicts, elapsed),
        "<main>\n",
        &targets::section(&verdicts),
        &self::machine(machine),
        &benches,
        "</main>\n</html>\n",
    ]
    .concat()
}

fn header(machine: &Machine, run: &[Measured], verdicts: &[Verdict], elapsed: Duration) -> String {
    let Score { met, lost, open } = Score::of(verdicts);
    let samples: u32 = run
        .iter()
        .flat_map(|measured| &measured.tables)
        .flat_map(|table| &table.outcomes)
        .map(|outcome| outcome.taken)
        .sum();
    let tile = |figure: String, what: &str| {
        element("div", "tile", &(element("b", "", &figure) + &element("span", "", what)))
    };
    let mut tiles = tile(run.len().to_string(), "benches")
        + &tile(words::grouped(samples.into()), "samples, each in a process of its own")
        + &tile(words::duration(elapsed), "in all");
    if !verdicts.is_empty() {
        let open = if open == 0 { String::new() } else { format!(", {open} open") };
        tiles += &tile(format!("{met} of {}", verdicts.len()), &format!("targets met, {lost} lost{open}"));
    }
    let link = |measured: &Measured| {
        let name = escape(measured.bench.name);
        format!("<a href=\"#{name}\">{name}</a>\n")
    };
    let links: String = run.iter().map(link).collect();
    let lede = format!(
        "One interleaved run of <code>{}</code>, begun {}.",
        escape(&machine.command),
        escape(&machine.date.replace('T', " ").replace('Z', " UTC"))
    );
    let inner = element("h1", "", "fibra beside its peers")
        + &element("p", "lede", &lede)
        + &element("div", "tiles", &tiles)
        + &element("nav", "", &links);
    element("header", "", &inner)
}

fn machine(machine: &Machine) -> String {
    let entry = |name: &str, value: &str| element("dt", "", name) + &element("dd", "", &escape(value));
    let versions: String = machine
        .packages
        .iter()
        .map(|(name, version)| element("li", "", &format!("{} <b>{}</b>", escape(name), escape(version))))
        .collect();
    let inner = element("h2", "", "Machine and versions")
        + &element(
            "dl",
            "",
            &(entry("Processor", &format!("{}, {} cores", machine.cpu, machine.cores))
                + &entry("Memory", &format!("{} MiB", words::grouped(machine.memory)))
                + &entry("System", &format!("Linux {}", machine.kernel))
                + &entry("Load before", &machine.load)
                + &entry("Compiler", machine.compiler)),
        )
        + &element("ul", "versions", &versions)
        + &element("p", "about", HOW_TO_READ);
    format!("<section id=\"machine\">\n{inner}</section>\n")
}

const HOW_TO_READ: &str = "Subjects take turns, round by round, and each sample is taken in a fresh process, \
    which has one core to itself where a case has one worker. A bar is the \
    median over the rounds, its whisker reaches from the smallest to the largest sample: \
    <i class=\"ours\"></i> fibra, <i class=\"reference\"></i> who the bench’s ratios are taken against, \
    <i class=\"peer\"></i> everybody else. A ratio is the median of the rounds’ ratios.";

fn bench(measured: &Measured) -> String {
    let mut inner = element("h2", "", &escape(measured.bench.name));
    inner += &element("p", "about", &escape(&capitalised(measured.bench.about)));
    if let Some(contention) = &measured.contention {
        inner += &element("p", "aside", &format!("Measured in {}.", escape(&words::contention(contention))));
    }
    for (subject, reason) in &measured.skipped {
        inner += &element("p", "aside", &format!("{} is skipped: {}.", escape(subject.name), escape(reason)));
    }
    for group in plots::groups(measured) {
        inner += &self::group(measured, &group);
    }
    format!("<section id=\"{}\">\n{inner}</section>\n", escape(measured.bench.name))
}

/// Plots beside the table where it is narrow, above it where it is wide.
fn group(measured: &Measured, group: &plots::Group) -> String {
    let title = element("h3", "", &escape(&plots::title(group)));
    let plots = plots::draw(measured, group);
    let tables =
        group.tables.iter().map(|table| element("div", "table", &self::table(measured, table, group)));
    let tables: String = tables.collect();
    let class = if plots::is_wide(group) { "case" } else { "case beside" };
    element(
        "article",
        class,
        &(title + &element("div", "plots", &plots) + &element("div", "tables", &tables)),
    )
}

fn table(measured: &Measured, table: &Table, group: &plots::Group) -> String {
    let caption = if group.tables.len() == 1 {
        String::new()
    } else {
        element("caption", "", &escape(&words::parameters(table.case)))
    };
    let metrics = table.metrics();
    let mut head = element("th", "", "");
    for (metric, unit) in &metrics {
        let unit = element("small", "", &escape(unit));
        head += &element("th", "", &format!("{}{unit}", escape(&metric.replace('_', " "))));
    }
    let reference = table.outcome(measured.bench.reference);
    if let Some(Outcome { subject, .. }) = reference {
        head += &element("th", "", &format!("× {}<small>95 % interval</small>", escape(subject.name)));
    }
    let rows: String = table
        .outcomes
        .iter()
        .filter(|outcome| !outcome.series.is_empty())
        .map(|outcome| row(outcome, &metrics, reference))
        .collect();
    let failures: String = table.outcomes.iter().filter_map(failure).collect();
    if rows.is_empty() {
        return failures;
    }
    let head = element("thead", "", &element("tr", "", &head));
    element("table", "", &(caption + &head + &element("tbody", "", &rows))) + &failures
}

fn row(outcome: &Outcome, metrics: &[(&str, &str)], reference: Option<&Outcome>) -> String {
    let mut cells = format!("<th scope=\"row\">{}</th>", escape(outcome.subject.name));
    for (metric, _) in metrics {
        cells += &match outcome.samples(metric).and_then(Summary::of) {
            Some(summary) => cell(summary.median, summary.min, summary.max),
            None => element("td", "", ""),
        };
    }
    cells += &reference.map_or_else(String::new, |reference| ratio(outcome, metrics[0].0, reference));
    element("tr", if outcome.subject.is_ours() { "ours" } else { "" }, &cells)
}

fn ratio(outcome: &Outcome, metric: &str, reference: &Outcome) -> String {
    match outcome.ratio(metric, reference) {
        _ if reference.subject.name == outcome.subject.name => element("td", "", "1"),
        Some(ratio) => cell(ratio.median, ratio.low, ratio.high),
        None => element("td", "", ""),
    }
}

fn cell(middle: f64, from: f64, to: f64) -> String {
    let range = format!("{}–{}", words::figure(from), words::figure(to));
    element("td", "", &(words::figure(middle) + &element("small", "", &range)))
}

fn failure(outcome: &Outcome) -> Option<String> {
    let reason = escape(outcome.failure.as_deref()?);
    Some(element("p", "aside", &format!("{}: not measured: {reason}", escape(outcome.subject.name))))
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The SVG of what `draw` draws on a canvas of that many pixels.
fn draw_svg(size: (i32, i32), draw: impl FnOnce(&Canvas) -> Drawn) -> String {
    let mut svg = String::new();
    let canvas = SVGBackend::with_string(&mut svg, (size.0 as u32, size.1 as u32)).into_drawing_area();
    draw(&canvas).and_then(|()| canvas.present()).expect("a string takes every stroke");
    drop(canvas);
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Against, Bench, Case, Limit, Measurement, Subject, Target};

    const OURS: Subject = Subject::new("fibra <thread>", "fibra", |_| Vec::new());
    const PEER: Subject = Subject::new("tokio", "tokio", |_| Vec::new());

    static BENCH: Bench = Bench {
        name: "example",
        about: "what an example costs",
        reference: "tokio",
        cases: &[
            Case::new(&[("depth", 1), ("workers", 1)]),
            Case::new(&[("depth", 64), ("workers", 1)]),
            Case::new(&[("depth", 4), ("workers", 1)]),
            Case::new(&[("depth", 16), ("workers", 1)]),
            Case::new(&[("depth", 16), ("workers", 2)]),
        ],
        subjects: &[&[OURS, PEER]],
        targets: &[Target {
            subject: "fibra <thread>",
            metric: "time",
            applies: |case| case.get("workers") == 2,
            against: Against::Subject("tokio"),
            limit: Limit::AtMost(0.5),
        }],
    };

    fn outcome(subject: &'static Subject, time: f64) -> Outcome {
        let mut outcome = Outcome::new(subject, 3);
        for noise in [0.98, 1.0, 1.05] {
            let measurements =
                ["time", "cpu"].map(|metric| Measurement::new(metric, time * noise, "ns/example"));
            outcome.record(Ok(measurements.to_vec()), Duration::from_secs(1));
        }
        outcome
    }

    fn measured() -> Measured {
        let table = |case: &'static Case| {
            let time = case.get("depth") as f64 * 10.0;
            let mut failed = Outcome::new(&PEER, 3);
            failed.record(Err("no memory & no hope".into()), Duration::ZERO);
            Table { case, outcomes: vec![outcome(&OURS, time), outcome(&PEER, time * 3.0), failed] }
        };
        let tables = BENCH.cases.iter().map(table).collect();
        Measured { bench: &BENCH, tables, skipped: vec![(&PEER, "it is not here".into())], contention: None }
    }

    fn example() -> String {
        let run = [measured()];
        page(&Machine::read(&run), &run, Duration::from_secs(100))
    }

    #[test]
    fn a_page_loads_nothing_from_elsewhere() {
        let page = example().replace("http://www.w3.org/2000/svg", "");
        for reference in ["http:", "https:", "src=", "<link", "@import", "url("] {
            assert!(!page.contains(reference), "{reference} in {page}");
        }
    }

    #[test]
    fn a_page_shows_figures_ratios_targets_failures_and_skips_and_no_foreign_markup() {
        let page = example();
        for text in [
            "fibra &lt;thread&gt;: time ≤ 0.5 × tokio",
            "<td>160<small>157–168</small>",
            "<td>0.33<small>0.33–0.33</small>",
            "<span class=\"mark met\">met</span>",
            "tokio: not measured: no memory &amp; no hope",
            "tokio is skipped: it is not here.",
        ] {
            assert!(page.contains(text), "{text} is missing in {page}");
        }
        assert!(!page.contains("<thread>"), "{page}");
    }

    #[test]
    fn cases_that_differ_in_one_parameter_are_lines_if_they_are_many_and_else_bars() {
        let (measured, page) = (measured(), example());
        let sizes: Vec<_> = plots::groups(&measured).iter().map(|group| group.tables.len()).collect();
        assert_eq!(sizes, [4, 1]);
        assert_eq!(page.matches("<ul class=\"legend\">").count(), 2, "time and cpu over depth: {page}");
    }

    #[test]
    fn every_tag_is_closed() {
        let page = example();
        for name in
            ["section", "article", "div", "table", "tr", "figure", "svg", "p", "ul", "li", "header", "main"]
        {
            let opened =
                page.matches(&format!("<{name}>")).count() + page.matches(&format!("<{name} ")).count();
            assert_eq!(opened, page.matches(&format!("</{name}>")).count(), "{name}");
        }
    }

    #[test]
    fn both_files_are_written() {
        let directory = std::env::temp_dir().join(format!("fibra-bench-page-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a temporary directory can be made");
        let run = [measured()];
        write(&directory, &Machine::read(&run), &run, Duration::from_secs(100))
            .expect("it can be written to");
        let results = std::fs::read_to_string(directory.join("results.json")).expect("the figures are there");
        let page = std::fs::read_to_string(directory.join("index.html")).expect("the page is there");
        std::fs::remove_dir_all(&directory).expect("it was just made");
        assert!(page.ends_with("</html>\n"));
        for line in results.lines() {
            let object: serde_json::Value = serde_json::from_str(line).expect("each line is an object");
            for field in ["bench", "subject", "params", "metric", "value", "unit"] {
                assert!(object.get(field).is_some(), "`{line}` has no `{field}`");
            }
        }
        assert!(results.contains("\"target\":{\"against\":\"tokio\",\"at_most\":0.5"), "{results}");
    }
}
