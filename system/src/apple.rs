//! How macOS schedules a thread: it takes hints, by classes of quality of service and by tags.

use crate::os;
use std::io;

/// How urgent a thread's work is. On ARM64 it also decides between fast cores and economical ones.
///
/// ```no_run
/// use fibra_system::apple::{QualityOfService, set_quality_of_service};
/// set_quality_of_service(QualityOfService::Utility)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QualityOfService {
    /// Somebody watches it being done.
    UserInteractive,
    /// Somebody waits for it.
    UserInitiated,
    /// What a thread has that nobody has asked anything of.
    Default,
    /// It takes its time, and somebody looks at the progress now and then.
    Utility,
    /// Nobody knows of it.
    Background,
}

/// Gives the calling thread a class.
///
/// # Errors
///
/// Those of the system, such as for a thread whose priority was set by other means.
///
/// ```no_run
/// use fibra_system::apple::{QualityOfService, set_quality_of_service};
/// set_quality_of_service(QualityOfService::UserInitiated)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn set_quality_of_service(class: QualityOfService) -> io::Result<()> {
    use libc::qos_class_t;
    os::set_quality_of_service(match class {
        QualityOfService::UserInteractive => qos_class_t::QOS_CLASS_USER_INTERACTIVE,
        QualityOfService::UserInitiated => qos_class_t::QOS_CLASS_USER_INITIATED,
        QualityOfService::Default => qos_class_t::QOS_CLASS_DEFAULT,
        QualityOfService::Utility => qos_class_t::QOS_CLASS_UTILITY,
        QualityOfService::Background => qos_class_t::QOS_CLASS_BACKGROUND,
    })
}

/// Tags the calling thread. Threads with the same tag share a cache, if they can; those with different ones don't. 0 takes
/// the tag away.
///
/// # Errors
///
/// `Unsupported` on ARM64, whose scheduler takes no tags.
///
/// ```no_run
/// fibra_system::apple::set_affinity_tag(1)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn set_affinity_tag(tag: u16) -> io::Result<()> {
    os::set_affinity_tag(tag.into())
}
