//! Response bodies: nothing, a page, or parts of a file.
//!
//! A file is read in chunks, and a chunk is read only when the connection asks for it, which it does when the client
//! has taken most of the one before. So a response holds at most two chunks, however large the file and however slow
//! the client.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use fibra::fs::File;
use hyper::body::{Body, Frame, SizeHint};

use crate::counters::Counters;
use crate::log::Record;
use crate::patience::Exchange;

/// Bytes that are read at a time. Large enough that a read costs little beside the bytes it brings.
pub const CHUNK: usize = 128 * 1024;

/// The body of a response, and what its request needs until the body is done with.
pub struct ResponseBody {
    content: Content,
    delivery: Delivery,
}

/// Who wants to know how a response gets on.
pub struct Delivery {
    /// The request's line in the log.
    pub record: Record,
    /// The request's place in its connection's patience.
    pub exchange: Exchange,
    /// The server's numbers.
    pub counters: Arc<Counters>,
}

/// What a body consists of.
pub enum Content {
    /// No bytes.
    Nothing,
    /// A page that fibra made.
    Page(Bytes),
    /// Bytes of a file.
    File(FileParts),
}

/// What has not been sent yet of parts of a file.
pub struct FileParts {
    file: File,
    /// None is empty, or hyper would be given an empty chunk.
    pieces: VecDeque<Piece>,
    reading: Option<Reading>,
}

/// One piece of such a body.
pub enum Piece {
    /// Text between parts.
    Text(Bytes),
    /// These bytes of the file.
    Part(Range<u64>),
}

type Reading = Pin<Box<dyn Future<Output = (io::Result<usize>, Vec<u8>)> + Send>>;

impl ResponseBody {
    /// A body that ends `delivery` when it is dropped.
    pub fn new(content: Content, mut delivery: Delivery) -> ResponseBody {
        delivery.exchange.answered();
        delivery.record.complete(content.len() == 0);
        ResponseBody { content, delivery }
    }
}

impl Content {
    /// Bytes still to come.
    pub fn len(&self) -> u64 {
        match self {
            Content::Nothing => 0,
            Content::Page(page) => page.len() as u64,
            Content::File(file) => file.pieces.iter().map(Piece::len).sum(),
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

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Piece::Text(text) => text.len() as u64,
            Piece::Part(part) => part.end - part.start,
        }
    }
}

impl FileParts {
    /// These pieces of `file`, one after the other.
    pub fn new(file: File, pieces: VecDeque<Piece>) -> FileParts {
        let pieces = pieces.into_iter().filter(|piece| piece.len() > 0).collect();
        FileParts { file, pieces, reading: None }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let chunk = match self.pieces.front_mut() {
            None => return Poll::Ready(Ok(Bytes::new())),
            Some(Piece::Text(text)) => std::mem::take(text),
            Some(Piece::Part(part)) => {
                let reading = self.reading.get_or_insert_with(|| read(&self.file, part));
                let (result, mut buffer) = ready!(reading.as_mut().poll(cx));
                self.reading = None;
                let len = result?;
                if len == 0 {
                    // The length is promised in the header: all that is left is to break the connection off.
                    let shorter = io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter");
                    return Poll::Ready(Err(shorter));
                }
                part.start += len as u64;
                buffer.truncate(len);
                buffer.into()
            }
        };
        if self.pieces.front().is_some_and(|piece| piece.len() == 0) {
            self.pieces.pop_front();
        }
        Poll::Ready(Ok(chunk))
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
        let complete = self.is_end_stream();
        let Delivery { record, counters, .. } = &mut self.delivery;
        counters.bytes_sent.add(bytes.len() as u64);
        record.sent(bytes.len() as u64);
        record.complete(complete);
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
        let pieces = [Piece::Part(1..content.len() as u64 * 2)];
        let mut parts = FileParts::new(file, pieces.into());
        let mut chunk = || fibra::block_on(poll_fn(|cx| parts.poll_chunk(cx)));
        assert!(chunk().unwrap() == content[1..=CHUNK]);
        assert!(chunk().unwrap() == content[CHUNK + 1..]);
        assert_eq!(chunk().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn pieces_come_in_their_order_and_none_is_empty() {
        let path = std::env::temp_dir().join(format!("fibra-body-pieces-{}", std::process::id()));
        std::fs::write(&path, "0123456789").unwrap();
        let file = File::from(std::fs::File::open(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        let text = |text: &'static str| Piece::Text(Bytes::from_static(text.as_bytes()));
        let pieces =
            [text("<"), Piece::Part(7..9), text(""), Piece::Part(3..3), text("|"), Piece::Part(0..1)];
        let mut content = Content::File(FileParts::new(file, pieces.into()));
        let mut chunks = Vec::new();
        while content.len() > 0 {
            let chunk = fibra::block_on(poll_fn(|cx| content.poll_bytes(cx))).unwrap();
            chunks.push(String::from_utf8(chunk.to_vec()).unwrap());
        }
        assert_eq!(chunks, ["<", "78", "|", "0"]);
    }
}
