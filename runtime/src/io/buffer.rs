//! Buffers that an operation may own.

use std::{
    borrow::Cow,
    ops::{Bound, Range, RangeBounds},
    sync::Arc,
};

/// Memory that stays where it is when its owner moves, and that an operation can read from.
///
/// It is implemented for `Vec<u8>`, `String`, `Box<[u8]>` and `Box<[u8; N]>`; for what is shared, `Arc<[u8]>`, `Arc<str>` and
/// `Arc<Vec<u8>>`; for what is static, `&'static [u8]`, `&'static [u8; N]` (such as `b"ping"`) and `&'static str`; for
/// `Cow<'static, [u8]>` and `Cow<'static, str>`; and, with the feature `bytes`, for `Bytes` and `BytesMut` of that crate.
///
/// Implement it for a type of your own only if moving the value doesn't move its bytes.
///
/// # Safety
///
/// As long as the value is not used, `bytes` keeps returning the same memory, initialised and unchanged, wherever the
/// value is moved to.
///
/// ```
/// use fibra::io::Buffer;
/// assert_eq!(vec![1, 2, 3].bytes(), [1, 2, 3]);
/// ```
pub unsafe trait Buffer: Send + 'static {
    /// The bytes to write.
    fn bytes(&self) -> &[u8];

    /// A part of the buffer as a buffer: what a read has filled, or what is left to write.
    ///
    /// # Panics
    ///
    /// If the range reaches beyond the buffer.
    ///
    /// ```
    /// use fibra::io::{Buffer, Slice};
    /// let part = vec![1, 2, 3, 4].slice(1..3);
    /// assert_eq!(part.bytes(), [2, 3]);
    /// assert_eq!(part.into_inner(), [1, 2, 3, 4]);
    /// ```
    fn slice(self, range: impl RangeBounds<usize>) -> Slice<Self>
    where
        Self: Sized,
    {
        Slice::new(self, range)
    }
}

/// Memory that an operation can write to.
///
/// An operation fills what is there: the buffer's *length*, not its capacity. An empty vector has nothing to fill, so reading
/// into `Vec::with_capacity(4096)` reads nothing, and returns 0 as the end of a stream does. Use `vec![0; 4096]`. It keeps its
/// length, too: the result of the read says how many of its bytes are new.
///
/// # Safety
///
/// As for [`Buffer`]: `bytes_mut` keeps returning the same memory as `bytes`.
///
/// ```
/// use fibra::io::BufferMut;
/// assert_eq!(vec![0; 4096].bytes_mut().len(), 4096);
/// assert_eq!(Vec::with_capacity(4096).bytes_mut().len(), 0);
/// ```
pub unsafe trait BufferMut: Buffer {
    /// The bytes to overwrite. A vector's length, not its capacity, says how many.
    fn bytes_mut(&mut self) -> &mut [u8];
}

