//! A file's operations as futures.

use super::{File, Share};
use crate::{
    fs::{Metadata, OpenOptions, metadata, system},
    io::{
        Buffer, BufferMut, borrowed,
        owned::{self, Place},
    },
    scheduler::blocking::unblock_async,
};
use fibra_driver::Offset;
use std::{future::Future, io, path::Path, sync::Arc};

const CURRENT: Place = Place::File(Offset::CURRENT);

/// # For futures
///
/// An operation owns its buffer while it is under way, and gives it back with its result. It refers to the file by
/// itself, so that it can be spawned. A future that is dropped leaves its operation to the kernel, which mostly ends it all
/// the same: what a dropped write has written is not known.
///
/// ```
/// use fibra::fs::File;
/// # let path = std::env::temp_dir().join(format!("fibra-doc-async-{}", std::process::id()));
/// fibra::block_on(async {
///     let file = File::create_async(&path).await?;
///     file.write_all_at_async("hello", 0).await.0?;
///     file.sync_data_async().await?;
///     assert_eq!(file.metadata_async().await?.len(), 5);
///
///     let file = File::open_async(&path).await?;
///     let (read, buffer) = file.read_at_async(vec![0; 8], 1).await;
///     assert_eq!(&buffer[..read?], b"ello");
/// #   fibra::fs::remove_file(&path)?;
///     Ok::<_, std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
impl File {
    /// As [`open`](File::open).
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`].
    ///
    /// # Cancellation
    ///
    /// As [`OpenOptions::open_async`].
    pub fn open_async<P: AsRef<Path>>(path: P) -> impl Future<Output = io::Result<File>> + Send + use<P> {
        OpenOptions::new().read(true).open_async(path)
    }

    /// As [`create`](File::create).
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`].
    ///
    /// # Cancellation
    ///
    /// As [`OpenOptions::open_async`].
    pub fn create_async<P: AsRef<Path>>(path: P) -> impl Future<Output = io::Result<File>> + Send + use<P> {
        OpenOptions::new().write(true).create(true).truncate(true).open_async(path)
    }

    /// As [`create_new`](File::create_new).
    ///
    /// # Errors
    ///
    /// `AlreadyExists`, and as [`OpenOptions::open`].
    ///
    /// # Cancellation
    ///
    /// As [`OpenOptions::open_async`].
    pub fn create_new_async<P: AsRef<Path>>(
        path: P,
    ) -> impl Future<Output = io::Result<File>> + Send + use<P> {
        OpenOptions::new().read(true).write(true).create_new(true).open_async(path)
    }

    /// Reads at the file's position into the buffer's beginning; 0 at the end of the file.
    ///
    /// Reads as many bytes as the buffer is long at most, whatever its capacity: with `Vec::with_capacity(4096)` it reads nothing
    /// and returns 0, as at the end. Give it `vec![0; 4096]`; see [`BufferMut`].
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer; the position may have moved.
    pub fn read_async<B: BufferMut>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        owned::read(Arc::clone(&self.share), CURRENT, buffer, 0)
    }

    /// Writes the buffer's beginning at the file's position; returns how many bytes.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer; the bytes may have been written, and the position may have moved.
    pub fn write_async<B: Buffer>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        owned::write(Arc::clone(&self.share), CURRENT, buffer, 0)
    }

    /// Writes the whole buffer at the file's position.
    ///
    /// # Errors
    ///
    /// The system's; some of the bytes may have been written.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer; some of the bytes may have been written, and the position may have moved.
    pub fn write_all_async<B: Buffer>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<()>, B)> + Send + use<B> {
        owned::write_all(Arc::clone(&self.share), CURRENT, buffer)
    }

    /// As [`read_at`](File::read_at); at most as many bytes as the buffer is long, as [`read_async`](File::read_async).
    ///
    /// # Errors
    ///
    /// As [`read_at`](File::read_at).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer, and nothing else.
    pub fn read_at_async<B: BufferMut>(
        &self,
        buffer: B,
        offset: u64,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        at(Arc::clone(&self.share), offset, buffer, |share, place, buffer| {
            owned::read(share, place, buffer, 0)
        })
    }

    /// As [`read_exact_at`](File::read_exact_at).
    ///
    /// # Errors
    ///
    /// As [`read_exact_at`](File::read_exact_at).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer, and nothing else.
    pub fn read_exact_at_async<B: BufferMut>(
        &self,
        buffer: B,
        offset: u64,
    ) -> impl Future<Output = (io::Result<()>, B)> + Send + use<B> {
        at(Arc::clone(&self.share), offset, buffer, owned::read_exact)
    }

    /// As [`write_at`](File::write_at).
    ///
    /// # Errors
    ///
    /// As [`write_at`](File::write_at).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer; the bytes may have been written.
    pub fn write_at_async<B: Buffer>(
        &self,
        buffer: B,
        offset: u64,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        at(Arc::clone(&self.share), offset, buffer, |share, place, buffer| {
            owned::write(share, place, buffer, 0)
        })
    }

    /// As [`write_all_at`](File::write_all_at).
    ///
    /// # Errors
    ///
    /// As [`write_all_at`](File::write_all_at).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer; some of the bytes may have been written.
    pub fn write_all_at_async<B: Buffer>(
        &self,
        buffer: B,
        offset: u64,
    ) -> impl Future<Output = (io::Result<()>, B)> + Send + use<B> {
        at(Arc::clone(&self.share), offset, buffer, owned::write_all)
    }

    /// As [`sync_all`](File::sync_all).
    ///
    /// # Errors
    ///
    /// As [`sync_all`](File::sync_all).
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves it open whether the data has reached the disk.
    pub fn sync_all_async(&self) -> impl Future<Output = io::Result<()>> + Send + use<> {
        owned::sync(Arc::clone(&self.share), false)
    }

    /// As [`sync_data`](File::sync_data).
    ///
    /// # Errors
    ///
    /// As [`sync_all`](File::sync_all).
    ///
    /// # Cancellation
    ///
    /// As [`sync_all_async`](File::sync_all_async).
    pub fn sync_data_async(&self) -> impl Future<Output = io::Result<()>> + Send + use<> {
        owned::sync(Arc::clone(&self.share), true)
    }

    /// As [`metadata`](File::metadata).
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub fn metadata_async(&self) -> impl Future<Output = io::Result<Metadata>> + Send + use<> {
        metadata::of_file_async(self.share.clone())
    }

    /// As [`set_len`](File::set_len).
    ///
    /// # Errors
    ///
    /// As [`set_len`](File::set_len).
    ///
    /// # Cancellation
    ///
    /// Once it has been polled it happens, even if the future is dropped.
    pub fn set_len_async(&self, size: u64) -> impl Future<Output = io::Result<()>> + Send + use<> {
        let share = Arc::clone(&self.share);
        async move { unblock_async(move || system::set_len(&share.0.handle, size)).await }
    }

    /// As [`close`](File::close), on the runtime's pool.
    ///
    /// # Errors
    ///
    /// As [`close`](File::close).
    ///
    /// # Cancellation
    ///
    /// Once it has been polled it goes on, unheard if the future is dropped. Before that, the file is dropped.
    pub async fn close_async(self) -> io::Result<()> {
        let Ok(open) = self.share.into_open() else { return Ok(()) };
        unblock_async(move || borrowed::close(open.handle)).await
    }
}

/// An operation at a place in the file, if it has places.
async fn at<T, B, F: Future<Output = (io::Result<T>, B)>>(
    share: Arc<Share>,
    offset: u64,
    buffer: B,
    operation: impl FnOnce(Arc<Share>, Place, B) -> F,
) -> (io::Result<T>, B) {
    match share.0.at(offset) {
        Ok(offset) => operation(share, Place::File(offset), buffer).await,
        Err(error) => (Err(error), buffer),
    }
}
