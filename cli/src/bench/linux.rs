//! `fibra bench`: the crate `fibra-bench`, which says what is measured and how.

pub use fibra_bench::Options;

pub fn run(options: &Options) -> Result<(), String> {
    fibra_bench::run(options, &["bench"]).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use crate::arguments::{Arguments, Command};
    use clap::Parser;

    #[test]
    fn a_bench_has_options_of_its_own() {
        let parse =
            |line: &str| Arguments::try_parse_from(line.split_whitespace()).map(Arguments::into_command);
        assert!(matches!(parse("fibra bench spawn --rounds 3 --json"), Ok(Command::Bench(_))));
        assert_eq!(parse("fibra bench").expect_err("a bench is named").exit_code(), 2);
        assert_eq!(parse("fibra bench spawn --hidden").expect_err("that is serve's").exit_code(), 2);
    }
}
