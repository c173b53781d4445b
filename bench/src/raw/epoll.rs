//! The limit with epoll: one loop a thread, edge-triggered, every descriptor registered once.
//!
//! A read that doesn't fill the buffer has emptied the socket, so there is no second one that would only say so, unless
//! the stream has ended. A thread accepts and deals the connections out: with `SO_REUSEPORT` the kernel's hash
//! would give one loop more than the other. All connections of a loop share one buffer, and what a socket doesn't take
//! at once waits in a vector.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use super::{DEALT_TOGETHER, Protocol, Setting};
use crate::epoll::{Epoll, Event};

/// Serves for ever.
///
/// # Panics
///
/// When the address is taken, or the system refuses something.
pub fn serve<P: Protocol>(Setting { address, workers, buffer }: Setting) {
    let listener = TcpListener::bind(address).expect("the address is free");
    let loops: Vec<Loop> = (0..workers).map(|_| Loop::start::<P>(buffer)).collect();
    let turns = loops.iter().cycle().flat_map(|next| std::iter::repeat_n(next, DEALT_TOGETHER));
    for (stream, next) in listener.incoming().zip(turns) {
        let added = stream.and_then(|stream| next.add(stream));
        added.expect("a connection can be accepted");
    }
}

/// The acceptor's end of a loop.
struct Loop {
    epoll: Arc<Epoll>,
    /// Connections are on their way here before their first event is.
    newcomers: Sender<TcpStream>,
}

impl Loop {
    fn start<P: Protocol>(buffer: usize) -> Self {
        let epoll = Arc::new(Epoll::new().expect("an epoll instance can be had"));
        let (newcomers, arrivals) = mpsc::channel();
        let watched = Arc::clone(&epoll);
        let run = move || {
            let buffer = vec![0; buffer].into();
            let protocol = P::default();
            Worker { epoll: watched, arrivals, connections: Vec::new(), buffer, protocol }.run()
        };
        thread::spawn(|| run().expect("the loop's epoll instance works"));
        Self { epoll, newcomers }
    }

    fn add(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let descriptor = stream.as_raw_fd();
        self.newcomers.send(stream).map_err(io::Error::other)?;
        self.epoll.add(&descriptor, descriptor as usize)
    }
}

struct Worker<P: Protocol> {
    epoll: Arc<Epoll>,
    arrivals: Receiver<TcpStream>,
    /// By descriptor.
    connections: Vec<Option<Connection<P::Kept>>>,
    buffer: Box<[u8]>,
    protocol: P,
}

impl<P: Protocol> Worker<P> {
    fn run(&mut self) -> io::Result<()> {
        let mut events = Epoll::events();
        loop {
            for Event { index, ended } in self.epoll.wait(&mut events, Duration::MAX)? {
                if self.connections.get(index).is_none_or(Option::is_none) {
                    self.welcome();
                }
                let connection = self.connections[index].as_mut().expect("it came before its event");
                if connection.serve(&mut self.protocol, &mut self.buffer, ended).is_err() {
                    self.connections[index] = None;
                }
            }
        }
    }

    fn welcome(&mut self) {
        for stream in self.arrivals.try_iter() {
            let index = stream.as_raw_fd() as usize;
            if self.connections.len() <= index {
                self.connections.resize_with(index + 1, || None);
            }
            self.connections[index] =
                Some(Connection { stream, unsent: Vec::new(), ended: false, kept: P::Kept::default() });
        }
    }
}

struct Connection<K> {
    stream: TcpStream,
    unsent: Vec<u8>,
    /// The peer sends nothing more: what is left to read ends with the end.
    ended: bool,
    kept: K,
}

impl<K> Connection<K> {
    /// Answers all that there is, or as much as the socket takes. The end of the stream is an error too.
    fn serve(
        &mut self,
        protocol: &mut impl Protocol<Kept = K>,
        buffer: &mut [u8],
        ended: bool,
    ) -> io::Result<()> {
        self.ended |= ended;
        let unsent = std::mem::take(&mut self.unsent);
        if !unsent.is_empty() && !self.send(&unsent)? {
            return Ok(());
        }
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => {
                    let answer = protocol.answer(&mut self.kept, buffer, length)?;
                    if !self.send(&buffer[..answer])? || (length < buffer.len() && !self.ended) {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Says whether all was sent. What wasn't is kept until the socket's next event.
    fn send(&mut self, mut bytes: &[u8]) -> io::Result<bool> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(length) => bytes = &bytes[length..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.unsent.extend_from_slice(bytes);
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
