//! Tests on another kernel, and on another machine's: booted under emulation, from a disk that holds the tests.
//!
//! ```text
//!   initramfs: busybox, the modules that reach a disk ─► the disk: busybox, the C library, the tests, run.sh
//!                                                                        │
//!   here: what the serial console says, line by line ◄───────────────────┘
//! ```

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::apt::{Apt, dependency, once};
use super::build::Programs;
use super::home;
use crate::step::{call, passed_in, shell_line};
use crate::workspace::Outcome;

/// A kernel of Debian's, and the machine that it runs on.
pub struct Kernel {
    pub name: &'static str,
    /// Debian's release that has it; the system's own if there is none.
    pub release: Option<&'static str>,
    pub debian_name: &'static str,
    pub emulator: &'static str,
    pub machine: &'static [&'static str],
    pub console: &'static str,
    /// The C library, by where it lies here and there.
    pub libraries: &'static [(&'static str, &'static str)],
}

pub const ARM64: Kernel = Kernel {
    name: "6.1 on arm64",
    release: None,
    debian_name: "arm64",
    emulator: "qemu-system-aarch64",
    machine: &["-M", "virt", "-cpu", "max,pauth-impdef=on"],
    console: "ttyAMA0",
    libraries: &[
        ("/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1", "lib/ld-linux-aarch64.so.1"),
        ("/usr/aarch64-linux-gnu/lib/libc.so.6", "lib/libc.so.6"),
        ("/usr/aarch64-linux-gnu/lib/libm.so.6", "lib/libm.so.6"),
        ("/usr/aarch64-linux-gnu/lib/libgcc_s.so.1", "lib/libgcc_s.so.1"),
    ],
};

const AMD64: Kernel = Kernel {
    name: "",
    release: None,
    debian_name: "amd64",
    emulator: "qemu-system-x86_64",
    machine: &["-cpu", "max"],
    console: "ttyS0",
    libraries: &[
        ("/lib64/ld-linux-x86-64.so.2", "lib64/ld-linux-x86-64.so.2"),
        ("/lib/x86_64-linux-gnu/libc.so.6", "lib/libc.so.6"),
        ("/lib/x86_64-linux-gnu/libm.so.6", "lib/libm.so.6"),
        ("/lib/x86_64-linux-gnu/libgcc_s.so.1", "lib/libgcc_s.so.1"),
    ],
};

/// Without `DEFER_TASKRUN`; with it; and the newest that Debian has released.
pub const OTHERS: [Kernel; 3] = [
    Kernel { name: "5.10", release: Some("bullseye"), ..AMD64 },
    Kernel { name: "6.1", release: Some("bookworm"), ..AMD64 },
    Kernel { name: "6.12", release: Some("trixie"), ..AMD64 },
];

/// What reaches a disk of the emulator's, in the order in which one needs the other. Kernels have some of it built in.
const MODULES: [&str; 7] = [
    "virtio_ring",
    "virtio",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "crc32c_generic",
    "virtio_blk",
];

/// What runs there: programs by their names, and the arguments of each.
pub struct Tests {
    pub programs: Programs,
    pub arguments: Vec<String>,
    /// Folders that the tests expect, by their names here.
    pub folders: Vec<PathBuf>,
    /// How long one program may take.
    pub seconds: u32,
}

impl Kernel {
    /// Boots it, and runs the tests. Returns how many passed.
    pub fn run(&self, tests: &Tests) -> Outcome<u64> {
        let place = home().join("kernels").join(self.name.replace(' ', "-"));
        once(&place.join("system"), |partial| self.unpack(partial))?;
        let system = place.join("system");
        let (initramfs, disk) = (place.join("initramfs"), place.join("disk"));
        self.make_initramfs(&system, &initramfs)?;
        self.make_disk(&system, tests, &disk)?;
        let mut emulator = Command::new(self.emulator);
        emulator.args(self.machine).args(["-accel", "tcg,thread=multi", "-smp", "2", "-m", "2048"]);
        emulator.args(["-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio"]);
        emulator.arg("-kernel").arg(kernel_in(&system)?).arg("-initrd").arg(initramfs);
        emulator.arg("-drive").arg(format!("file={},if=virtio,format=raw", disk.display()));
        emulator.arg("-append").arg(format!("console={} quiet panic=-1", self.console));
        listen(&mut emulator, tests)
    }

