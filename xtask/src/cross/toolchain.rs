//! A private Rust toolchain with other platforms' std.
//!
//! Debian builds one source for each of its architectures, so the std of another architecture's package is exactly the one
//! that this architecture's compiler accepts, as long as both have one version; taking it costs seconds. For systems that
//! are not Debian, std is built from that version's source, which costs minutes, once.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Target;
use super::apt::{Apt, dependency, field, once};
use crate::step::{call, output_of};
use crate::workspace::{Outcome, cargo};

/// Debian's packages of a current compiler: stable releases get them for building browsers.
const PROGRAMS: [&str; 2] = ["rustc-web", "rust-web-clippy"];
const STD: &str = "libstd-rust-web-dev";
const SOURCE: &str = "rust-web-src";

pub struct Toolchain {
    folder: PathBuf,
}

impl Toolchain {
    /// The toolchain in `folder` with std for `target`; what is not there yet is fetched, and built, first.
    pub fn obtain(folder: &Path, target: &Target) -> Outcome<Toolchain> {
        once(folder, |partial| {
            let apt = Apt::new(&partial.join("apt"), None, None)?;
            apt.unpack(&host_packages(&apt)?, partial)?;
            fs::remove_dir_all(partial.join("apt"))?;
            Ok(fs::remove_dir_all(partial.join("usr/share"))?)
        })?;
        let toolchain = Toolchain { folder: folder.canonicalize()? };
        let std = toolchain.folder.join("usr/lib/rustlib").join(target.triple);
        once(&std, |partial| match target.debian_name {
            Some(architecture) => toolchain.unpack_std(architecture, target, partial),
            None => toolchain.build_std(target, partial),
        })?;
        Ok(toolchain)
    }

    /// What its compiler says it is.
    pub fn version(&self) -> Outcome<String> {
        let mut rustc = Command::new(self.program("rustc"));
        let version = output_of(rustc.arg("--version").env("LD_LIBRARY_PATH", self.library_path()?))?;
        Ok(version.trim().to_owned())
    }

    /// Makes a cargo command use this toolchain's programs. `cargo-clippy` is found by the path: the lints have to be the
    /// compiler's own.
    pub fn apply_to(&self, command: &mut Command) -> Outcome {
        command.env("RUSTC", self.program("rustc")).env("RUSTDOC", self.program("rustdoc"));
        command.env("PATH", before(self.folder.join("usr/bin"), "PATH")?);
        command.env("LD_LIBRARY_PATH", self.library_path()?);
        Ok(())
    }

    fn program(&self, name: &str) -> PathBuf {
        self.folder.join("usr/bin").join(name)
    }

    /// Its own libraries first; then whatever the caller's environment names.
    fn library_path(&self) -> Outcome<OsString> {
        let own = self.folder.join(format!("usr/lib/{}-linux-gnu", env::consts::ARCH));
        before(own, "LD_LIBRARY_PATH")
    }

    fn unpack_std(&self, architecture: &str, target: &Target, folder: &Path) -> Outcome {
        let apt = Apt::new(&folder.join("apt"), Some(architecture), None)?;
        let unpacked = folder.join("unpacked");
        apt.unpack(&[std_of(&apt, Some(architecture))?], &unpacked)?;
        fs::rename(unpacked.join("usr/lib/rustlib").join(target.triple).join("lib"), folder.join("lib"))?;
        fs::remove_dir_all(unpacked)?;
        Ok(fs::remove_dir_all(folder.join("apt"))?)
    }

