//! Errors that have no stable kind.

/// A link leads to itself.
pub const LOOP: i32 = libc::ELOOP;

/// There are no more descriptors.
pub const SHORTAGES: [i32; 2] = [libc::EMFILE, libc::ENFILE];

/// Others, which have one.
#[cfg(test)]
pub mod examples {
    pub const NOT_FOUND: [i32; 3] = [libc::ENOENT, libc::ENOTDIR, libc::ENAMETOOLONG];
    pub const FORBIDDEN: i32 = libc::EACCES;
    pub const NO_MEMORY: i32 = libc::ENOMEM;
    pub const NO_BUFFERS: i32 = libc::ENOBUFS;
    pub const DEFECT: i32 = libc::EIO;
}
