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