    /// An empty crate has cargo build all of std for it.
    fn build_std(&self, target: &Target, folder: &Path) -> Outcome {
        let source = self.source()?;
        let empty = folder.join("empty");
        fs::create_dir_all(empty.join("src"))?;
        fs::write(empty.join("src/lib.rs"), "")?;
        let manifest = "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n";
        fs::write(empty.join("Cargo.toml"), manifest)?;
        let crates = "build-std=std,panic_unwind,panic_abort,test,proc_macro";
        let mut build = cargo();
        self.apply_to(&mut build)?;
        build.current_dir(&empty).args([
            "build",
            "--quiet",
            "--release",
            "-Z",
            crates,
            "--target",
            target.triple,
        ]);
        // A toolchain of a stable release builds std by the unstable means that its makers use.
        build.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", empty.join("target"));
        build.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only");
        call(&mut build)?;
        let lib = folder.join("lib");
        fs::create_dir_all(&lib)?;
        let built = empty.join("target").join(target.triple).join("release/deps");
        for entry in fs::read_dir(built)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".rlib") && !name.starts_with("libempty-") {
                fs::copy(&path, lib.join(name))?;
            }
        }
        for object in target.start_objects {
            let mut rustc = Command::new(self.program("rustc"));
            rustc.env("LD_LIBRARY_PATH", self.library_path()?).args([
                "--target",
                target.triple,
                "-Cpanic=abort",
                "--emit=obj",
                "-o",
            ]);
            rustc
                .arg(lib.join(format!("{object}.o")))
                .arg(source.join(format!("library/rtstartup/{object}.rs")));
            call(rustc.env("RUSTC_BOOTSTRAP", "1"))?;
        }
        Ok(fs::remove_dir_all(empty)?)
    }

    /// The source of std, of the compiler's own version; without that of the compiler, which is most of the package.
    fn source(&self) -> Outcome<PathBuf> {
        let folder = self.folder.join("source");
        once(&folder, |partial| {
            let apt = Apt::new(&partial.join("apt"), None, None)?;
            let unpacked = partial.join("unpacked");
            apt.unpack(&[SOURCE.to_owned()], &unpacked)?;
            let whole =
                fs::read_dir(unpacked.join("usr/src"))?.next().ok_or("the package has no source")??.path();
            fs::rename(whole.join("library"), partial.join("library"))?;
            fs::rename(whole.join("Cargo.lock"), partial.join("Cargo.lock"))?;
            fs::remove_dir_all(unpacked)?;
            Ok(fs::remove_dir_all(partial.join("apt"))?)
        })?;
        // Where cargo looks for it.
        let links = self.folder.join("usr/lib/rustlib/src");
        fs::create_dir_all(&links)?;
        if !links.join("rust").exists() {
            symlink(&folder, links.join("rust"))?;
        }
        Ok(folder)
    }
}

/// A variable that lists folders, with one more in front. An empty one would name the current folder.
fn before(folder: PathBuf, variable: &str) -> Outcome<OsString> {
    let inherited = env::var_os(variable).unwrap_or_default();
    let named = env::split_paths(&inherited).filter(|folder| !folder.as_os_str().is_empty());
    Ok(env::join_paths([folder].into_iter().chain(named))?)
}

/// The compiler, the libraries it is linked to, and the host's std.
fn host_packages(apt: &Apt) -> Outcome<Vec<String>> {
    let std = std_of(apt, None)?;
    let control = apt.control(STD)?;
    let driver = dependency(&control, |name| name.starts_with("libstd-rust-web-"))
        .ok_or_else(|| format!("{STD} names no library of the compiler"))?;
    let llvm = dependency(&apt.control(driver)?, |name| name.starts_with("libllvm")).map(str::to_owned);
    Ok([std, driver.to_owned()].into_iter().chain(PROGRAMS.map(str::to_owned)).chain(llvm).collect())
}

/// The package of std, with its version, for another architecture or the host's.
fn std_of(apt: &Apt, architecture: Option<&str>) -> Outcome<String> {
    let control = apt.control(STD).map_err(|_| {
        let advice = "`rustup target add` gives the toolchain in use the target's std instead";
        format!("this system's package sources have no {STD} (those of Debian 12 have it); {advice}")
    })?;
    let version = field(&control, "Version").ok_or_else(|| format!("{STD} has no version"))?;
    let suffix = architecture.map_or_else(String::new, |architecture| format!(":{architecture}"));
    Ok(format!("{STD}{suffix}={version}"))
}
