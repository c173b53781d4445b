//! A private Rust toolchain with another architecture's std, unpacked from Debian's packages without installing any.
//!
//! Debian builds one source for every architecture, so the arm64 package of the standard library is exactly the std
//! that the amd64 package of the compiler accepts, as long as both have one version. Taking it costs seconds, where
//! building std from source costs minutes and needs unstable flags. Nothing outside the folder is touched: apt gets
//! its own state, and `dpkg -x` unpacks without installing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{call, output_of};
use crate::workspace::Outcome;

/// Debian's package of a current compiler: stable releases get it for building browsers.
const COMPILER: &str = "rustc-web";
const STD: &str = "libstd-rust-web-dev";

pub struct PrivateToolchain {
    folder: PathBuf,
}

impl PrivateToolchain {
    /// The toolchain in `folder`, unpacked there first if it is not there yet.
    pub fn obtain(folder: &Path, architecture: &str) -> Outcome<PrivateToolchain> {
        if !folder.exists() {
            let partial = folder.with_extension("partial");
            if partial.exists() {
                fs::remove_dir_all(&partial)?;
            }
            unpack(&partial, architecture)?;
            // The name appears only when everything is there: an interrupted run starts over.
            fs::rename(&partial, folder)?;
        }
        Ok(PrivateToolchain { folder: folder.canonicalize()? })
    }

    /// What its compiler says it is.
    pub fn version(&self) -> Outcome<String> {
        let mut rustc = Command::new(self.program("rustc"));
        let version = output_of(rustc.arg("--version").env("LD_LIBRARY_PATH", self.library_path()?))?;
        Ok(version.trim().to_owned())
    }

    /// Makes a cargo command use this toolchain's compiler.
    pub fn apply_to(&self, command: &mut Command) -> Outcome {
        command.env("RUSTC", self.program("rustc")).env("RUSTDOC", self.program("rustdoc"));
        command.env("LD_LIBRARY_PATH", self.library_path()?);
        Ok(())
    }

    fn program(&self, name: &str) -> PathBuf {
        self.folder.join("usr/bin").join(name)
    }

    /// Its own libraries first; then whatever the caller's environment names.
    fn library_path(&self) -> Outcome<std::ffi::OsString> {
        let own = self.folder.join(format!("usr/lib/{}-linux-gnu", env::consts::ARCH));
        let inherited = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
        Ok(env::join_paths([own].into_iter().chain(env::split_paths(&inherited)))?)
    }
}

fn unpack(folder: &Path, architecture: &str) -> Outcome {
    let apt = PrivateApt::new(folder.join("apt"), architecture)?;
    call(apt.command("apt-get").args(["--quiet=2", "update"]))?;
    let packages = apt.packages()?;
    let archives = folder.join("archives");
    fs::create_dir_all(&archives)?;
    call(apt.command("apt-get").current_dir(&archives).args(["--quiet=2", "download"]).args(packages))?;
    for archive in fs::read_dir(&archives)? {
        call(Command::new("dpkg").arg("-x").arg(archive?.path()).arg(folder))?;
    }
    for superfluous in ["apt", "archives", "usr/share"] {
        fs::remove_dir_all(folder.join(superfluous))?;
    }
    Ok(())
}

/// apt with the system's sources but its own state, so that a foreign architecture concerns nobody else.
struct PrivateApt {
    configuration: PathBuf,
    architecture: String,
}

impl PrivateApt {
    fn new(folder: PathBuf, architecture: &str) -> Outcome<PrivateApt> {
        fs::create_dir_all(folder.join("state/lists/partial"))?;
        fs::create_dir_all(folder.join("cache/archives/partial"))?;
        fs::write(folder.join("state/status"), "")?;
        let folder = folder.canonicalize()?;
        let host = output_of(Command::new("dpkg").arg("--print-architecture"))?;
        let configuration = folder.join("apt.conf");
        let (folder, host) = (folder.display(), host.trim());
        // As root, apt would drop to a user that can't write here.
        let text = format!(
            "Dir::State \"{folder}/state\"; Dir::State::status \"{folder}/state/status\";\n\
             Dir::Cache \"{folder}/cache\"; APT::Sandbox::User \"root\"; Acquire::Retries \"3\";\n\
             APT::Architectures {{ \"{host}\"; \"{architecture}\"; }};\n"
        );
        fs::write(&configuration, text)?;
        Ok(PrivateApt { configuration, architecture: architecture.to_owned() })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", &self.configuration);
        command
    }

    /// The compiler, the libraries it is linked to, and std for both architectures, all of one version.
    fn packages(&self) -> Outcome<Vec<String>> {
        let std = self.control(STD)?;
        let version = field(&std, "Version").ok_or_else(|| format!("{STD} has no version"))?;
        let driver = dependency(&std, |name| name.starts_with("libstd-rust-web-"))
            .ok_or_else(|| format!("{STD} names no library of the compiler"))?;
        let llvm = dependency(&self.control(driver)?, |name| name.starts_with("libllvm")).map(str::to_owned);
        let foreign_std = format!("{STD}:{}", self.architecture);
        let same_version = [COMPILER, driver, STD, &foreign_std].map(|name| format!("{name}={version}"));
        Ok(same_version.into_iter().chain(llvm).collect())
    }

    fn control(&self, package: &str) -> Outcome<String> {
        let mut query = self.command("apt-cache");
        output_of(query.args(["show", "--no-all-versions", package])).map_err(|_| {
            let advice = "`rustup target add` gives the toolchain in use the target's std instead";
            format!("this system's package sources have no {package} (those of Debian 12 have it); {advice}")
                .into()
        })
    }
}

/// The value of a field of a package's control data.
fn field<'a>(control: &'a str, name: &str) -> Option<&'a str> {
    control.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The first package among the dependencies that `wanted` accepts.
fn dependency(control: &str, wanted: impl Fn(&str) -> bool) -> Option<&str> {
    field(control, "Depends")?
        .split(',')
        .filter_map(|dependency| dependency.split_whitespace().next())
        .find(|name| wanted(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROL: &str = "Package: libstd-rust-web-dev\nVersion: 1.96.0+dfsg1-1\nSuggests: other\n\
                           Depends: libc6 (>= 2.34), libstd-rust-web-1.96 (= 1.96.0+dfsg1-1)\n";

    #[test]
    fn control_data_gives_version_and_the_library_of_the_compiler() {
        assert_eq!(field(CONTROL, "Version"), Some("1.96.0+dfsg1-1"));
        assert_eq!(field(CONTROL, "Pre-Depends"), None);
        let driver = dependency(CONTROL, |name| name.starts_with("libstd-rust-web-"));
        assert_eq!(driver, Some("libstd-rust-web-1.96"));
        assert_eq!(dependency(CONTROL, |name| name.starts_with("libllvm")), None);
    }
}
