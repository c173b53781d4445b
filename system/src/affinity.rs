//! On which CPUs a thread may run.

use crate::os;
use std::fmt;
use std::io;

/// A set of CPUs, by the numbers that the system gives them.
///
/// ```
/// use fibra_system::affinity::CpuSet;
///
/// let cpus: CpuSet = [0, 1, 2, 8].into_iter().collect();
/// assert_eq!(cpus.to_string(), "0-2,8");
/// assert!(cpus.contains(8) && !cpus.contains(7));
/// ```
#[derive(Clone, Default)]
pub struct CpuSet {
    /// One bit for each CPU. Of any length: machines have more CPUs than the 1,024 that a fixed mask holds.
    words: Vec<u64>,
}

impl CpuSet {
    /// A set of one CPU.
    ///
    /// ```
    /// assert_eq!(fibra_system::affinity::CpuSet::of(3).to_string(), "3");
    /// ```
    pub fn of(cpu: usize) -> Self {
        Self::from_iter([cpu])
    }

    /// How many CPUs are in the set.
    ///
    /// ```
    /// assert_eq!(fibra_system::affinity::CpuSet::from_iter([4, 7]).len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no CPU is in the set.
    ///
    /// ```
    /// assert!(fibra_system::affinity::CpuSet::default().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `cpu` is in the set.
    ///
    /// ```
    /// assert!(fibra_system::affinity::CpuSet::of(3).contains(3));
    /// ```
    pub fn contains(&self, cpu: usize) -> bool {
        self.words.get(cpu / 64).is_some_and(|word| word & 1 << (cpu % 64) != 0)
    }

    /// The CPUs in the set, in ascending order.
    ///
    /// ```
    /// let cpus = fibra_system::affinity::CpuSet::from_iter([70, 3]);
    /// assert_eq!(cpus.iter().collect::<Vec<_>>(), [3, 70]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        (0..self.words.len() * 64).filter(|cpu| self.contains(*cpu))
    }

    #[allow(dead_code, reason = "not every system has masks")]
    pub(crate) fn from_words(words: Vec<u64>) -> Self {
        CpuSet { words }
    }

    #[allow(dead_code, reason = "not every system has masks")]
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }
}

impl FromIterator<usize> for CpuSet {
    fn from_iter<I: IntoIterator<Item = usize>>(cpus: I) -> Self {
        let mut words = Vec::new();
        for cpu in cpus {
            if words.len() <= cpu / 64 {
                words.resize(cpu / 64 + 1, 0);
            }
            words[cpu / 64] |= 1 << (cpu % 64);
        }
        CpuSet { words }
    }
}

impl PartialEq for CpuSet {
    /// Equal sets have the same CPUs, however many words they are written in.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for CpuSet {}

impl fmt::Display for CpuSet {
    /// The format of Linux: `0-3,8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cpus = self.iter().peekable();
        let mut separator = "";
        while let Some(first) = cpus.next() {
            let mut last = first;
            while let Some(next) = cpus.next_if_eq(&(last + 1)) {
                last = next;
            }
            match last - first {
                0 => write!(f, "{separator}{first}")?,
                _ => write!(f, "{separator}{first}-{last}")?,
            }
            separator = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpuSet({self})")
    }
}

/// The CPUs on which the calling thread may run.
///
/// # Errors
///
/// Those of the system, such as a sandbox that forbids to ask.
///
/// ```
/// println!("this thread may run on {}", fibra_system::affinity::current()?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn current() -> io::Result<CpuSet> {
    os::affinity()
}

/// The CPU on which the calling thread runs at the moment. It may be another one as soon as this returns.
///
/// # Errors
///
/// Those of the system.
///
/// ```
/// use fibra_system::affinity;
///
/// assert!(affinity::current()?.contains(affinity::current_cpu()?));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn current_cpu() -> io::Result<usize> {
    os::current_cpu()
}

/// Lets the calling thread run on these CPUs only. On Linux, threads that it starts later inherit that.
///
/// Windows numbers CPUs in groups of up to 64, here `64 * group + number`, and a thread runs in one group: of a set that
/// spans several, the part in the thread's own group is taken, or in the first if there is none.
///
/// # Errors
///
/// `InvalidInput` if none of the CPUs exists and is allowed to this process; `Unsupported` on macOS, which binds no thread;
/// others of the system.
///
/// ```
/// use fibra_system::affinity;
///
/// let before = affinity::current()?;
/// affinity::set_current(&before)?; // all as it was
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn set_current(cpus: &CpuSet) -> io::Result<()> {
    os::set_affinity(cpus)
}

/// Binds the calling thread to one CPU.
///
/// # Errors
///
/// Those of [`set_current`].
///
/// ```
/// use fibra_system::affinity;
///
/// let cpus = affinity::current()?;
/// affinity::pin_current_thread(cpus.iter().next().expect("a thread runs somewhere"))?;
/// assert_eq!(affinity::current()?.len(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn pin_current_thread(cpu: usize) -> io::Result<()> {
    set_current(&CpuSet::of(cpu))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_prints_as_ranges() {
        let print = |cpus: &[usize]| CpuSet::from_iter(cpus.iter().copied()).to_string();
        assert_eq!(print(&[]), "");
        assert_eq!(print(&[5]), "5");
        assert_eq!(print(&[0, 1]), "0-1");
        assert_eq!(print(&[3, 2, 1, 62, 63, 64, 65, 2_000]), "1-3,62-65,2000");
    }

    #[test]
    fn equality_does_not_depend_on_the_length_in_memory() {
        assert_eq!(CpuSet::from_words(vec![5, 0, 0]), CpuSet::from_words(vec![5]));
        assert_ne!(CpuSet::from_words(vec![5, 1]), CpuSet::from_words(vec![5]));
        assert!(CpuSet::from_words(vec![0, 0]).is_empty());
    }

    #[test]
    fn a_cpu_that_does_not_exist_is_invalid_input() {
        for cpus in [CpuSet::of(100_000), CpuSet::default()] {
            let error = set_current(&cpus).expect_err("there is no such CPU");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
