//! A file read and written at its position.

use super::File;
use crate::{fs::system, io::borrowed};
use fibra_driver::Offset;
use std::io::{self, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};

/// What is asked for at least, where nobody knows how much there is.
const GROWTH: usize = 8 * 1024;

impl Read for &File {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        borrowed::read(self.as_handle(), buf, Offset::CURRENT)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        borrowed::read_vectored(self.as_handle(), bufs, Offset::CURRENT)
    }

    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        let before = buf.len();
        // One more than is left: a read that finds less than it asked for has most likely met the end.
        buf.try_reserve(self.rest().map_or(GROWTH, |rest| rest.saturating_add(1)))?;
        loop {
            match borrowed::read_to_spare(self.as_handle(), buf, Offset::CURRENT) {
                Ok(0) => return Ok(buf.len() - before),
                Ok(_) if buf.len() == buf.capacity() => buf.try_reserve(GROWTH)?,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn read_to_string(&mut self, buf: &mut String) -> io::Result<usize> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        let text = String::from_utf8(bytes).map_err(|_| not_text())?;
        buf.push_str(&text);
        Ok(text.len())
    }
}

/// As std refuses it.
pub(in crate::fs) fn not_text() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "stream did not contain valid UTF-8")
}

impl File {
    /// How much is left to read, if that can be known: files of `/proc` and devices seem to be empty. Asked by plain system
    /// calls, since what is asked about an open file is in memory.
    fn rest(&self) -> Option<usize> {
        let len = system::len(self.as_handle()).ok()?;
        let rest = len.checked_sub((&*self).stream_position().ok()?)?;
        usize::try_from(rest).ok().filter(|rest| *rest > 0)
    }
}

impl Write for &File {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        borrowed::write(self.as_handle(), buf, Offset::CURRENT)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        borrowed::write_vectored(self.as_handle(), bufs, Offset::CURRENT)
    }

    /// Does nothing: nothing is buffered here. See [`File::sync_all`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for &File {
    fn seek(&mut self, pos: SeekFrom) -> io::Result<u64> {
        system::seek(self.as_handle(), pos)
    }
}

impl Read for File {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }

    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        (&*self).read_to_end(buf)
    }

    fn read_to_string(&mut self, buf: &mut String) -> io::Result<usize> {
        (&*self).read_to_string(buf)
    }
}

impl Write for File {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    /// Does nothing: nothing is buffered here. See [`File::sync_all`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for File {
    fn seek(&mut self, pos: SeekFrom) -> io::Result<u64> {
        (&*self).seek(pos)
    }
}
