//! The module tree of the runtime, from its `mod` lines.

use std::collections::BTreeSet;

use super::source::Source;
use super::{Finding, Rule};

/// The folder whose modules have floors.
pub const FOLDER: &str = "runtime/src";

/// A file of the tree that is compiled into the crate, tests left out.
pub struct Module<'source> {
    /// Without `crate`: empty for `lib.rs`.
    pub path: Vec<String>,
    pub source: &'source Source,
    /// Path and line of the `mod` line that leads here.
    pub declared: (String, usize),
}

pub struct Tree<'source> {
    pub files: Vec<Module<'source>>,
    /// Every module, those inside a file included.
    names: BTreeSet<Vec<String>>,
}

impl<'source> Tree<'source> {
    pub fn grow(sources: &'source [Source], findings: &mut Vec<Finding>) -> Tree<'source> {
        let mut tree = Tree { files: Vec::new(), names: BTreeSet::from([Vec::new()]) };
        let mut reached = BTreeSet::new();
        let root = format!("{FOLDER}/lib.rs");
        if let Some(source) = sources.iter().find(|source| source.path == root) {
            tree.plant(sources, Module { path: Vec::new(), source, declared: (root, 1) }, &mut reached);
        }
        let below = sources.iter().filter(|source| source.path.starts_with(&format!("{FOLDER}/")));
        for orphan in below.filter(|source| !reached.contains(source.path.as_str())) {
            findings.push(orphan.finding(1, Rule::Source, "no `mod` line leads to this file"));
        }
        tree
    }

    fn plant(
        &mut self,
        sources: &'source [Source],
        module: Module<'source>,
        reached: &mut BTreeSet<&'source str>,
    ) {
        reached.insert(&module.source.path);
        for line in &module.source.facts.modules {
            let path = [&module.path[..], &line.inside, std::slice::from_ref(&line.name)].concat();
            if !line.in_test {
                self.names.insert(path.clone());
            }
            let files = match &line.file {
                Some(file) => vec![beside(&module.source.path, file)],
                None => ["", "/mod"].map(|end| format!("{FOLDER}/{}{end}.rs", path.join("/"))).to_vec(),
            };
            if let Some(source) = sources.iter().find(|source| !line.inline && files.contains(&source.path)) {
                let declared = (module.source.path.clone(), line.line);
                self.plant(sources, Module { path, source, declared }, reached);
            }
        }
        if !module.source.in_test {
            self.files.push(module);
        }
    }

    pub fn has(&self, module: &[String]) -> bool {
        self.names.contains(module)
    }

    /// The module in which a path that is written in `from` ends, if it lies in this crate.
    pub fn resolve(&self, from: &[String], segments: &[String]) -> Option<Vec<String>> {
        let mut base = from.to_vec();
        let mut rest = segments;
        match segments.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = &segments[1..];
            }
            "self" => rest = &segments[1..],
            "super" => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            // A child of the module we stand in. Alone it may as well be a variable.
            child => {
                let named = [from, &[child.to_owned()]].concat();
                if segments.len() < 2 || !self.has(&named) {
                    return None;
                }
            }
        }
        for segment in rest {
            base.push(segment.clone());
            if !self.has(&base) {
                base.pop();
                break;
            }
        }
        Some(base)
    }
}

/// A path that is relative to a file's folder.
fn beside(source: &str, file: &str) -> String {
    source.rsplit_once('/').map_or_else(|| file.to_owned(), |(folder, _)| format!("{folder}/{file}"))
}
