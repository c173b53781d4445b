//! The CPU time that control groups grant, in both versions of their interface.
//!
//! ```text
//!   /proc/self/cgroup      which group, in each hierarchy:   0::/app       4:cpu,cpuacct:/docker/1f
//!   /proc/self/mountinfo   where each hierarchy is mounted, and which of its groups the mount shows as its root
//!   <group>/cpu.max                                  version 2: "150000 100000", or "max 100000"
//!   <group>/cpu.cfs_quota_us, cpu.cfs_period_us      version 1: "150000", "100000", or "-1"
//! ```
//!
//! A group is bound by its own limit and by those of all groups around it, as far as the mount shows them. Everything
//! here is about texts; the caller gives the function that reads them.

use crate::topology::CpuQuota;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Reads a file; `None` if it cannot be read.
type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// The limit that allows the least CPU time, of all groups that this process is in.
pub(super) fn cpu_quota(read: Read) -> Option<CpuQuota> {
    let groups = read(Path::new("/proc/self/cgroup"))?;
    let mounts = read(Path::new("/proc/self/mountinfo"))?;
    let mounts: Vec<Mount> = mounts.lines().filter_map(Mount::parse).collect();
    let quotas = groups.lines().filter_map(Membership::parse).flat_map(|membership| {
        let mount = mounts.iter().find(|mount| mount.version == membership.version);
        let quota_of = match membership.version {
            Version::One => quota_v1,
            Version::Two => quota_v2,
        };
        let groups = mount.map_or_else(Vec::new, |mount| mount.groups_around(membership.group));
        groups.into_iter().filter_map(move |group| quota_of(&group, read))
    });
    quotas.min_by(|a, b| {
        (a.time.as_nanos() * b.period.as_nanos()).cmp(&(b.time.as_nanos() * a.period.as_nanos()))
    })
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Version {
    One,
    Two,
}

/// A line of `/proc/self/cgroup` that concerns CPU time: `ID:CONTROLLERS:GROUP`.
struct Membership<'a> {
    version: Version,
    group: &'a str,
}

impl<'a> Membership<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.splitn(3, ':');
        let (id, controllers, group) = (fields.next()?, fields.next()?, fields.next()?);
        let version = match controllers {
            "" if id == "0" => Version::Two,
            _ if controllers.split(',').any(|controller| controller == "cpu") => Version::One,
            _ => return None,
        };
        Some(Membership { version, group })
    }
}

/// A mounted hierarchy that concerns CPU time.
struct Mount {
    version: Version,
    /// The group that the mount shows as its root.
    root: PathBuf,
    point: PathBuf,
}

impl Mount {
    /// Reads a line of `/proc/self/mountinfo`:
    /// `ID PARENT DEVICE ROOT POINT OPTIONS [TAG…] - TYPE SOURCE SUPER_OPTIONS`.
    fn parse(line: &str) -> Option<Self> {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, point) = (mount.next()?, mount.next()?);
        let mut file_system = file_system.split(' ');
        let (kind, _source, options) = (file_system.next()?, file_system.next()?, file_system.next()?);
        let version = match kind {
            "cgroup2" => Version::Two,
            "cgroup" if options.split(',').any(|option| option == "cpu") => Version::One,
            _ => return None,
        };
        Some(Mount { version, root: unescape(root), point: unescape(point) })
    }

    /// The folders of a group and of those around it, the innermost first.
    fn groups_around(&self, group: &str) -> Vec<PathBuf> {
        // A group outside of what the mount shows (the process was moved, or the mount is another container's) begins
        // with `/..` or does not begin with the root: then the mount's own root is the best that there is to see.
        let inside = Path::new(group).strip_prefix(&self.root).unwrap_or(Path::new(""));
        let inside = if inside.starts_with("..") { Path::new("") } else { inside };
        let innermost = self.point.join(inside);
        innermost.ancestors().take_while(|group| group.starts_with(&self.point)).map(Path::to_owned).collect()
    }
}

/// Undoes the escapes of `/proc/self/mountinfo`, such as `\040` for a space.
fn unescape(field: &str) -> PathBuf {
    let mut rest = field;
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let code = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(byte) => {
                text.push(char::from(byte));
                rest = &after[3..];
            }
            None => {
                text.push('\\');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    PathBuf::from(text)
}

fn quota_v2(group: &Path, read: Read) -> Option<CpuQuota> {
    let text = read(&group.join("cpu.max"))?;
    let mut numbers = text.split_whitespace();
    // "max", for unlimited, is no number. The period may be left out, and is 100 ms then.
    let time = numbers.next()?.parse().ok()?;
    let period = numbers.next().unwrap_or("100000").parse().ok()?;
    quota(time, period)
}

fn quota_v1(group: &Path, read: Read) -> Option<CpuQuota> {
    let number = |file: &str| read(&group.join(file))?.trim().parse().ok();
    // -1, for unlimited, is no unsigned number.
    quota(number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?)
}

fn quota(time: u64, period: u64) -> Option<CpuQuota> {
    let quota = CpuQuota { time: Duration::from_micros(time), period: Duration::from_micros(period) };
    (period > 0).then_some(quota)
}

#[cfg(test)]
mod tests;
