//! What changes with every change of a file.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// Inode, size and the time of the last status change.
pub fn name(metadata: &Metadata) -> String {
    let (changed, nanoseconds) = (metadata.ctime(), metadata.ctime_nsec());
    format!("{:x}-{:x}-{changed:x}.{nanoseconds:x}", metadata.ino(), metadata.len())
}

/// When the file last changed, in seconds since 1970.
pub fn changed(metadata: &Metadata) -> Option<i64> {
    Some(metadata.ctime())
}

#[cfg(test)]
mod tests {
    use crate::encoding::Coding;
    use crate::version::Version;
    use crate::version::tests::{file, later};
    use std::fs;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    #[test]
    fn a_file_that_has_just_changed_has_a_weak_tag_that_it_will_not_have_later() {
        let (path, file) = file("young");
        fs::remove_file(path).unwrap();
        let metadata = file.metadata().unwrap();
        let young = Version::new(&metadata, Coding::Identity, SystemTime::now());
        let settled = Version::new(&metadata, Coding::Identity, later());
        assert!(!young.is_settled() && settled.is_settled());
        assert!(!young.tag().strongly_equals(&young.tag()));
        assert!(!young.tag().weakly_equals(&settled.tag()));
        assert!(settled.tag().strongly_equals(&settled.tag()));
        let before = UNIX_EPOCH + Duration::from_secs(1);
        assert!(!Version::new(&metadata, Coding::Identity, before).is_settled());
    }
}