// SAFETY: a vector's bytes are on the heap.
unsafe impl Buffer for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: as above.
unsafe impl BufferMut for Vec<u8> {
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

// SAFETY: a box's bytes are on the heap.
unsafe impl Buffer for Box<[u8]> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: as above.
unsafe impl BufferMut for Box<[u8]> {
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

// SAFETY: a string's bytes are on the heap.
unsafe impl Buffer for String {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

// SAFETY: the bytes are elsewhere, for ever.
unsafe impl Buffer for &'static [u8] {
    fn bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: as above.
unsafe impl Buffer for &'static str {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

// SAFETY: as above.
unsafe impl<const N: usize> Buffer for &'static [u8; N] {
    fn bytes(&self) -> &[u8] {
        *self
    }
}

// SAFETY: a box's bytes are on the heap.
unsafe impl<const N: usize> Buffer for Box<[u8; N]> {
    fn bytes(&self) -> &[u8] {
        &**self
    }
}

// SAFETY: as above.
unsafe impl<const N: usize> BufferMut for Box<[u8; N]> {
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut **self
    }
}

// SAFETY: what is shared is on the heap, and nobody can change it.
unsafe impl Buffer for Arc<[u8]> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: as above.
unsafe impl Buffer for Arc<str> {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

// SAFETY: the vector's bytes are on the heap. Nobody can change them or have the vector grow: that takes the only reference to
// it, and the value is one for as long as it is there.
unsafe impl Buffer for Arc<Vec<u8>> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: the bytes are elsewhere, for ever, or a vector's, on the heap. Which, changes only when the value is used.
unsafe impl Buffer for Cow<'static, [u8]> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: as above, with a string for the vector.
unsafe impl Buffer for Cow<'static, str> {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

// SAFETY: it is a pointer to bytes that are static, on the heap, or those of an owner on the heap, and a count. Clones hand out
// shared slices of the same bytes on any thread, so nobody can change them.
#[cfg(feature = "bytes")]
unsafe impl Buffer for bytes::Bytes {
    fn bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: it is a pointer to bytes on the heap, and a count. Others that share the allocation have other parts of it.
#[cfg(feature = "bytes")]
unsafe impl Buffer for bytes::BytesMut {
    fn bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: as above; `DerefMut` gives the same bytes as `Deref`.
#[cfg(feature = "bytes")]
unsafe impl BufferMut for bytes::BytesMut {
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

/// A part of a buffer; made by [`Buffer::slice`].
///
/// An echo with one buffer, which is never filled anew:
///
/// ```
/// use fibra::{io::Buffer, net::TcpStream};
/// # async fn echo(stream: TcpStream) -> std::io::Result<()> {
/// let mut buffer = vec![0; 4096];
/// loop {
///     let (length, filled) = stream.read_async(buffer).await;
///     let length = match length? {
///         0 => return Ok(()),
///         length => length,
///     };
///     let (written, part) = stream.write_all_async(filled.slice(..length)).await;
///     written?;
///     buffer = part.into_inner();
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the buffer is inside"]
pub struct Slice<B> {
    buffer: B,
    range: Range<usize>,
}

impl<B: Buffer> Slice<B> {
    fn new(buffer: B, range: impl RangeBounds<usize>) -> Self {
        let length = buffer.bytes().len();
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => length,
        };
        assert!(start <= end && end <= length, "{start}..{end} is no part of a buffer of {length} bytes");
        Self { buffer, range: start..end }
    }

    /// The whole buffer.
    ///
    /// ```
    /// use fibra::io::Buffer;
    /// assert_eq!(vec![1, 2].slice(..1).into_inner(), [1, 2]);
    /// ```
    pub fn into_inner(self) -> B {
        self.buffer
    }
}

// SAFETY: it is a part of the buffer's bytes, always the same.
unsafe impl<B: Buffer> Buffer for Slice<B> {
    fn bytes(&self) -> &[u8] {
        &self.buffer.bytes()[self.range.clone()]
    }
}

// SAFETY: as above.
unsafe impl<B: BufferMut> BufferMut for Slice<B> {
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buffer.bytes_mut()[self.range.clone()]
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_the_part_that_its_range_names() {
        let buffer = || vec![0, 1, 2, 3];
        assert_eq!(buffer().slice(..).bytes(), [0, 1, 2, 3]);
        assert_eq!(buffer().slice(1..).bytes(), [1, 2, 3]);
        assert_eq!(buffer().slice(..=1).bytes(), [0, 1]);
        assert_eq!(buffer().slice(4..).bytes(), [0_u8; 0]);
        assert_eq!(buffer().slice(1..4).slice(1..2).bytes(), [2]);
        let mut part = buffer().slice(2..3);
        part.bytes_mut()[0] = 9;
        assert_eq!(part.into_inner(), [0, 1, 9, 3]);
    }

    #[test]
    fn a_range_beyond_the_buffer_is_refused_at_once() {
        for (start, end) in [(0, 5), (5, 5), (3, 2)] {
            let made = std::panic::catch_unwind(|| vec![0; 4].slice(start..end));
            assert!(made.is_err());
        }
    }
}
