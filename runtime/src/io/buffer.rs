//! Buffers that an operation may own.

use std::ops::{Bound, Range, RangeBounds};

/// Memory that stays where it is when its owner moves, and that an operation can read from.
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
/// # Safety
///
/// As for [`Buffer`]: `bytes_mut` keeps returning the same memory as `bytes`.
///
/// ```
/// use fibra::io::BufferMut;
/// assert_eq!(vec![0; 16].bytes_mut().len(), 16);
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

// SAFETY: what is shared is on the heap, and nobody can change it.
unsafe impl Buffer for std::sync::Arc<[u8]> {
    fn bytes(&self) -> &[u8] {
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
