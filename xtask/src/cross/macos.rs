//! macOS and FreeBSD: compiled, linted, and linked in full. Nothing here can run what comes of it.
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

/// Lints and links for both kinds of Macs, and looks at the imports.
pub fn check_macos(options: &Options) -> Outcome<u64> {
    let mut programs = 0;
    for target in &APPLE {
        let build = Build::prepare(target)?;
        let packages = options.packages_or(&PACKAGES);
        build.clippy(&packages, &["--all-features".to_owned()])?;
        let linked = link(&build, &packages, &["--all-features".to_owned()])?;
        for (name, path) in &linked {
            check_imports(name, &fs::read(path)?)?;
        }
        println!("{}: {} programs are linked, and import what Macs have", target.triple, linked.len());
        programs += linked.len() as u64;
    }
    Ok(programs)
}

/// Lints for FreeBSD.
pub fn check_freebsd(options: &Options) -> Outcome<u64> {
    let build = Build::prepare(&FREEBSD)?;
    build.clippy(&options.packages_or(&PACKAGES), &["--all-features".to_owned()])?;
    Ok(0)
}

fn link(build: &Build, packages: &[String], arguments: &[String]) -> Outcome<Programs> {
    let tools = tools()?;
    let mut zigbuild = Command::new(tools.join("bin/cargo-zigbuild"));
    zigbuild.args(["zigbuild", "--tests"]).current_dir(root()).env("CARGO", cargo().get_program());
    zigbuild.env("CARGO_ZIGBUILD_ZIG_PATH", tools.join("bin/python-zig"));
    programs_of(build.apply_to(zigbuild, packages)?.args(arguments))
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
