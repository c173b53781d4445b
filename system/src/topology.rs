//! How many cores this process may keep busy.

use crate::affinity::{self, CpuSet};
use crate::os;
use std::io;
use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

/// A limit on CPU time: so much of it in each period.
///
/// ```
/// use fibra_system::topology::CpuQuota;
/// use std::time::Duration;
///
/// let quota = CpuQuota { time: Duration::from_millis(150), period: Duration::from_millis(100) };
/// assert_eq!(quota.cores().get(), 2); // one core and a half
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuQuota {
    /// The CPU time, summed over all cores, that may be used in each period.
    pub time: Duration,
    /// The length of a period.
    pub period: Duration,
}

impl CpuQuota {
    /// The number of cores that can use the quota up: rounded up, and at least one.
    ///
    /// Rounding down would leave CPU time unused that was granted, half of it for a quota of 1.9 cores.
    ///
    /// ```
    /// use fibra_system::topology::CpuQuota;
    /// use std::time::Duration;
    ///
    /// let tenth = CpuQuota { time: Duration::from_millis(10), period: Duration::from_millis(100) };
    /// assert_eq!(tenth.cores().get(), 1);
    /// ```
    pub fn cores(&self) -> NonZeroUsize {
        let cores = self.time.as_nanos().div_ceil(self.period.as_nanos().max(1));
        NonZeroUsize::new(usize::try_from(cores).unwrap_or(usize::MAX)).unwrap_or(NonZeroUsize::MIN)
    }
}

/// The tightest limit on CPU time of the control groups (containers) that this process is in, if there is any. On Windows that
/// of its job.
///
/// Groups whose files cannot be read count as unlimited.
///
/// ```
/// match fibra_system::topology::cpu_quota() {
///     Some(quota) => println!("{:?} of CPU time every {:?}", quota.time, quota.period),
///     None => println!("no limit"),
/// }
/// ```
pub fn cpu_quota() -> Option<CpuQuota> {
    os::cpu_quota()
}

/// The number of cores that this process can keep busy: those that the calling thread may run on, but no more than the
/// [quota](cpu_quota) pays for; at least one.
///
/// `std::thread::available_parallelism` rounds the quota down instead.
///
/// ```
/// assert!(fibra_system::topology::usable_cores().get() >= 1);
/// ```
pub fn usable_cores() -> NonZeroUsize {
    let allowed = affinity::current().ok().and_then(|cpus| NonZeroUsize::new(cpus.len()));
    // Where the mask cannot be read (seccomp), std may know another way.
    let allowed = allowed.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    paid_for(allowed, cpu_quota())
}

/// The CPUs of each node of memory (NUMA): those that are equally near to one part of it.
///
/// # Errors
///
/// Those of the system, if it doesn't tell.
///
/// ```
/// if let Ok(nodes) = fibra_system::topology::numa_nodes() {
///     for cpus in nodes {
///         println!("near each other: {cpus}");
///     }
/// }
/// ```
pub fn numa_nodes() -> io::Result<Vec<CpuSet>> {
    os::numa_nodes()
}

fn paid_for(allowed: NonZeroUsize, quota: Option<CpuQuota>) -> NonZeroUsize {
    quota.map_or(allowed, |quota| quota.cores().min(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cores(time: u64, period: u64) -> usize {
        CpuQuota { time: Duration::from_micros(time), period: Duration::from_micros(period) }.cores().get()
    }

    #[test]
    fn a_quota_is_rounded_up_to_at_least_one_core() {
        assert_eq!(cores(100_000, 100_000), 1);
        assert_eq!(cores(100_001, 100_000), 2);
        assert_eq!(cores(400_000, 100_000), 4);
        assert_eq!(cores(1_000, 100_000), 1);
        assert_eq!(cores(0, 100_000), 1);
        assert_eq!(cores(100_000, 0), 100_000_000);
    }

    #[test]
    fn neither_the_mask_nor_the_quota_is_exceeded() {
        let allowed = NonZeroUsize::new(4).expect("not zero");
        let quota = |cores| CpuQuota { time: Duration::from_secs(cores), period: Duration::from_secs(1) };
        assert_eq!(paid_for(allowed, None).get(), 4);
        assert_eq!(paid_for(allowed, Some(quota(3))).get(), 3);
        assert_eq!(paid_for(allowed, Some(quota(5))).get(), 4);
    }

    #[test]
    fn a_cpu_is_in_one_node() {
        let Ok(nodes) = numa_nodes() else {
            println!("the system doesn't tell");
            return;
        };
        for cpu in affinity::current().expect("readable").iter() {
            assert_eq!(nodes.iter().filter(|cpus| cpus.contains(cpu)).count(), 1, "{cpu} in {nodes:?}");
        }
    }

    #[test]
    fn the_usable_cores_follow_the_mask_of_the_thread() {
        let cpu = affinity::current().expect("readable").iter().next().expect("a thread runs somewhere");
        let cores = thread::spawn(move || {
            affinity::pin_current_thread(cpu).expect("it may run there");
            usable_cores()
        });
        assert_eq!(cores.join().expect("no panic").get(), 1);
    }
}
