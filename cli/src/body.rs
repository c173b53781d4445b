//! Response bodies: nothing, a page, or part of a file.
//!
//! A file is read in chunks, and a chunk is read only when the connection asks for it, which it does when the client
//! has taken most of the one before. So a response holds at most two chunks, however large the file and however slow
//! the client.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use fibra::fs::File;
use hyper::body::{Body, Frame, SizeHint};

use crate::log::Record;

/// Bytes that are read at a time. Large enough that a read costs little beside the bytes it brings.
pub const CHUNK: usize = 128 * 1024;

/// The body of a response, and the record of its request: the line is logged when the body is done with.
pub struct ResponseBody {
    content: Content,
    record: Record,
}

/// What a body consists of.
pub enum Content {
    /// No bytes.
    Nothing,
    /// A page that fibra made.
    Page(Bytes),
    /// Bytes of a file.
    File(FilePart),
}

/// A part of a file that has not been sent yet.
pub struct FilePart {
    file: File,
    part: Range<u64>,
    reading: Option<Reading>,
}

type Reading = Pin<Box<dyn Future<Output = (io::Result<usize>, Vec<u8>)> + Send>>;

impl ResponseBody {
    /// A body that ends `record` when it is dropped.
    pub fn new(content: Content, mut record: Record) -> ResponseBody {
        record.complete(content.len() == 0);
        ResponseBody { content, record }
    }
}

impl Content {
    /// Bytes still to come.
    pub fn len(&self) -> u64 {
        match self {
            Content::Nothing => 0,
            Content::Page(page) => page.len() as u64,
            Content::File(file) => file.part.end - file.part.start,
        }
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        match self {
            Content::Nothing => Poll::Ready(Ok(Bytes::new())),
            Content::Page(page) => Poll::Ready(Ok(std::mem::take(page))),
            Content::File(file) => file.poll_chunk(cx),
        }
    }
}

impl FilePart {
    /// These bytes of `file`.
    pub fn new(file: File, part: Range<u64>) -> FilePart {
        FilePart { file, part, reading: None }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let reading = self.reading.get_or_insert_with(|| read(&self.file, &self.part));
        let (result, mut buffer) = ready!(reading.as_mut().poll(cx));
        self.reading = None;
        match result? {
            // The length is promised in the header: all that is left is to break the connection off.
            0 => Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter"))),
            len => {
                self.part.start += len as u64;
                buffer.truncate(len);
                Poll::Ready(Ok(buffer.into()))
            }
        }
    }
}

/// Reads the first chunk of `part`.
fn read(file: &File, part: &Range<u64>) -> Reading {
    let len = usize::try_from(part.end - part.start).map_or(CHUNK, |left| left.min(CHUNK));
    Box::pin(file.read_at_async(vec![0; len], part.start))
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        let bytes = ready!(self.content.poll_bytes(cx))?;
        self.record.sent(bytes.len() as u64);
        let complete = self.is_end_stream();
        self.record.complete(complete);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.content.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.content.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[test]
    fn a_file_that_is_shorter_than_promised_gives_what_it_has_and_then_an_error() {
        let path = std::env::temp_dir().join(format!("fibra-body-{}", std::process::id()));
        let content: Vec<u8> = (0..CHUNK + 5).map(|position| (position % 251) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let file = File::from(std::fs::File::open(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        let mut part = FilePart::new(file, 1..content.len() as u64 * 2);
        let mut chunk = || fibra::block_on(poll_fn(|cx| part.poll_chunk(cx)));
        assert!(chunk().unwrap() == content[1..=CHUNK]);
        assert!(chunk().unwrap() == content[CHUNK + 1..]);
        assert_eq!(chunk().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
