//! The texts are those of real machines, shortened.

use super::*;
use std::collections::HashMap;

/// The quota on a machine that has these files, as time and period in µs.
fn quota_with(files: &[(&str, &str)]) -> Option<(u128, u128)> {
    let files: HashMap<&Path, &str> = files.iter().map(|(path, text)| (Path::new(*path), *text)).collect();
    let quota = cpu_quota(&|path| files.get(path).map(|text| (*text).to_owned()))?;
    Some((quota.time.as_micros(), quota.period.as_micros()))
}

const GROUPS: &str = "/proc/self/cgroup";
const MOUNTS: &str = "/proc/self/mountinfo";

/// A desktop with systemd.
const UNIFIED: &str = "\
22 28 0:20 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
";

/// Version 1, with a small version 2 beside it that controls nothing.
const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

#[test]
fn version_2_gives_the_limit_of_its_group() {
    let files = [
        (GROUPS, "0::/system.slice/web.service\n"),
        (MOUNTS, UNIFIED),
        ("/sys/fs/cgroup/system.slice/web.service/cpu.max", "150000 100000\n"),
        ("/sys/fs/cgroup/system.slice/cpu.max", "max 100000\n"),
    ];
    assert_eq!(quota_with(&files), Some((150_000, 100_000)));
}

#[test]
fn version_2_is_bound_by_the_groups_around_as_well() {
    let files = [
        (GROUPS, "0::/kubepods/burstable/pod1\n"),
        (MOUNTS, UNIFIED),
        ("/sys/fs/cgroup/kubepods/burstable/pod1/cpu.max", "400000 100000\n"),
        ("/sys/fs/cgroup/kubepods/burstable/cpu.max", "90000 50000\n"),
        ("/sys/fs/cgroup/kubepods/cpu.max", "300000 100000\n"),
    ];
    assert_eq!(quota_with(&files), Some((90_000, 50_000)), "1.8 cores are less than 3 and 4");
}

#[test]
fn version_2_unlimited_is_no_quota() {
    let files = [(GROUPS, "0::/\n"), (MOUNTS, UNIFIED), ("/sys/fs/cgroup/cpu.max", "max 100000\n")];
    assert_eq!(quota_with(&files), None);
}

#[test]
fn version_2_may_leave_the_period_out() {
    let files = [(GROUPS, "0::/\n"), (MOUNTS, UNIFIED), ("/sys/fs/cgroup/cpu.max", "20000\n")];
    assert_eq!(quota_with(&files), Some((20_000, 100_000)));
}

#[test]
fn version_1_gives_the_limit_of_the_hierarchy_that_has_the_cpu_controller() {
    let files = [
        (GROUPS, "5:cpuset:/a\n4:cpuacct,cpu:/batch\n0::/b\n"),
        (MOUNTS, HYBRID),
        ("/sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_quota_us", "250000\n"),
        ("/sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_period_us", "100000\n"),
        ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"),
        ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
    ];
    assert_eq!(quota_with(&files), Some((250_000, 100_000)));
}

#[test]
fn version_1_unlimited_is_no_quota() {
    let files = [
        (GROUPS, "4:cpu:/\n"),
        (MOUNTS, HYBRID),
        ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"),
        ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
    ];
    assert_eq!(quota_with(&files), None);
}

#[test]
fn a_container_that_sees_its_group_as_the_root_of_the_mount_finds_it_there() {
    // Docker without a namespace for groups: the path is the host's, the mount shows the container's group alone.
    let mount = "1050 1049 0:29 /docker/1f2e /sys/fs/cgroup/cpu ro,nosuid master:9 - cgroup cgroup rw,cpu\n";
    let files = [
        (GROUPS, "4:cpu:/docker/1f2e/worker\n"),
        (MOUNTS, mount),
        ("/sys/fs/cgroup/cpu/worker/cpu.cfs_quota_us", "50000\n"),
        ("/sys/fs/cgroup/cpu/worker/cpu.cfs_period_us", "100000\n"),
        ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n"),
        ("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
    ];
    assert_eq!(quota_with(&files), Some((50_000, 100_000)));
}

#[test]
fn a_group_outside_of_the_mount_falls_back_to_its_root() {
    for (root, group) in [("/pods/7", "/elsewhere"), ("/pods/7", "/pods/7/../8"), ("/", "/../8")] {
        let mount = format!("900 899 0:26 {root} /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
        let files = [
            (GROUPS, &*format!("0::{group}\n")),
            (MOUNTS, &*mount),
            ("/sys/fs/cgroup/cpu.max", "70000 100000\n"),
            ("/sys/fs/cgroup/../8/cpu.max", "10000 100000\n"),
        ];
        assert_eq!(quota_with(&files), Some((70_000, 100_000)), "{group} in {root}");
    }
}

#[test]
fn a_mount_point_with_a_space_is_found() {
    let mount = "30 23 0:26 / /mnt/my\\040groups rw - cgroup2 cgroup2 rw\n";
    let files = [(GROUPS, "0::/\n"), (MOUNTS, mount), ("/mnt/my groups/cpu.max", "10000 100000\n")];
    assert_eq!(quota_with(&files), Some((10_000, 100_000)));
}

#[test]
fn escapes_are_undone_and_lone_backslashes_kept() {
    for (escaped, plain) in [
        ("/plain", "/plain"),
        ("/a\\040b\\011c\\134d", "/a b\tc\\d"),
        ("/end\\", "/end\\"),
        ("/short\\04", "/short\\04"),
        ("/no\\999number", "/no\\999number"),
        ("/no\\351ascii", "/no\\351ascii"),
        ("/é\\é", "/é\\é"),
    ] {
        assert_eq!(unescape(escaped), Path::new(plain));
    }
}

#[test]
fn the_tighter_of_both_versions_counts() {
    let files = [
        (GROUPS, "4:cpu:/\n0::/app\n"),
        (MOUNTS, HYBRID),
        ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000\n"),
        ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
        ("/sys/fs/cgroup/unified/app/cpu.max", "110000 100000\n"),
    ];
    assert_eq!(quota_with(&files), Some((110_000, 100_000)));
}

#[test]
fn nonsense_is_no_quota_and_no_panic() {
    let nonsense =
        ["", "\n", "max", "0 0", "-5 100000", "1e5 1e5", "99999999999999999999 1", "100000 zero", "\0"];
    for text in nonsense {
        let files = [(GROUPS, "0::/\n"), (MOUNTS, UNIFIED), ("/sys/fs/cgroup/cpu.max", text)];
        assert_eq!(quota_with(&files), None, "{text:?}");
    }
    for groups in nonsense.iter().chain(&[":", "::", "0:", "a:b", "0:name=systemd:/"]) {
        assert_eq!(
            quota_with(&[(GROUPS, groups), (MOUNTS, UNIFIED), ("/sys/fs/cgroup/cpu.max", "1 1")]),
            None
        );
    }
    for mounts in nonsense.iter().chain(&[" - ", "1 2 3 - cgroup2 x", "1 2 3 4 5 - cgroup2"]) {
        assert_eq!(
            quota_with(&[(GROUPS, "0::/"), (MOUNTS, mounts), ("/sys/fs/cgroup/cpu.max", "1 1")]),
            None
        );
    }
    assert_eq!(quota_with(&[]), None);
}
