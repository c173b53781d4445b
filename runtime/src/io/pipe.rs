//! One end of a pipe: bytes without a place, of what is no socket.

#[cfg(windows)]
mod accept;

use super::{
    Buffer, BufferMut, borrowed,
    owned::{self, HasHandle, Place},
};
use fibra_driver::{Descriptor, Handle, Offset};
use std::{fmt, future::Future, io, sync::Arc};

const HERE: Offset = Offset::CURRENT;
const PLACE: Place = Place::File(HERE);

/// Shared by its clones, and by operations of futures.
#[derive(Clone)]
pub(crate) struct Pipe(Arc<End>);

pub(crate) struct End(Handle);

impl HasHandle for End {
    fn handle(&self) -> &Handle {
        &self.0
    }
}

impl Pipe {
    pub(crate) fn new(descriptor: Descriptor) -> Self {
        Self(Arc::new(End(Handle::new(descriptor))))
    }

    pub(crate) fn as_handle(&self) -> &Handle {
        &self.0.0
    }

    /// For an operation of a future.
    fn share(&self) -> Arc<End> {
        Arc::clone(&self.0)
    }

    pub(crate) fn into_fd(self) -> io::Result<Descriptor> {
        match Arc::try_unwrap(self.0) {
            Ok(end) => Ok(end.0.into_fd()),
            Err(shared) => shared.0.duplicate(),
        }
    }

    pub(crate) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        borrowed::read(self.as_handle(), buf, HERE)
    }

    pub(crate) fn write(&self, buf: &[u8]) -> io::Result<usize> {
        borrowed::write(self.as_handle(), buf, HERE)
    }

    pub(crate) fn read_async<B: BufferMut>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        owned::read(self.share(), PLACE, buffer, 0)
    }

    pub(crate) fn read_exact_async<B: BufferMut>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<()>, B)> + Send + use<B> {
        owned::read_exact(self.share(), PLACE, buffer)
    }

    pub(crate) fn write_async<B: Buffer>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        owned::write(self.share(), PLACE, buffer, 0)
    }

    pub(crate) fn write_all_async<B: Buffer>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<()>, B)> + Send + use<B> {
        owned::write_all(self.share(), PLACE, buffer)
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe").field("fd", &self.as_handle().target().fd()).finish()
    }
}
