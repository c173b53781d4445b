//! macOS: threads as Mach knows them.

use crate::affinity::CpuSet;
use crate::thread::Activity;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::time::Duration;

/// Every thread may run everywhere: nobody can bind it.
pub(crate) fn affinity() -> io::Result<CpuSet> {
    Ok((0..std::thread::available_parallelism()?.get()).collect())
}

/// The scheduler takes hints, by tags and classes, and no orders.
pub(crate) fn set_affinity(cpus: &CpuSet) -> io::Result<()> {
    let all = affinity()?;
    if cpus == &all {
        return Ok(());
    }
    if !cpus.iter().any(|cpu| all.contains(cpu)) {
        return Err(ErrorKind::InvalidInput.into());
    }
    Err(io::Error::new(
        ErrorKind::Unsupported,
        "macOS binds no thread to CPUs: it takes affinity tags as hints",
    ))
}

pub(crate) fn current_cpu() -> io::Result<usize> {
    let mut cpu = 0;
    // SAFETY: the call writes one number.
    match unsafe { libc::pthread_cpu_number_np(&raw mut cpu) } {
        0 => Ok(cpu),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// The name of the thread's port, by which Mach's calls take it. `pthread_mach_thread_np` counts no reference to it.
pub(crate) fn thread_id() -> u32 {
    // SAFETY: a thread may ask for its own port.
    unsafe { libc::pthread_mach_thread_np(libc::pthread_self()) }
}

pub(crate) fn thread_activity(thread: u32) -> io::Result<Activity> {
    let mut info = MaybeUninit::<libc::thread_basic_info>::uninit();
    let mut count = libc::THREAD_BASIC_INFO_COUNT;
    let flavor = libc::THREAD_BASIC_INFO as libc::thread_flavor_t;
    // SAFETY: there is room for `count` words, which is what this flavor writes. A port that is no thread's is an error.
    let result = unsafe { libc::thread_info(thread, flavor, info.as_mut_ptr().cast(), &raw mut count) };
    if result != libc::KERN_SUCCESS {
        return Err(ErrorKind::NotFound.into());
    }
    // SAFETY: it has succeeded.
    let info = unsafe { info.assume_init() };
    let duration = |time: libc::time_value_t| {
        let seconds = Duration::from_secs(u64::try_from(time.seconds).unwrap_or(0));
        seconds + Duration::from_micros(u64::try_from(time.microseconds).unwrap_or(0))
    };
    let run_time = duration(info.user_time) + duration(info.system_time);
    Ok(Activity { is_waiting: Some(info.run_state != libc::TH_STATE_RUNNING), run_time })
}

pub(crate) fn set_quality_of_service(class: libc::qos_class_t) -> io::Result<()> {
    // SAFETY: concerns the calling thread alone, and takes no pointers.
    match unsafe { libc::pthread_set_qos_class_self_np(class, 0) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

pub(crate) fn set_affinity_tag(tag: i32) -> io::Result<()> {
    let mut policy = libc::thread_affinity_policy { affinity_tag: tag };
    let flavor = libc::THREAD_AFFINITY_POLICY as libc::thread_policy_flavor_t;
    let count = libc::THREAD_AFFINITY_POLICY_COUNT;
    // SAFETY: the policy has `count` words, which are read.
    let result = unsafe { libc::thread_policy_set(thread_id(), flavor, (&raw mut policy).cast(), count) };
    if result == libc::KERN_SUCCESS {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::Unsupported, "this machine's scheduler takes no affinity tags"))
}
