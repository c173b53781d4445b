//! fibra beside its peers, in one interleaved run.
//!
//! `fibra-bench switch spawn yield` runs those benches and prints a table; `--json` prints one object a line instead, and
//! `--report DIR` writes a page. `fibra bench` runs the same without the peers, whose crates are behind the feature
//! `peers`.
//!
//! Every sample is taken in a process of its own ([`runner`]), a bench is a table of cases and subjects
//! ([`bench::Bench`]), and each lives in one file below `benches/`, with one small function for each subject.

mod bench;
mod benches;
mod epoll;
#[cfg(feature = "peers")]
mod go;
mod load;
mod machine;
mod memory;
mod options;
mod programs;
mod raw;
mod report;
mod runner;
mod session;
mod statistics;
mod stopwatch;

pub use options::Options;
pub use session::run;
