//! macOS and FreeBSD: linted, and linked in full. Nothing here can run what comes of it.
//!
//! The linker is zig's, which has the systems' libraries as stubs: a function that a system lacks is an error. What the
//! programs then import is looked at, for a stub tells nothing of a library that nobody should ask for.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use object::Object;

use super::build::{Programs, programs_of};
use super::{Build, Options, PACKAGES, Target, home};
use crate::step::call;
use crate::workspace::{Outcome, cargo, root};

static APPLE: [Target; 2] = [apple("aarch64-apple-darwin"), apple("x86_64-apple-darwin")];

static FREEBSD: Target = Target {
    triple: "x86_64-unknown-freebsd",
    debian_name: None,
    linker: None,
    start_objects: &[],
    needs: NEEDS,
};

const NEEDS: &[(&str, &str)] = &[("python3", "python3 python3-venv")];

const fn apple(triple: &'static str) -> Target {
    Target { triple, debian_name: None, linker: None, start_objects: &[], needs: NEEDS }
}

/// The libraries that every Mac has, and that std and fibra are made for.
const LIBRARIES: [&str; 2] = ["/usr/lib/libSystem.B.dylib", "/usr/lib/libiconv.2.dylib"];

/// For both kinds of Macs; looks at the imports, too.
pub fn check_macos(options: &Options) -> Outcome<u64> {
    let mut count = 0;
    for target in &APPLE {
        let programs = check(target, options)?;
        for (name, path) in &programs {
            check_imports(name, &fs::read(path)?)?;
        }
        println!("{}: {} programs import what Macs have", target.triple, programs.len());
        count += programs.len() as u64;
    }
    Ok(count)
}

pub fn check_freebsd(options: &Options) -> Outcome<u64> {
    Ok(check(&FREEBSD, options)?.len() as u64)
}

/// Lints everything, and links every test program.
fn check(target: &'static Target, options: &Options) -> Outcome<Programs> {
    let build = Build::prepare(target)?;
    let (packages, features) = (options.packages_or(&PACKAGES), ["--all-features"]);
    let mut lint = build.apply_to(zigbuild("clippy")?, &packages)?;
    call(lint.arg("--all-targets").args(features).args(["--", "-D", "warnings"]))?;
    let mut link = build.apply_to(zigbuild("zigbuild")?, &packages)?;
    let programs = programs_of(link.arg("--tests").args(features))?;
    println!("{}: {} programs are linked", target.triple, programs.len());
    Ok(programs)
}

/// A command of cargo's, with zig for compiling what is C, and for linking.
fn zigbuild(subcommand: &str) -> Outcome<Command> {
    let tools = tools()?;
    let mut command = Command::new(tools.join("bin/cargo-zigbuild"));
    command.arg(subcommand).current_dir(root()).env("CARGO", cargo().get_program());
    command.env("CARGO_ZIGBUILD_ZIG_PATH", tools.join("bin/python-zig"));
    Ok(command)
}

/// zig, and the command that has cargo link by it.
fn tools() -> Outcome<PathBuf> {
    let folder = home().join("zig");
    // An environment knows its own path, so that it is made where it stays.
    if !folder.join("done").exists() {
        call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        call(Command::new(folder.join("bin/pip")).args(["install", "--quiet", "ziglang", "cargo-zigbuild"]))?;
        fs::write(folder.join("done"), "")?;
    }
    Ok(folder.canonicalize()?)
}

/// What a program for Macs asks other libraries for.
fn check_imports(name: &str, program: &[u8]) -> Outcome {
    let file = object::File::parse(program)?;
    let mut libraries = BTreeSet::new();
    for import in file.imports()? {
        libraries.insert(String::from_utf8_lossy(import?.library()).into_owned());
    }
    if libraries.is_empty() || !libraries.iter().all(|library| LIBRARIES.contains(&&**library)) {
        return Err(format!("{name} imports from {libraries:?}").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_another_system_does_not_pass() {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        let error = check_imports("it", &own).unwrap_err().to_string();
        assert!(error.starts_with("it imports from"), "{error}");
        assert!(check_imports("nothing", b"not a program").is_err());
    }
}
