//! Debian's packages, unpacked without installing any.
//!
//! apt gets its own state, so that another architecture or release concerns nobody else, and `dpkg -x` unpacks into a
//! folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{call, output_of};
use crate::workspace::Outcome;

/// apt for one architecture, and for the system's own release or another.
pub struct Apt {
    configuration: PathBuf,
}

impl Apt {
    /// With its state in `folder`, which may be removed when the packages are unpacked.
    pub fn new(folder: &Path, architecture: Option<&str>, release: Option<&str>) -> Outcome<Apt> {
        fs::create_dir_all(folder.join("state/lists/partial"))?;
        fs::create_dir_all(folder.join("cache/archives/partial"))?;
        fs::create_dir_all(folder.join("sources"))?;
        fs::write(folder.join("state/status"), "")?;
        let folder = folder.canonicalize()?;
        let host = output_of(Command::new("dpkg").arg("--print-architecture"))?;
        let host = host.trim();
        let (path, architecture) = (folder.display(), architecture.unwrap_or(host));
        // As root, apt would drop to a user that can't write here.
        let mut text = format!(
            "Dir::State \"{path}/state\"; Dir::State::status \"{path}/state/status\";\n\
             Dir::Cache \"{path}/cache\"; APT::Sandbox::User \"root\"; Acquire::Retries \"3\";\n\
             APT::Architectures {{ \"{host}\"; \"{architecture}\"; }};\n"
        );
        if let Some(release) = release {
            fs::write(folder.join("sources/release.sources"), sources_of(release)?)?;
            text +=
                &format!("Dir::Etc::sourcelist \"/dev/null\"; Dir::Etc::sourceparts \"{path}/sources\";\n");
        }
        let apt = Apt { configuration: folder.join("apt.conf") };
        fs::write(&apt.configuration, text)?;
        call(apt.command("apt-get").args(["--quiet=2", "update"]))?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", &self.configuration);
        command
    }

    /// The control data of a package, if the sources have it.
    pub fn control(&self, package: &str) -> Outcome<String> {
        output_of(self.command("apt-cache").args(["show", "--no-all-versions", package]))
    }

    /// Downloads packages, and unpacks them into `folder`.
    pub fn unpack(&self, packages: &[String], folder: &Path) -> Outcome {
        let archives = folder.join("archives");
        fs::create_dir_all(&archives)?;
        call(self.command("apt-get").current_dir(&archives).args(["--quiet=2", "download"]).args(packages))?;
        for archive in fs::read_dir(&archives)? {
            call(Command::new("dpkg").arg("-x").arg(archive?.path()).arg(folder))?;
        }
        fs::remove_dir_all(archives)?;
        Ok(())
    }
}

/// Another release, from the same mirror as the system's.
fn sources_of(release: &str) -> Outcome<String> {
    let system = fs::read_to_string("/etc/apt/sources.list.d/debian.sources")
        .or_else(|_| fs::read_to_string("/etc/apt/sources.list"))?;
    let mirror = mirror_in(&system).ok_or("apt's sources name no mirror")?;
    let key = "/usr/share/keyrings/debian-archive-keyring.gpg";
    Ok(format!("Types: deb\nURIs: {mirror}\nSuites: {release}\nComponents: main\nSigned-By: {key}\n"))
}

/// The first address in apt's sources, of either format.
fn mirror_in(sources: &str) -> Option<&str> {
    let lines = sources.lines().filter(|line| line.starts_with("URIs:") || line.starts_with("deb "));
    lines.flat_map(str::split_whitespace).find(|word| word.contains("://"))
}

/// Makes `folder` by `fill`, unless it is there. Its name appears only when all is in it: who was interrupted begins anew.
pub fn once(folder: &Path, fill: impl FnOnce(&Path) -> Outcome) -> Outcome {
    if folder.exists() {
        return Ok(());
    }
    let partial = folder.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir_all(&partial)?;
    fill(&partial)?;
    Ok(fs::rename(&partial, folder)?)
}

/// The value of a field of a package's control data.
pub fn field<'a>(control: &'a str, name: &str) -> Option<&'a str> {
    control.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The first package among the dependencies that `wanted` accepts.
pub fn dependency(control: &str, wanted: impl Fn(&str) -> bool) -> Option<&str> {
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

    #[test]
    fn the_mirror_is_found_in_both_formats_of_sources() {
        let new = "Types: deb\nURIs: http://a.example/debian\nSuites: x\n";
        assert_eq!(mirror_in(new), Some("http://a.example/debian"));
        let old = "# deb http://no.example x\ndeb [arch=amd64] http://b.example/debian x main\n";
        assert_eq!(mirror_in(old), Some("http://b.example/debian"));
        assert_eq!(mirror_in("# nothing"), None);
    }

    #[test]
    fn a_folder_appears_only_when_it_is_full() {
        let folder = std::env::temp_dir().join(format!("fibra-xtask-once-{}", std::process::id()));
        once(&folder, |_| Err("interrupted".into())).unwrap_err();
        assert!(!folder.exists());
        once(&folder, |partial| Ok(fs::write(partial.join("file"), "full")?)).unwrap();
        once(&folder, |_| Err("done before".into())).unwrap();
        assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), "full");
        fs::remove_dir_all(folder).unwrap();
    }
}
