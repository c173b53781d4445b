//! cargo for another platform: with its std, its linker, and a folder of its own.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::toolchain::Toolchain;
use super::{Target, home};
use crate::step::{call, call_and_count, find_program, output_of};
use crate::workspace::{Outcome, cargo};

/// Programs by name.
pub type Programs = BTreeMap<String, PathBuf>;

pub struct Build {
    target: &'static Target,
    /// Unless the toolchain in use has the platform's std.
    toolchain: Option<Toolchain>,
}

impl Build {
    pub fn prepare(target: &'static Target) -> Outcome<Build> {
        require(target.needs)?;
        let toolchain = if installed_std(target)? {
            println!("std for {}: of the toolchain in use", target.triple);
            None
        } else {
            let toolchain = Toolchain::obtain(&home().join("toolchain"), target)?;
            println!("std for {}: of a private {}", target.triple, toolchain.version()?);
            Some(toolchain)
        };
        Ok(Build { target, toolchain })
    }

    /// `cargo test` for the packages, with `runner` before each program. Returns how many tests passed.
    pub fn test(&self, packages: &[String], arguments: &[String], runner: &str) -> Outcome<u64> {
        let mut command = cargo();
        command.arg("test").env(format!("CARGO_TARGET_{}_RUNNER", self.variable()), runner);
        call_and_count(self.apply_to(command, packages)?.args(arguments))
    }

    /// The test programs of the packages, by name.
    pub fn test_programs(&self, packages: &[String], arguments: &[String]) -> Outcome<Programs> {
        let mut command = cargo();
        command.args(["test", "--no-run"]);
        programs_of(self.apply_to(command, packages)?.args(arguments))
    }

    /// A program of a package.
    pub fn program(&self, package: &str, name: &str) -> Outcome<PathBuf> {
        let mut command = cargo();
        command.arg("build");
        call(&mut self.apply_to(command, &[package.to_owned()])?)?;
        Ok(home().join("build").join(self.target.triple).join("debug").join(name))
    }

    /// The folder that tests find by `CARGO_TARGET_TMPDIR`.
    pub fn folder_for_tests(&self) -> PathBuf {
        home().join("build").join(self.target.triple).join("tmp")
    }

    /// Makes a command of cargo's one for the platform, and the packages.
    pub fn apply_to(&self, mut command: Command, packages: &[String]) -> Outcome<Command> {
        if let Some(toolchain) = &self.toolchain {
            toolchain.apply_to(&mut command)?;
        }
        command.args(["--target", self.target.triple]);
        packages.iter().for_each(|package| {
            command.args(["--package", package]);
        });
        // What debuggers want is most of a program, and a machine that is emulated reads it slowly.
        command.env("CARGO_PROFILE_DEV_DEBUG", "false");
        // Nor is std's share taken out, for which the compiler may lack the tool.
        command.env("CARGO_PROFILE_DEV_STRIP", "none");
        // Another rustc would invalidate what the ordinary one has built.
        command.env("CARGO_TARGET_DIR", home().join("build"));
        if let Some(linker) = self.target.linker {
            command.env(format!("CARGO_TARGET_{}_LINKER", self.variable()), linker);
        }
        Ok(command)
    }

    /// The target as cargo's variables spell it.
    fn variable(&self) -> String {
        self.target.triple.to_uppercase().replace('-', "_")
    }
}

/// Checks that programs and files are here, before anything is downloaded or built.
pub fn require(needs: &[(&str, &str)]) -> Outcome {
    let is_missing = |name: &str| find_program(name).is_none() && !Path::new(name).exists();
    let (names, packages): (Vec<_>, Vec<_>) =
        needs.iter().filter(|(name, _)| is_missing(name)).copied().unzip();
    if names.is_empty() {
        return Ok(());
    }
    let packages = packages.join(" ");
    Err(format!("missing: {}; apt-get install --no-install-recommends {packages}", names.join(", ")).into())
}

/// Whether the toolchain in use has the target's std, as after `rustup target add`.
fn installed_std(target: &Target) -> Outcome<bool> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut query = Command::new(rustc);
    let folder = output_of(query.args(["--print", "target-libdir", "--target", target.triple]))?;
    let Ok(entries) = fs::read_dir(folder.trim()) else {
        return Ok(false);
    };
    Ok(entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
}

/// Builds tests, and says where they are.
pub fn programs_of(command: &mut Command) -> Outcome<Programs> {
    let messages =
        output_of(command.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit()))?;
    Ok(programs_in(&messages))
}

/// The test programs among cargo's messages, which are a line of JSON each.
fn programs_in(messages: &str) -> Programs {
    let programs = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_test = message["profile"]["test"].as_bool()?;
        let path = PathBuf::from(message["executable"].as_str()?);
        let package = message["package_id"]
            .as_str()?
            .rsplit(['/', '#'])
            .find(|part| part.contains(char::is_alphabetic))?;
        let name = format!("{}-{}", package.split('@').next()?, message["target"]["name"].as_str()?);
        is_test.then_some((name, path))
    });
    programs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_tools_are_named_with_the_command_that_installs_them() {
        let needs = [
            ("sh", "dash"),
            ("no-such-emulator", "qemu-user"),
            ("/no/such/libc.so.6", "libc6-dev-arm64-cross"),
        ];
        let error = require(&needs).unwrap_err().to_string();
        assert!(error.contains("missing: no-such-emulator, /no/such/libc.so.6;"), "{error}");
        assert!(
            error.ends_with("install --no-install-recommends qemu-user libc6-dev-arm64-cross"),
            "{error}"
        );
        require(&needs[..1]).unwrap();
    }

    #[test]
    fn test_programs_are_told_from_what_else_is_built() {
        let messages = r#"
{"reason":"compiler-artifact","package_id":"path+file:///x/driver#fibra-driver@0.1.0","target":{"name":"drop"},"profile":{"test":true},"executable":"/t/drop-1"}
{"reason":"compiler-artifact","package_id":"path+file:///x/driver#fibra-driver@0.1.0","target":{"name":"fibra_driver"},"profile":{"test":false},"executable":null}
{"reason":"compiler-artifact","package_id":"path+file:///x/cli#fibra@0.1.0","target":{"name":"fibra"},"profile":{"test":false},"executable":"/t/fibra"}
{"reason":"build-finished","success":true}"#;
        let programs: Vec<_> = programs_in(messages).into_iter().collect();
        assert_eq!(programs, [("fibra-driver-drop".to_owned(), PathBuf::from("/t/drop-1"))]);
    }
}
