//! The command line, for `fibra-bench` and for `fibra bench`.

use std::path::PathBuf;

use clap::Args;

/// What to measure and how to show it.
#[derive(Debug, Clone, Default, Args)]
pub struct Options {
    /// The benches to run, in this order; `all` runs every one
    #[arg(required_unless_present_any = ["list", "sample", "load"])]
    pub(crate) benches: Vec<String>,
    /// Print one JSON object a line instead of tables
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a page for the browser, `index.html`, and the raw figures, `results.json`, into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
    /// How often each subject is measured, taking turns with the others
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Measure only the subjects whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) subject: Option<String>,
    /// Measure every case; without it, a reduced grid that takes less than 40 minutes
    #[arg(long)]
    pub(crate) full: bool,
    /// List the benches, their subjects and cases
    #[arg(long)]
    pub(crate) list: bool,
    /// Take a single sample in this process (how the runner starts its children; for profilers too)
    #[arg(long, num_args = 3, value_names = ["BENCH", "SUBJECT", "CASE"], conflicts_with = "benches")]
    pub(crate) sample: Option<Vec<String>>,
    /// Generate load as the plan on standard input says (how samples of servers start their clients)
    #[arg(long, hide = true, conflicts_with = "benches")]
    pub(crate) load: bool,
}
