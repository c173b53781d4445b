//! Buffers that an operation may own.

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
