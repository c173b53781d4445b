//! What `fstatat` of macOS and FreeBSD has written.

#![allow(clippy::unnecessary_cast, reason = "the two differ in the sizes of numbers")]

use super::{Moment, Status};
use fibra_driver::RawStatx;

fn moment(seconds: libc::time_t, nanoseconds: libc::c_long) -> Moment {
    Moment { seconds: seconds as i64, nanoseconds: nanoseconds as u32 }
}

impl Status for RawStatx {
    /// There is no asking for a part.
    const MASK: u32 = 0;
    /// A descriptor without a path is enough.
    const OF_DESCRIPTOR: i32 = 0;

    fn mode(&self) -> u32 {
        self.st_mode.into()
    }

    fn size(&self) -> u64 {
        self.st_size as u64
    }

    fn modified(&self) -> Option<Moment> {
        Some(moment(self.st_mtime, self.st_mtime_nsec))
    }

    fn accessed(&self) -> Option<Moment> {
        Some(moment(self.st_atime, self.st_atime_nsec))
    }

    /// A file system that doesn't keep it says −1.
    fn created(&self) -> Option<Moment> {
        (self.st_birthtime != -1).then(|| moment(self.st_birthtime, self.st_birthtime_nsec))
    }

    fn changed(&self) -> Moment {
        moment(self.st_ctime, self.st_ctime_nsec)
    }

    fn device(&self) -> u64 {
        self.st_dev as u64
    }

    fn special_device(&self) -> u64 {
        self.st_rdev as u64
    }

    fn inode(&self) -> u64 {
        self.st_ino as u64
    }

    fn links(&self) -> u64 {
        self.st_nlink as u64
    }

    fn owner(&self) -> (u32, u32) {
        (self.st_uid, self.st_gid)
    }

    fn block_size(&self) -> u64 {
        self.st_blksize as u64
    }

    fn blocks(&self) -> u64 {
        self.st_blocks as u64
    }
}
