//! Windows: processor groups, jobs, and what a process may have.
//!
//! CPUs are numbered in groups of up to 64. A word of a [`CpuSet`] is a group's mask.

mod calls;
mod thread;

pub(crate) use calls::{LOCK_CALL, SLEEP_CALLS, system_call_at, system_call_name};
pub(crate) use thread::{system_call, thread_activity, thread_id};

use crate::affinity::CpuSet;
use crate::kernel::Limit;
use crate::topology::CpuQuota;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::LazyLock;
use std::time::Duration;
use windows_sys::Wdk::System::SystemServices::RtlGetVersion;
use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_PARAMETER};
use windows_sys::Win32::System::JobObjects::{
    JOB_OBJECT_CPU_RATE_CONTROL_ENABLE, JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP,
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION, JobObjectCpuRateControlInformation, QueryInformationJobObject,
};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::SystemInformation::{
    GROUP_AFFINITY, GetLogicalProcessorInformationEx, LOGICAL_PROCESSOR_RELATIONSHIP, OSVERSIONINFOW,
    PROCESSOR_GROUP_INFO, RelationGroup, RelationNumaNode, SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX,
};
use windows_sys::Win32::System::Threading::{
    FlushProcessWriteBuffers, GetCurrentProcess, GetCurrentProcessorNumberEx, GetCurrentThread,
    GetProcessAffinityMask, GetProcessWorkingSetSize, GetThreadGroupAffinity, SetThreadGroupAffinity,
};
use windows_sys::{s, w};

/// CPUs in a group, and bits in a word of a set.
const GROUP_SIZE: usize = 64;

