//! `fibra bench`: the crate `fibra-bench`, which says what is measured and how.

pub use fibra_bench::Options;

pub fn run(options: &Options) -> Result<(), String> {
    fibra_bench::run(options, &["bench"]).map_err(|error| error.to_string())
}
