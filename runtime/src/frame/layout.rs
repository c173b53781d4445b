//! How much memory a frame needs, known before there is one.

use super::stage::Stage;
use std::{alloc::Layout, future::Future};

/// The size of the memory that a frame of `F` needs, in bytes. Its alignment is told by [`frame_layout_of`].
///
/// ```
/// assert_eq!(fibra::frame::frame_size_of::<std::future::Pending<()>>(), 0);
/// assert_eq!(fibra::frame::frame_size_of::<std::future::Pending<[u8; 100]>>(), 100); // the result comes to lie there too
/// ```
#[must_use]
pub const fn frame_size_of<F: Future>() -> usize {
    frame_layout_of::<F>().size()
}

/// The size and alignment of the memory that a frame of `F` needs.
///
/// ```
/// let layout = fibra::frame::frame_layout_of::<std::future::Ready<u64>>();
/// assert_eq!(layout.align(), align_of::<u64>());
/// ```
#[must_use]
pub const fn frame_layout_of<F: Future>() -> Layout {
    Layout::new::<Stage<F, F::Output>>()
}

/// As [`frame_layout_of`], for a future whose type has no name.
///
/// ```
/// let body = async { 1 };
/// assert!(fibra::frame::frame_layout_of_val(&body).size() >= size_of_val(&body));
/// ```
#[must_use]
pub const fn frame_layout_of_val<F: Future>(future: &F) -> Layout {
    let _ = future;
    frame_layout_of::<F>()
}

/// As [`frame_layout_of`], for what `function` would return: it is not called, and a constant may ask.
///
/// ```
/// use fibra::frame::{Frame, Slot, frame_layout_of_fn, suspend};
///
/// async fn greet(name: &str) -> usize {
///     suspend().await;
///     name.len()
/// }
///
/// const SIZE: usize = frame_layout_of_fn(&|| greet("")).size();
/// let slot = std::pin::pin!(Slot::<SIZE>::new());
/// let frame = Frame::new_in(slot, greet("you")).unwrap();
/// assert_eq!(fibra::wait(frame), 3);
/// ```
#[must_use]
pub const fn frame_layout_of_fn<C: FnOnce() -> F, F: Future>(function: &C) -> Layout {
    let _ = function;
    frame_layout_of::<F>()
}
