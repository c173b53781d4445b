//! What the paths of Unix lead to.

use std::{os::unix::fs::symlink, path::Path};

/// A device that nobody else writes to, which would change its times.
pub const QUIET: &str = "/dev/full";

/// Makes `path` a symbolic link. Whether there are such here.
pub fn link(target: impl AsRef<Path>, path: impl AsRef<Path>) -> bool {
    symlink(target, path).expect("everybody may make links");
    true
}
