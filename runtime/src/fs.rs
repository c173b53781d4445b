//! Files, with the API of [`std::fs`].
//!
//! Opening, reading, writing, syncing and asking for metadata are operations: they go through the driver, in direct style
//! (`file.read_at(&mut buffer, 0)`) or as a future that owns its buffer (`file.read_at_async(buffer, 0).await`). Where the
//! kernel can't do them without blocking, its own threads or the runtime's pool do. All the rest (directories, renames,
//! copies, …) runs on that pool, and the caller waits; a future may call it just as well, which
//! keeps a stack for as long as it waits, or run std's function by [`unblock_async`](crate::unblock_async), which keeps none.
//!
//! # Cancellation
//!
//! Operations are cancellation points, but the kernel seldom stops what it has begun with a disk: mostly the result is
//! delivered, and the cancel waits for the next point. What runs on the pool is no cancellation point. Each method says what a
//! cancel may leave behind, and what dropping its future loses.
//!
//! # Closing
//!
//! A file is closed when its last clone is dropped, there and then, as with std. On most file systems that is quick. Where
//! it isn't, since data goes to a server first, or where its errors matter, call [`File::close`].

mod dir_builder;
mod file;
#[cfg(unix)]
pub(crate) mod metadata;
#[cfg(windows)]
#[path = "fs/metadata/windows.rs"]
mod metadata;
mod open_options;
mod paths;
mod read_dir;
#[cfg(unix)]
#[path = "fs/system/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "fs/system/windows.rs"]
mod system;
mod whole;

pub use dir_builder::DirBuilder;
pub use file::File;
pub use metadata::{FileType, Metadata, metadata, metadata_async, symlink_metadata, symlink_metadata_async};
pub use open_options::OpenOptions;
pub use paths::{
    canonicalize, copy, create_dir, create_dir_all, exists, hard_link, read_link, remove_dir, remove_dir_all,
    remove_file, rename, set_permissions,
};
pub use read_dir::{DirEntry, ReadDir, read_dir, read_dir_async};
pub use std::fs::{FileTimes, Permissions};
pub use whole::{read, read_async, read_to_string, read_to_string_async, write, write_async};
