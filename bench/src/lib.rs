//! fibra beside its peers, in one interleaved run.
//!
//! `fibra-bench switch spawn yield` runs those benches and prints a table; `--json` prints one object a line instead, and
//! `--report DIR` writes a page. `fibra bench` runs the same without the peers, whose crates are behind the feature
//! `peers`.
//!
//! A bench is a table of cases and subjects ([`bench::Bench`]) and lives in one file below `benches/`, with a small
//! function for each subject. [`session`] is a whole run: [`plan`] says who is measured and how often, [`runner`] takes
//! every sample in a process of its own, and [`report`] shows the [`results`] and the [`verdict`] on each target.

mod bench;
mod benches;
mod children;
mod contention;
mod epoll;
#[cfg(feature = "peers")]
mod go;
mod load;
mod lot;
mod machine;
mod memory;
mod options;
mod plan;
mod programs;
mod progress;
mod raw;
mod report;
mod results;
mod root;
mod runner;
mod session;
mod statistics;
mod stopwatch;
mod verdict;
mod work;

pub use options::Options;
pub use session::run;
