//! Imports point down, and never round in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use super::house::{CRATES, Entry, Floors, House, TABLE_FILE, in_table};
use super::{Finding, Rule};

/// The first line that makes one entry of the table import another.
type Edges<'house> = BTreeMap<(&'house Entry, &'house Entry), (String, usize)>;

pub fn check(house: &House<'_>, findings: &mut Vec<Finding>) {
    check_table(house, findings);
    let edges = imports(house, findings);
    check_cycles(&edges, findings);
}

/// Every module has a floor, and the table names nothing that is gone.
fn check_table(house: &House<'_>, findings: &mut Vec<Finding>) {
    for module in &house.tree.files {
        if module.path.len() == 1 && house.floors.entry_of(&module.path).is_none() {
            let (path, line) = module.declared.clone();
            let message = format!("`{}` has no floor: add it to the table in {TABLE_FILE}", module.path[0]);
            findings.push(Finding { path, line, rule: Rule::Table, message });
        }
    }
    for (index, entry) in house.floors.entries.iter().enumerate() {
        if entry.floor > CRATES && entry.module != ["lib"] && !house.tree.has(&entry.module) {
            findings.push(in_table(entry.line, format!("there is no module `{}`", entry.name())));
        }
        if house.floors.entries[..index].iter().any(|earlier| earlier.module == entry.module) {
            findings.push(in_table(entry.line, format!("`{}` stands on two floors", entry.name())));
        }
    }
}

/// Reports imports that point up; returns those between modules of one floor.
fn imports<'house>(house: &'house House<'_>, findings: &mut Vec<Finding>) -> Edges<'house> {
    let mut edges = Edges::new();
    for module in &house.tree.files {
        let Some(from) = house.floors.entry_of(&module.path) else { continue };
        for path in module.source.facts.paths.iter().filter(|path| !path.in_test) {
            let standing_in = [&module.path[..], &path.inside].concat();
            let target = house.tree.resolve(&standing_in, &path.segments);
            let Some(to) = target.and_then(|target| house.floors.entry_of(&target)) else { continue };
            if to.floor > from.floor {
                let message = format!(
                    "`{}` (floor {}) imports `{}` (floor {}): imports only point down",
                    from.name(),
                    from.floor,
                    to.name(),
                    to.floor
                );
                findings.push(module.source.finding(path.line, Rule::Upward, message));
            } else if to.floor == from.floor && to != from {
                edges.entry((from, to)).or_insert_with(|| (module.source.path.clone(), path.line));
            }
        }
    }
    edges
}

fn check_cycles(edges: &Edges<'_>, findings: &mut Vec<Finding>) {
    let mut reported = BTreeSet::new();
    for start in edges.keys().map(|(from, _)| *from).collect::<BTreeSet<_>>() {
        if reported.contains(start) {
            continue;
        }
        let Some(cycle) = shortest_cycle(edges, start) else { continue };
        let hops: Vec<String> = cycle
            .windows(2)
            .map(|hop| {
                let (path, line) = &edges[&(hop[0], hop[1])];
                format!("`{}` imports `{}` ({path}:{line})", hop[0].name(), hop[1].name())
            })
            .collect();
        let (path, line) = edges[&(cycle[0], cycle[1])].clone();
        let message = format!("imports go round: {}", hops.join(", "));
        findings.push(Finding { path, line, rule: Rule::Cycle, message });
        reported.extend(cycle);
    }
}

/// The shortest way from `start` back to `start`, both ends included.
fn shortest_cycle<'house>(edges: &Edges<'house>, start: &'house Entry) -> Option<Vec<&'house Entry>> {
    let mut came_from: BTreeMap<&Entry, &Entry> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(entry) = queue.pop_front() {
        for (_, next) in edges.keys().filter(|(from, _)| *from == entry) {
            if came_from.contains_key(next) {
                continue;
            }
            came_from.insert(next, entry);
            if *next == start {
                let mut way = vec![start, entry];
                while way[way.len() - 1] != start {
                    way.push(came_from[way[way.len() - 1]]);
                }
                way.reverse();
                return Some(way);
            }
            queue.push_back(next);
        }
    }
    None
}

/// The crates of floor 1 don't know each other, nor anything above.
pub fn check_crates(root: &Path, floors: &Floors, findings: &mut Vec<Finding>) {
    for entry in floors.entries.iter().filter(|entry| entry.floor == CRATES) {
        let path = format!("{}/Cargo.toml", entry.name());
        let Ok(manifest) = fs::read_to_string(root.join(&path)) else {
            findings.push(in_table(entry.line, format!("there is no crate in `{}`", entry.name())));
            continue;
        };
        for (index, text) in manifest.lines().enumerate().filter(|(_, text)| text.starts_with("fibra")) {
            let package: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
            let message = format!("`{}` is a crate of floor 1 and imports `{package}`", entry.name());
            findings.push(Finding { path: path.clone(), line: index + 1, rule: Rule::Upward, message });
        }
    }
}