    fn unpack(&self, folder: &Path) -> Outcome {
        let apt = Apt::new(&folder.join("apt"), Some(self.debian_name), self.release)?;
        let newest = format!("linux-image-cloud-{0}:{0}", self.debian_name);
        let control = apt.control(&newest)?;
        let image = dependency(&control, |name| name.starts_with("linux-image-"))
            .ok_or_else(|| format!("{newest} names no kernel"))?;
        let packages = [image, "busybox-static"].map(|name| format!("{name}:{}", self.debian_name));
        apt.unpack(&packages, folder)?;
        Ok(fs::remove_dir_all(folder.join("apt"))?)
    }

    /// The first root, in memory: it only reaches the disk.
    fn make_initramfs(&self, system: &Path, archive: &Path) -> Outcome {
        let root = system.with_extension("first-root");
        fresh(&root, &["bin", "modules", "disk", "dev"])?;
        fs::copy(busybox_in(system)?, root.join("bin/busybox"))?;
        let modules = first_of(system, &["lib/modules", "usr/lib/modules"])?;
        let mut init = String::from("#!/bin/busybox sh\n");
        for module in MODULES {
            if let Some(file) = module_in(&modules, module)? {
                fs::write(root.join("modules").join(module), decompressed(&file)?)?;
                init += &format!("/bin/busybox insmod /modules/{module}\n");
            }
        }
        init += "/bin/busybox mount -t devtmpfs none /dev\n\
                 /bin/busybox mount -t ext4 /dev/vda /disk\n\
                 exec /bin/busybox switch_root /disk /run.sh\n";
        write_script(&root.join("init"), &init)?;
        let make = "find . | cpio --quiet -o -H newc > \"$0\"";
        call(Command::new("sh").current_dir(&root).args(["-c", make]).arg(archive))
    }

    /// The second root: the tests, and what they need.
    fn make_disk(&self, system: &Path, tests: &Tests, disk: &Path) -> Outcome {
        let root = system.with_extension("root");
        fresh(&root, &["bin", "lib", "lib64", "proc", "sys", "dev", "tmp", "tests", "etc"])?;
        fs::copy(busybox_in(system)?, root.join("bin/busybox"))?;
        for (here, there) in self.libraries {
            fs::copy(here, root.join(there))?;
        }
        for (name, path) in &tests.programs {
            fs::copy(path, root.join("tests").join(name))?;
        }
        for folder in &tests.folders {
            fs::create_dir_all(root.join(folder.strip_prefix("/").unwrap_or(folder)))?;
        }
        fs::write(root.join("etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
        fs::write(root.join("etc/passwd"), "root:x:0:0:root:/:/bin/sh\n")?;
        write_script(&root.join("run.sh"), &script(tests))?;
        if disk.exists() {
            fs::remove_file(disk)?;
        }
        call(Command::new("mke2fs").args(["-q", "-t", "ext4", "-d"]).arg(&root).arg(disk).arg("3G"))
    }
}

/// What the machine does, and what [`listen`] hears.
fn script(tests: &Tests) -> String {
    let mut script = String::from(
        "#!/bin/busybox sh\n/bin/busybox --install -s /bin\nexport PATH=/bin HOME=/tmp\n\
         mount -t proc none /proc\nmount -t sysfs none /sys\nmount -t devtmpfs none /dev\n\
         mkdir -p /dev/pts /dev/shm\nmount -t devpts none /dev/pts\nmount -t tmpfs none /tmp\n\
         ip link set lo up\nulimit -n 20000\nuname -srm\n",
    );
    let arguments = tests.arguments.join(" ");
    for name in tests.programs.keys() {
        let seconds = tests.seconds;
        script += &format!(
            "echo '=== {name}'\ntimeout {seconds} /tests/{name} {arguments}\necho \"--- {name}: $?\"\n"
        );
    }
    script + "echo '=== over'\npoweroff -f\n"
}

/// Runs the emulator, shows what the machine says, and judges it.
fn listen(emulator: &mut Command, tests: &Tests) -> Outcome<u64> {
    println!("$ {}", shell_line(emulator));
    let mut child = emulator.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let console = child.stdout.take().expect("stdout was piped");
    let mut verdict = Verdict::default();
    for line in BufReader::new(console).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).trim_end().to_owned();
        println!("{line}");
        verdict.hear(&line);
    }
    child.wait()?;
    verdict.give(tests.programs.len())
}

