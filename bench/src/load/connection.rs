//! One connection of the generator: a request under way, and what has come of its answer.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::Answer;

/// What all connections send and expect, and the memory in which they do it: none of them owns a buffer.
pub struct Exchange {
    request: Vec<u8>,
    answer: Expected,
    /// One byte longer than an answer: who sends more than that is found out.
    buffer: Vec<u8>,
}

enum Expected {
    Echo,
    Beginning(Vec<u8>),
}

/// The bytes of a request that an echo's numbers take up.
const STAMP: usize = 8;

impl Exchange {
    /// Exchanges of `request` for `answer`.
    ///
    /// # Errors
    ///
    /// When the request of an echo is too short to be told from others.
    pub fn new(request: &str, answer: &Answer) -> io::Result<Self> {
        let request = request.as_bytes().to_vec();
        let (answer, length) = match answer {
            Answer::Echo if request.len() < STAMP => {
                return Err(io::Error::other(format!("an echo takes {STAMP} bytes at least")));
            }
            Answer::Echo => (Expected::Echo, request.len()),
            Answer::Fixed { length, begins } => (Expected::Beginning(begins.as_bytes().to_vec()), *length),
        };
        Ok(Self { request, answer, buffer: vec![0; length + 1] })
    }

    fn answer_length(&self) -> usize {
        self.buffer.len() - 1
    }

    fn stamp(&mut self, connection: u32, request: u32) {
        if matches!(self.answer, Expected::Echo) {
            self.request[..4].copy_from_slice(&connection.to_le_bytes());
            self.request[4..STAMP].copy_from_slice(&request.to_le_bytes());
        }
    }

    /// What every answer is compared with, byte for byte.
    pub fn expected(&self) -> &[u8] {
        match &self.answer {
            Expected::Echo => &self.request,
            Expected::Beginning(beginning) => beginning,
        }
    }

    /// Checks that the first `length` bytes of the buffer may follow `offset` bytes of an answer.
    fn check(&self, offset: usize, length: usize) -> io::Result<()> {
        let expected = self.expected().get(offset..).unwrap_or_default();
        let compared = expected.len().min(length);
        if self.buffer[..compared] == expected[..compared] {
            Ok(())
        } else {
            Err(io::Error::new(ErrorKind::InvalidData, "a wrong byte in an answer"))
        }
    }
}

/// A connection in a closed loop.
pub struct Connection {
    stream: TcpStream,
    number: u32,
    /// Which request this is; it wraps.
    request: u32,
    sent: usize,
    received: usize,
    begun: Instant,
}

impl Connection {
    /// The connection with this number.
    pub fn new(stream: TcpStream, number: u32) -> Self {
        Self { stream, number, request: 0, sent: 0, received: 0, begun: Instant::now() }
    }

    /// The socket.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// When the request under way was begun.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Begins the next request.
    pub fn begin(&mut self, now: Instant, exchange: &mut Exchange) -> io::Result<()> {
        self.request = self.request.wrapping_add(1);
        self.begun = now;
        (self.sent, self.received) = (0, 0);
        self.send(exchange)
    }

    /// Sends what the socket takes of the request under way.
    pub fn send(&mut self, exchange: &mut Exchange) -> io::Result<()> {
        if self.sent == exchange.request.len() {
            return Ok(());
        }
        exchange.stamp(self.number, self.request);
        while self.sent < exchange.request.len() {
            match (&self.stream).write(&exchange.request[self.sent..]) {
                Ok(length) => self.sent += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes what has come of the answer, and says whether that makes it whole.
    ///
    /// A socket that gives less than it is asked for is empty: it needs no second look, the next event tells of more.
    pub fn receive(&mut self, exchange: &mut Exchange) -> io::Result<bool> {
        exchange.stamp(self.number, self.request);
        let missing = exchange.answer_length() - self.received;
        let length = loop {
            match (&self.stream).read(&mut exchange.buffer[..=missing]) {
                Ok(length) => break length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        if length == 0 {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server closed a connection"));
        }
        if length > missing {
            return Err(io::Error::new(ErrorKind::InvalidData, "an answer is too long"));
        }
        exchange.check(self.received, length)?;
        self.received += length;
        Ok(self.received == exchange.answer_length())
    }
}
