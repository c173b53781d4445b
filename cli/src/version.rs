//! What tells one version of a file from another: its entity tag and its time. What tells one version of a page that fibra
//! makes: its entity tag.
//!
//! A strong tag promises that the bytes are the same, so it must change with every change. Inode, size and the time of the
//! last status change (`ctime`, in nanoseconds) do. Unlike the time of the last modification, that one moves whatever is
//! done to the file, and nobody can set it back: after `cp --preserve`, `touch --reference` or a rename over it, the tag
//! is another one. (`chmod` moves it as well, and costs a download that wasn't needed.) On Windows the standard library
//! tells only times that can be set back: there a file's tag is always weak.
//!
//! One case is left: the system's clock for files has ticks (up to 10 ms; 2 s on FAT), and two changes within one tick
//! leave the same time. So a file that has changed a moment ago may change again and keep its tag. Until that moment is
//! over, the tag is weak, and *another* one, lest a copy from that moment match the file later. The same holds for the
//! time as HTTP has it, in whole seconds. What remains is a program that writes through a shared mapping, which the system
//! notices late; who serves a file that is being written in that way sends a mixture in any case.
//!
//! A directory's page shows sizes and times of files, which change without a trace in the directory. So its time says nothing,
//! and only the page itself knows whether it is the same as before: its tag is a hash of it. That is 64 bits long, which makes
//! two pages with one tag improbable, but proves nothing: so the tag is weak.

use std::fs::Metadata;
use std::hash::{DefaultHasher, Hasher};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::encoding::Coding;
use crate::entity_tag::EntityTag;
use crate::timestamp;

#[cfg(unix)]
#[path = "version/unix.rs"]
mod mark;
#[cfg(windows)]
#[path = "version/windows.rs"]
mod mark;

/// For how long after a change another one could go unnoticed, by the coarsest clock.
const SETTLING_SECONDS: i64 = 2;

/// The validators of what is sent.
#[derive(Debug, Clone)]
pub struct Version {
    tag: String,
    /// As HTTP can express it: in whole seconds, and not later than now.
    modified: Option<SystemTime>,
    settled: bool,
}

impl Version {
    /// The version of the open file that has this metadata, and is sent in this coding at the time `now`.
    pub fn new(metadata: &Metadata, coding: Coding, now: SystemTime) -> Version {
        let (name, changed) = (mark::name(metadata), mark::changed(metadata));
        // A time in the future is a clock that was set back: it will be reached again.
        let settled = changed.is_some_and(|changed| seconds(now) > changed.saturating_add(SETTLING_SECONDS));
        let coding = coding.name().map_or_else(String::new, |coding| format!("-{coding}"));
        let tag =
            if settled { format!("\"{name}{coding}\"") } else { format!("W/\"{name}{coding}-unsettled\"") };
        Version { tag, modified: metadata.modified().ok().and_then(|time| expressible(time, now)), settled }
    }

    /// The version of a page that is made anew for each request.
    pub fn of_page(page: &str) -> Version {
        let mut hasher = DefaultHasher::new();
        hasher.write(page.as_bytes());
        Version { tag: format!("W/\"{:016x}\"", hasher.finish()), modified: None, settled: false }
    }

    /// Of a file that nobody has to have, on any system.
    #[cfg(test)]
    pub fn made_up(tag: &str, modified: SystemTime, settled: bool) -> Version {
        Version { tag: tag.to_owned(), modified: expressible(modified, SystemTime::now()), settled }
    }

    /// The entity tag.
    pub fn tag(&self) -> EntityTag<'_> {
        EntityTag::parse(self.tag.as_bytes()).expect("a tag of hexadecimal digits is well-formed")
    }

    /// For `ETag`.
    pub fn tag_text(&self) -> &str {
        &self.tag
    }

    /// For `Last-Modified`.
    pub fn modified_text(&self) -> Option<String> {
        self.modified.and_then(timestamp::http)
    }

    /// When the file was modified, in whole seconds.
    pub fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    /// Whether no change can go unnoticed any more: tag and time name these bytes and no others.
    pub fn is_settled(&self) -> bool {
        self.settled
    }
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// `modified` as `Last-Modified` may say it. A future time would be a promise not to change until then; RFC 9110 (section
/// 8.8.2.1) wants the present one instead.
fn expressible(modified: SystemTime, now: SystemTime) -> Option<SystemTime> {
    let since = modified.min(now).duration_since(UNIX_EPOCH).ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(since.as_secs()))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::path::PathBuf;

    pub fn file(name: &str) -> (PathBuf, File) {
        let path = std::env::temp_dir().join(format!("fibra-version-{}-{name}", std::process::id()));
        fs::write(&path, "content").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        (path, file)
    }

    pub fn later() -> SystemTime {
        SystemTime::now() + Duration::from_secs(3600)
    }

    #[test]
    fn a_change_that_restores_size_and_time_is_another_version() {
        let (path, file) = file("restored");
        let before = file.metadata().unwrap();
        fs::write(&path, "CONTENT").unwrap();
        file.set_modified(before.modified().unwrap()).unwrap();
        let after = file.metadata().unwrap();
        fs::remove_file(path).unwrap();
        assert_eq!((before.len(), before.modified().unwrap()), (after.len(), after.modified().unwrap()));
        let version = |metadata| Version::new(metadata, Coding::Identity, later());
        // Within a tick of the clock they may be the same: that is what the weak tags are for.
        if mark::name(&before) != mark::name(&after) {
            assert!(!version(&before).tag().weakly_equals(&version(&after).tag()));
        }
    }

    #[test]
    fn each_coding_has_a_tag_of_its_own() {
        let (path, file) = file("coded");
        fs::remove_file(path).unwrap();
        let metadata = file.metadata().unwrap();
        let tag = |coding| Version::new(&metadata, coding, later()).tag;
        assert_ne!(tag(Coding::Identity), tag(Coding::Gzip));
        assert_ne!(tag(Coding::Brotli), tag(Coding::Gzip));
    }

    #[test]
    fn a_page_has_a_weak_tag_of_its_own_and_no_time() {
        let (page, other) = (Version::of_page("page"), Version::of_page("Page"));
        assert!(page.tag().weakly_equals(&Version::of_page("page").tag()));
        assert!(!page.tag().strongly_equals(&page.tag()));
        assert!(!page.tag().weakly_equals(&other.tag()));
        assert_eq!((page.modified(), page.modified_text(), page.is_settled()), (None, None, false));
    }

    #[test]
    fn a_time_is_in_whole_seconds_and_never_in_the_future() {
        let now = UNIX_EPOCH + Duration::from_millis(5_700);
        let at = |millis| expressible(UNIX_EPOCH + Duration::from_millis(millis), now);
        assert_eq!(at(3_999), Some(UNIX_EPOCH + Duration::from_secs(3)));
        assert_eq!(at(9_000), Some(UNIX_EPOCH + Duration::from_secs(5)));
        assert_eq!(expressible(UNIX_EPOCH - Duration::from_secs(1), now), None);
    }
}
