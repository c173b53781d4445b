//! `fibra bench` compares with the bare ring and reads what Linux tells of processes: elsewhere it says so.

/// Takes whatever it is called with.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub fn run(options: &Options) -> Result<(), String> {
    Err(format!("`fibra bench {}` measures on Linux alone", options.arguments.join(" ")))
}
