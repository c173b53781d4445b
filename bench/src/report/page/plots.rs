//! Which plots a bench gets: bars for each case, or lines where its cases differ in one parameter only.

use super::bars::{self, Bar};
use super::lines::{self, Line};
use super::markup::{element, escape};
use super::{palette, words};
use crate::bench::Case;
use crate::results::{Measured, Outcome, Table};
use crate::statistics::Summary;

/// Cases that are shown together.
pub struct Group<'a> {
    /// One table, or those of one series.
    pub tables: Vec<&'a Table>,
    /// The parameter in which the cases of a series differ.
    over: Option<&'static str>,
}

/// So many values of one parameter make a line.
const SERIES: usize = 4;

/// The cases of a bench, where those that are alike but for one parameter form a group if they are many.
pub fn groups(measured: &Measured) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    for table in &measured.tables {
        let is_known = |group: &Group| group.tables.iter().any(|known| std::ptr::eq(*known, table));
        if !groups.iter().any(is_known) {
            groups.push(series(&measured.tables, table).unwrap_or(Group { tables: vec![table], over: None }));
        }
    }
    groups
}

fn series<'a>(tables: &'a [Table], table: &Table) -> Option<Group<'a>> {
    table.case.parameters().find_map(|(name, _)| {
        let is_alike = |other: &&Table| others(other.case, name).eq(others(table.case, name));
        let mut alike: Vec<_> =
            tables.iter().filter(|other| other.case.find(name).is_some()).filter(is_alike).collect();
        alike.sort_by_key(|table| table.case.get(name));
        (alike.len() >= SERIES).then_some(Group { tables: alike, over: Some(name) })
    })
}

fn others(case: &'static Case, name: &str) -> impl Iterator<Item = (&'static str, u64)> {
    case.parameters().filter(move |(other, _)| *other != name)
}

/// A plot of the first metric, one of the second where there are many, and one of each other that a target is about.
pub fn draw(measured: &Measured, group: &Group) -> String {
    let metrics: Vec<_> = group.tables.first().map(|table| table.metrics()).unwrap_or_default();
    let first = if is_wide(group) { 2 } else { 1 };
    let wanted = metrics.iter().enumerate().filter(|(index, (metric, _))| {
        *index < first || (is_target(measured, group, metric) && is_visible(group, metric))
    });
    let plot = |(_, (metric, unit)): (usize, &(&str, &str))| {
        let title = format!("{}{}", escape(&metric.replace('_', " ")), direction(unit));
        let title = element("figcaption", "", &title);
        let drawn = match group.over {
            Some(parameter) => over(parameter, measured, group, metric, unit),
            None => bars(measured, group.tables[0], metric, unit),
        };
        element("figure", "", &(title + &drawn))
    };
    wanted.map(plot).collect()
}

/// Whether the tables of a group need the page's whole width.
pub fn is_wide(group: &Group) -> bool {
    group.tables.len() > 1 || group.tables.iter().any(|table| table.metrics().len() > 3)
}

fn is_target(measured: &Measured, group: &Group, metric: &str) -> bool {
    let mut targets = measured.bench.targets.iter().filter(|target| target.metric == metric);
    targets.any(|target| group.tables.iter().any(|table| (target.applies)(table.case)))
}

/// Whether there is anything to see: counts of what must not happen are zero.
fn is_visible(group: &Group, metric: &str) -> bool {
    let outcomes = || group.tables.iter().flat_map(|table| &table.outcomes);
    outcomes().filter_map(|outcome| outcome.samples(metric)).flatten().any(|sample| *sample != 0.0)
}

/// Which way is better, where the unit tells.
fn direction(unit: &str) -> &'static str {
    let is_rate = unit.ends_with("/s") || unit == "IOPS";
    let is_cost = ["ns", "µs", "ms", "s", "B", "KiB"].iter().any(|cost| unit.split('/').next() == Some(cost));
    match (is_rate, is_cost) {
        (true, _) => "<small>more is better</small>",
        (_, true) => "<small>less is better</small>",
        _ => "",
    }
}

fn bars(measured: &Measured, table: &Table, metric: &str, unit: &str) -> String {
    let bar = |outcome: &'_ Outcome| {
        Some(Bar {
            subject: outcome.subject.name,
            summary: Summary::of(outcome.samples(metric)?)?,
            colour: match () {
                () if outcome.subject.is_ours() => &palette::OURS,
                () if outcome.subject.name == measured.bench.reference => &palette::REFERENCE,
                () => &palette::PEER,
            },
        })
    };
    bars::draw(&table.outcomes.iter().filter_map(bar).collect::<Vec<_>>(), unit)
}

fn over(parameter: &str, measured: &Measured, group: &Group, metric: &str, unit: &str) -> String {
    let subjects = measured.bench.subjects().filter(|subject| {
        group
            .tables
            .iter()
            .any(|table| table.outcome(subject.name).is_some_and(|it| it.samples(metric).is_some()))
    });
    let (mut ours, mut peers) = (0, 0);
    let mut legend = String::new();
    let mut lines = Vec::new();
    for subject in subjects {
        let is_ours = subject.is_ours();
        let count = if is_ours { &mut ours } else { &mut peers };
        let colour = palette::line(*count, is_ours);
        *count += 1;
        let point = |table: &&Table| {
            let samples = table.outcome(subject.name)?.samples(metric)?;
            Some((table.case.get(parameter), Summary::of(samples)?.median))
        };
        lines.push(Line { colour, is_ours, points: group.tables.iter().filter_map(point).collect() });
        let swatch = format!("<i style=\"background:{}\"></i>", colour.variable());
        legend += &element("li", "", &(swatch + &escape(subject.name)));
    }
    lines::draw(&lines, &parameter.replace('_', " "), unit) + &element("ul", "legend", &legend)
}

/// What is the same in all cases of a group.
pub fn title(group: &Group) -> String {
    let case = group.tables[0].case;
    match group.over {
        None => words::parameters(case),
        Some(name) => others(case, name).map(words::parameter).collect::<Vec<_>>().join(" · "),
    }
}
