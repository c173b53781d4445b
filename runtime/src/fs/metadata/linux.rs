//! What Linux's `statx` has written.

use super::{Moment, Status};
use fibra_driver::RawStatx;

fn moment(time: &libc::statx_timestamp) -> Moment {
    Moment { seconds: time.tv_sec, nanoseconds: time.tv_nsec }
}

impl Status for RawStatx {
    const MASK: u32 = libc::STATX_BASIC_STATS | libc::STATX_BTIME;
    const OF_DESCRIPTOR: i32 = libc::AT_EMPTY_PATH;

    fn mode(&self) -> u32 {
        self.stx_mode.into()
    }

    fn size(&self) -> u64 {
        self.stx_size
    }

    fn modified(&self) -> Option<Moment> {
        (self.stx_mask & libc::STATX_MTIME != 0).then(|| moment(&self.stx_mtime))
    }

    fn accessed(&self) -> Option<Moment> {
        (self.stx_mask & libc::STATX_ATIME != 0).then(|| moment(&self.stx_atime))
    }

    fn created(&self) -> Option<Moment> {
        (self.stx_mask & libc::STATX_BTIME != 0).then(|| moment(&self.stx_btime))
    }

    fn changed(&self) -> Moment {
        moment(&self.stx_ctime)
    }

    fn device(&self) -> u64 {
        libc::makedev(self.stx_dev_major, self.stx_dev_minor)
    }

    fn special_device(&self) -> u64 {
        libc::makedev(self.stx_rdev_major, self.stx_rdev_minor)
    }

    fn inode(&self) -> u64 {
        self.stx_ino
    }

    fn links(&self) -> u64 {
        self.stx_nlink.into()
    }

    fn owner(&self) -> (u32, u32) {
        (self.stx_uid, self.stx_gid)
    }

    fn block_size(&self) -> u64 {
        self.stx_blksize.into()
    }

    fn blocks(&self) -> u64 {
        self.stx_blocks
    }
}