/// What was heard of the tests.
#[derive(Default)]
struct Verdict {
    passed: u64,
    good: usize,
    bad: Vec<String>,
    is_over: bool,
}

impl Verdict {
    fn hear(&mut self, line: &str) {
        if let Some(passed) = passed_in(line) {
            self.passed += passed;
        } else if let Some((name, status)) = line.strip_prefix("--- ").and_then(|rest| rest.rsplit_once(": "))
        {
            match status {
                "0" => self.good += 1,
                _ => self.bad.push(format!("{name} ({status})")),
            }
        }
        self.is_over |= line == "=== over";
    }

    fn give(self, programs: usize) -> Outcome<u64> {
        if !self.bad.is_empty() {
            return Err(format!("failed there: {}", self.bad.join(", ")).into());
        }
        if !self.is_over || self.good != programs {
            return Err(format!("the machine went away after {} of {programs} programs", self.good).into());
        }
        Ok(self.passed)
    }
}

fn fresh(root: &Path, folders: &[&str]) -> Outcome {
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    for folder in folders {
        fs::create_dir_all(root.join(folder))?;
    }
    Ok(())
}

fn write_script(path: &Path, text: &str) -> Outcome {
    fs::write(path, text)?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}

fn kernel_in(system: &Path) -> Outcome<PathBuf> {
    let mut entries = fs::read_dir(system.join("boot"))?.flatten().map(|entry| entry.path());
    let is_kernel =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz-"));
    entries.find(is_kernel).ok_or_else(|| "the package has no kernel".into())
}

fn busybox_in(system: &Path) -> Outcome<PathBuf> {
    first_of(system, &["bin/busybox", "usr/bin/busybox"])
}

/// The first of these places that is there: newer releases have moved all into `usr`.
fn first_of(system: &Path, places: &[&str]) -> Outcome<PathBuf> {
    let found = places.iter().map(|place| system.join(place)).find(|path| path.exists());
    found.ok_or_else(|| format!("the packages have no {}", places.join(" and no ")).into())
}

/// The file of a kernel's module; `None` if it is built in.
fn module_in(folder: &Path, name: &str) -> Outcome<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let found = if path.is_dir() { module_in(&path, name)? } else { None };
        if found.is_some() {
            return Ok(found);
        }
        if file == format!("{name}.ko") || file == format!("{name}.ko.xz") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn decompressed(module: &Path) -> Outcome<Vec<u8>> {
    if module.extension().is_none_or(|extension| extension != "xz") {
        return Ok(fs::read(module)?);
    }
    let output = Command::new("xz").args(["--decompress", "--stdout"]).arg(module).output()?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("{} is damaged", module.display()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: &[&str]) -> Outcome<u64> {
        let mut verdict = Verdict::default();
        lines.iter().for_each(|line| verdict.hear(line));
        verdict.give(2)
    }

    #[test]
    fn a_machine_that_stops_in_the_middle_has_not_passed() {
        let first = ["=== a", "test result: ok. 3 passed; 0 failed", "--- a: 0"];
        assert!(heard(&first).unwrap_err().to_string().contains("after 1 of 2"));
        let rest = ["=== b", "test result: ok. 4 passed; 0 failed", "--- b: 0", "=== over"];
        assert_eq!(heard(&[&first[..], &rest[..]].concat()).unwrap(), 7);
        assert!(heard(&[&first[..], &["=== over"]].concat()).is_err());
    }

    #[test]
    fn a_program_that_fails_there_is_named() {
        let error = heard(&["--- a: 0", "--- b: 101", "=== over"]).unwrap_err();
        assert_eq!(error.to_string(), "failed there: b (101)");
    }
}
