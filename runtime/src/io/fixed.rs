//! Buffers in memory that the workers' rings know.

use super::{Buffer, BufferMut};
use fibra_driver::FixedMemory;
use std::{
    fmt, io,
    ops::{Deref, DerefMut},
    slice,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What each buffer begins at a multiple of, as the memory does.
const ALIGNMENT: usize = FixedMemory::ALIGNMENT;

/// Buffers of one size for reads and writes of files, in memory that each worker's ring finds and holds once, instead of for each
/// operation.
///
/// With `O_DIRECT`, where the device transfers straight to or from the buffer, this saves most; together with
/// [`File::fix`](crate::fs::File::fix) it is what io_uring is quickest with. It is used by operations of which the buffer, or the part
/// of one, comes from here, borrowed or owned; without a ring they are buffers like any other. So they are if the system does not let
/// the process hold so much memory (`RLIMIT_MEMLOCK`; each worker's ring counts for itself), if a set takes more than 1 GiB, and
/// beyond 64 sets in a process.
///
/// Each buffer begins at a multiple of 4,096, as `O_DIRECT` wants it, and takes so much memory for itself. A worker's first operation
/// on one of them holds the pages of the whole set, which takes it the longer the larger that is, and has them resident. The memory is
/// freed when the set, its clones and all its buffers have gone.
///
/// ```
/// use fibra::{fs::File, io::FixedBuffers};
/// # let path = std::env::temp_dir().join(format!("fibra-doc-fixed-{}", std::process::id()));
/// # std::fs::write(&path, "0123456789")?;
/// let buffers = FixedBuffers::new(2, 4096)?;
/// fibra::run(move || {
///     let file = File::open(&path)?;
///     file.fix();
///     let mut buffer = buffers.take().expect("nobody has one yet");
///     assert_eq!(file.read_at(&mut buffer, 4)?, 6);
///     assert_eq!(&buffer[..6], b"456789");
/// #   std::fs::remove_file(path)?;
///     Ok::<_, std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct FixedBuffers {
    set: Arc<Set>,
}

struct Set {
    memory: FixedMemory,
    size: usize,
    /// The places of buffers that nobody has. The last one that came back is taken first: it may still be in the cache.
    free: Mutex<Vec<usize>>,
}

impl Set {
    fn free(&self) -> MutexGuard<'_, Vec<usize>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FixedBuffers {
    /// `count` buffers of `size` bytes each, all zeros.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if either is zero, or both together are more than there are addresses; `OutOfMemory`.
    ///
    /// ```
    /// use fibra::io::FixedBuffers;
    /// let buffers = FixedBuffers::new(128, 4096)?;
    /// assert!(FixedBuffers::new(128, 0).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(count: usize, size: usize) -> io::Result<Self> {
        let len = size.checked_next_multiple_of(ALIGNMENT).and_then(|stride| stride.checked_mul(count));
        let memory = FixedMemory::new(len.ok_or(io::ErrorKind::InvalidInput)?)?;
        let free = (0..count).rev().collect();
        Ok(Self { set: Arc::new(Set { memory, size, free: Mutex::new(free) }) })
    }

    /// A buffer that nobody has. Its bytes are what the last one who had it has left. `None`: all are taken, until one is dropped.
    ///
    /// ```
    /// let buffers = fibra::io::FixedBuffers::new(1, 100)?;
    /// let only = buffers.take().expect("nobody has it");
    /// assert_eq!(only.len(), 100);
    /// assert!(buffers.take().is_none());
    /// drop(only);
    /// assert!(buffers.take().is_some());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take(&self) -> Option<FixedBuffer> {
        let place = self.set.free().pop()?;
        Some(FixedBuffer { set: Arc::clone(&self.set), place })
    }
}

impl fmt::Debug for FixedBuffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, free) = (self.set.size, self.set.free().len());
        f.debug_struct("FixedBuffers").field("size", &size).field("free", &free).finish()
    }
}

/// One of [`FixedBuffers`]: bytes, to be borrowed by an operation or owned by it. It goes back when it is dropped.
///
/// ```
/// use fibra::{fs::File, io::FixedBuffers};
/// # let path = std::env::temp_dir().join(format!("fibra-doc-fixed-buffer-{}", std::process::id()));
/// # std::fs::write(&path, "hello")?;
/// let buffers = FixedBuffers::new(1, 4096)?;
/// fibra::block_on(async {
///     let file = File::open_async(&path).await?;
///     let buffer = buffers.take().expect("nobody has it");
///     let (read, buffer) = file.read_at_async(buffer, 0).await;
///     assert_eq!(&buffer[..read?], b"hello");
/// #   std::fs::remove_file(&path)?;
///     Ok::<_, std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct FixedBuffer {
    set: Arc<Set>,
    place: usize,
}

impl FixedBuffer {
    fn begin(&self) -> *mut u8 {
        let stride = self.set.size.next_multiple_of(ALIGNMENT);
        // SAFETY: the memory has room for as many strides as there are places.
        unsafe { self.set.memory.as_ptr().add(self.place * stride) }
    }
}

impl Deref for FixedBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: so many bytes from there on belong to the place, were zeroed, and stay as long as the set. The place is ours: it
        // was taken out of those that are free.
        unsafe { slice::from_raw_parts(self.begin(), self.set.size) }
    }
}

impl DerefMut for FixedBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`.
        unsafe { slice::from_raw_parts_mut(self.begin(), self.set.size) }
    }
}

// SAFETY: the bytes are in the set's memory, at the buffer's place, which is nobody else's.
unsafe impl Buffer for FixedBuffer {
    fn bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: as above; `deref_mut` gives the same bytes as `deref`.
unsafe impl BufferMut for FixedBuffer {
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl Drop for FixedBuffer {
    fn drop(&mut self) {
        self.set.free().push(self.place);
    }
}

impl fmt::Debug for FixedBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedBuffer").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_apart_from_each_other_and_aligned() {
        for size in [1, 4095, 4096, 4097] {
            let buffers = FixedBuffers::new(3, size).expect("there is memory");
            let mut taken: Vec<_> = std::iter::from_fn(|| buffers.take()).collect();
            assert_eq!(taken.len(), 3);
            for (byte, buffer) in (1..).zip(&mut taken) {
                assert!(buffer.iter().all(|&byte| byte == 0));
                assert_eq!((buffer.len(), buffer.as_ptr() as usize % ALIGNMENT), (size, 0));
                buffer.fill(byte);
            }
            for (byte, buffer) in (1..).zip(&taken) {
                assert!(buffer.iter().all(|&found| found == byte));
            }
        }
    }

    #[test]
    fn buffers_outlive_their_set_and_go_back_to_it() {
        let buffers = FixedBuffers::new(1, 10).expect("there is memory");
        let mut buffer = buffers.take().expect("nobody has it");
        buffer[3] = 7;
        drop(buffer);
        let buffer = buffers.take().expect("it came back");
        drop(buffers);
        assert_eq!(buffer[3], 7, "it is the same one");
    }

    #[test]
    fn what_there_cannot_be_is_refused() {
        for (count, size) in [(0, 1), (1, 0), (2, usize::MAX / 2), (1, usize::MAX)] {
            let error = FixedBuffers::new(count, size).expect_err("there can't be");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{count} of {size}");
        }
    }
}