fn check(status: i32) -> io::Result<()> {
    if status == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn in_group(group: u16, mask: usize) -> CpuSet {
    let mut words = vec![0; usize::from(group) + 1];
    words[usize::from(group)] = mask as u64;
    CpuSet::from_words(words)
}

fn group_affinity() -> io::Result<GROUP_AFFINITY> {
    let mut affinity = GROUP_AFFINITY::default();
    // SAFETY: the call fills the structure, and the handle is always good.
    check(unsafe { GetThreadGroupAffinity(GetCurrentThread(), &raw mut affinity) })?;
    Ok(affinity)
}

pub(crate) fn affinity() -> io::Result<CpuSet> {
    let affinity = group_affinity()?;
    Ok(in_group(affinity.Group, affinity.Mask))
}

pub(crate) fn set_affinity(cpus: &CpuSet) -> io::Result<()> {
    let home = group_affinity()?.Group;
    let groups = active_groups()?;
    let wanted = |group: u16| -> io::Result<usize> {
        let asked = cpus.words().get(usize::from(group)).copied().unwrap_or(0) as usize;
        Ok(asked & groups[usize::from(group)] & process_mask(group == home)?)
    };
    let others = (0..groups.len() as u16).filter(|group| *group != home);
    for group in std::iter::once(home).chain(others) {
        let mask = wanted(group)?;
        if mask != 0 {
            let affinity = GROUP_AFFINITY { Mask: mask, Group: group, ..Default::default() };
            // SAFETY: the call reads the structure; the handle is always good, and the previous value isn't asked for.
            let status =
                unsafe { SetThreadGroupAffinity(GetCurrentThread(), &raw const affinity, ptr::null_mut()) };
            return check(status);
        }
    }
    Err(io::Error::from_raw_os_error(ERROR_INVALID_PARAMETER as i32))
}

/// The CPUs of the process's own group that it may use; of other groups all.
fn process_mask(is_home: bool) -> io::Result<usize> {
    let (mut process, mut system) = (0, 0);
    // SAFETY: the call writes two numbers; the handle is always good.
    check(unsafe { GetProcessAffinityMask(GetCurrentProcess(), &raw mut process, &raw mut system) })?;
    // A process with threads in several groups is told zero.
    Ok(if is_home && process != 0 { process } else { usize::MAX })
}

pub(crate) fn current_cpu() -> io::Result<usize> {
    let mut number = MaybeUninit::uninit();
    // SAFETY: the call fills the structure, and can't fail.
    let number = unsafe {
        GetCurrentProcessorNumberEx(number.as_mut_ptr());
        number.assume_init()
    };
    Ok(usize::from(number.Group) * GROUP_SIZE + usize::from(number.Number))
}

/// The masks of the CPUs that are there, group by group.
fn active_groups() -> io::Result<Vec<usize>> {
    let mut masks = Vec::new();
    // SAFETY: the relation asked for says which part of the union is filled, and how many groups follow each other there.
    each_relation(RelationGroup, |record| unsafe {
        let groups = &raw const (*record).Anonymous.Group;
        let first = (&raw const (*groups).GroupInfo).cast::<PROCESSOR_GROUP_INFO>();
        let count = usize::from((*groups).ActiveGroupCount);
        masks.extend((0..count).map(|index| (*first.add(index)).ActiveProcessorMask));
    })?;
    Ok(masks)
}

pub(crate) fn numa_nodes() -> io::Result<Vec<CpuSet>> {
    let mut nodes = Vec::new();
    // SAFETY: the relation asked for says which part of the union is filled. Older systems give one group, and a count of 0.
    each_relation(RelationNumaNode, |record| unsafe {
        let node = &raw const (*record).Anonymous.NumaNode;
        let first = (&raw const (*node).Anonymous).cast::<GROUP_AFFINITY>();
        let cpus = (0..usize::from((*node).GroupCount).max(1)).flat_map(|index| {
            let affinity = *first.add(index);
            let first = usize::from(affinity.Group) * GROUP_SIZE;
            let is_in = move |cpu: &usize| affinity.Mask & 1 << cpu != 0;
            (0..GROUP_SIZE).filter(is_in).map(move |cpu| first + cpu)
        });
        nodes.push(cpus.collect::<CpuSet>());
    })?;
    nodes.retain(|cpus| !cpus.is_empty());
    Ok(nodes)
}

/// Calls `visit` with each record of the kind.
fn each_relation(
    kind: LOGICAL_PROCESSOR_RELATIONSHIP,
    mut visit: impl FnMut(*const SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX),
) -> io::Result<()> {
    let mut len = 0;
    // SAFETY: without room the call only writes how much it needs.
    unsafe { GetLogicalProcessorInformationEx(kind, ptr::null_mut(), &raw mut len) };
    // Words, since the records hold pointer-sized masks.
    let mut records = loop {
        let mut words = vec![0_u64; (len as usize).div_ceil(size_of::<u64>())];
        // SAFETY: room for `len` bytes.
        let status =
            unsafe { GetLogicalProcessorInformationEx(kind, words.as_mut_ptr().cast(), &raw mut len) };
        match check(status) {
            Ok(()) => break words,
            // A CPU was added meanwhile.
            Err(error) if error.raw_os_error() == Some(ERROR_INSUFFICIENT_BUFFER as i32) => {}
            Err(error) => return Err(error),
        }
    };
    let start = records.as_mut_ptr().cast::<u8>().cast_const();
    let mut offset = 0;
    while offset < len as usize {
        let record = start.wrapping_add(offset).cast::<SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX>();
        visit(record);
        // SAFETY: records follow each other, each with its size, to the end that the call told.
        offset += unsafe { (*record).Size } as usize;
    }
    Ok(())
}

/// Nobody asks: only Linux's clock is known to be bounded by what it counts.
pub(crate) fn clock_source() -> Option<String> {
    None
}

pub(crate) fn cpu_quota() -> Option<CpuQuota> {
    /// `CpuRate` counts hundredths of a percent of all CPUs.
    const WHOLE: u32 = 10_000;
    const CAP: u32 = JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;
    let mut rate = JOBOBJECT_CPU_RATE_CONTROL_INFORMATION::default();
    let size = size_of::<JOBOBJECT_CPU_RATE_CONTROL_INFORMATION>() as u32;
    // SAFETY: no handle means the job that this process is in; the call writes the structure if there is one.
    let rate = unsafe {
        let place = (&raw mut rate).cast();
        let kind = JobObjectCpuRateControlInformation;
        check(QueryInformationJobObject(ptr::null_mut(), kind, place, size, ptr::null_mut())).ok()?;
        (rate.ControlFlags & CAP == CAP).then_some(rate.Anonymous.CpuRate)?
    };
    let cpus = active_groups().ok()?.iter().map(|mask| mask.count_ones()).sum::<u32>();
    let period = Duration::from_secs(1);
    Some(CpuQuota { time: period * cpus * rate / WHOLE, period })
}

/// Only who may lock pages gets large ones, and asks for them with the memory.
pub(crate) fn prefer_huge_pages(_start: *mut u8, _length: usize) {}

/// In Wine the call may be there and do nothing, which can't be seen from outside.
pub(crate) fn fence_all_threads() -> io::Result<()> {
    static IS_WINE: LazyLock<bool> = LazyLock::new(is_wine);
    if *IS_WINE {
        return Err(ErrorKind::Unsupported.into());
    }
    // SAFETY: no arguments, and it can't fail.
    unsafe { FlushProcessWriteBuffers() };
    Ok(())
}

/// Whether this is Windows as Wine has it.
fn is_wine() -> bool {
    // SAFETY: both names are ended by zero; the library is in every process.
    unsafe { GetProcAddress(GetModuleHandleW(w!("ntdll.dll")), s!("wine_get_version")) }.is_some()
}

pub(crate) fn release() -> io::Result<String> {
    let mut version =
        OSVERSIONINFOW { dwOSVersionInfoSize: size_of::<OSVERSIONINFOW>() as u32, ..Default::default() };
    // SAFETY: the call fills the structure, whose size it has been told. It can't fail.
    unsafe { RtlGetVersion(&raw mut version) };
    Ok(format!("{}.{}.{}", version.dwMajorVersion, version.dwMinorVersion, version.dwBuildNumber))
}

/// Handles are limited by memory alone.
pub(crate) fn limit_open_files() -> io::Result<Limit> {
    Ok(Limit { soft: None, hard: None })
}

pub(crate) fn limit_locked_memory() -> io::Result<Limit> {
    let (mut least, mut most) = (0, 0);
    // SAFETY: the call writes two numbers; the handle is always good.
    check(unsafe { GetProcessWorkingSetSize(GetCurrentProcess(), &raw mut least, &raw mut most) })?;
    Ok(Limit { soft: Some(least as u64), hard: None })
}

pub(crate) fn max_map_count() -> io::Result<u64> {
    Err(ErrorKind::Unsupported.into())
}
