//! Where the repository and its build output are, and how cargo is called there.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What every command of this tool returns: the error is one line for a person to act on.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in a folder of the repository")
}

/// The folder cargo builds into, as the environment or cargo's default says.
pub fn target_dir() -> PathBuf {
    let named = env::var_os("CARGO_TARGET_DIR").or_else(|| env::var_os("CARGO_BUILD_TARGET_DIR"));
    root().join(named.map_or_else(|| PathBuf::from("target"), PathBuf::from))
}

/// The cargo that runs this tool, standing in the root of the repository.
///
/// What `cargo run` told this process about the package `xtask` is taken back, so that a build started here
/// and the same build started from a shell see one environment and share their results.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(root());
    for (name, _) in env::vars_os() {
        let told_by_cargo_run = name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        if told_by_cargo_run {
            command.env_remove(name);
        }
    }
    command
}
