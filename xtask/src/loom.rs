//! `cargo xtask loom`: every interleaving of the runtime's lock-free code, up to a bound.

use clap::Args;

use crate::step::call_and_count;
use crate::workspace::{Outcome, cargo, target_dir};

#[derive(Args)]
pub struct Options {
    /// How many times a model may preempt a thread that could have gone on
    #[arg(long, default_value_t = 3)]
    preemptions: u32,
    /// How many minutes one model may take before it counts as explored
    #[arg(long, default_value_t = 2)]
    minutes: u32,
    /// Only models whose path contains this; every model lies in a module named `loom`
    #[arg(default_value = "loom")]
    filter: String,
}

pub fn command(options: &Options) -> Outcome {
    // `--cfg loom` changes every crate, so a shared target directory would be rebuilt at each turn.
    let mut command = cargo();
    command
        .args(["test", "--release", "--package", "fibra", "--features", "registry", "--lib", &options.filter])
        .env("CARGO_TARGET_DIR", target_dir().join("loom"))
        .env("RUSTFLAGS", "--cfg loom")
        .env("LOOM_MAX_PREEMPTIONS", options.preemptions.to_string())
        .env("LOOM_MAX_DURATION", (options.minutes * 60).to_string());
    match call_and_count(&mut command)? {
        0 => Err(format!("no model of `fibra` matches `{}`", options.filter).into()),
        models => {
            println!("{models} models hold");
            Ok(())
        }
    }
}
