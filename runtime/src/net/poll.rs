//! Sockets for those who poll: the traits of hyper, tokio and the like.
//!
//! Such a caller lends its buffer for the length of one `poll`, no longer, so the kernel must not have it afterwards. A
//! system call that doesn't wait is tried first; if there is nothing to do yet, an operation that waits for readiness,
//! and touches no memory, brings the task back. Who asks for more than a stream has doesn't make the next call at all
//! before there is something to do.

use super::socket::Socket;
use crate::{
    io::{
        OpFuture,
        direction::Direction,
        owned::{HasHandle, Ready, ready},
    },
    scheduler::{share, worker::Worker},
};
use fibra_driver::Interest;
use std::{
    future::Future,
    io, mem,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

/// What a stream waits for, made when it is first polled: most streams never are, and idle connections are many.
#[derive(Default)]
pub(super) struct Waits(OnceLock<Box<Directions>>);

/// Both directions of a stream.
#[derive(Default)]
struct Directions {
    readable: Direction<Readiness>,
    writable: Direction<Readiness>,
}

impl Waits {
    fn directions(&self) -> &Directions {
        self.0.get_or_init(Box::default)
    }

    fn alone(&mut self) -> &mut Directions {
        self.directions();
        self.0.get_mut().expect("it was made a moment ago")
    }

    /// Who receives, and has the stream for himself.
    pub(super) fn readable_alone(&mut self) -> &mut Readiness {
        self.alone().readable.alone()
    }

    /// Who sends, and has the stream for himself.
    pub(super) fn writable_alone(&mut self) -> &mut Readiness {
        self.alone().writable.alone()
    }

    /// Those who receive.
    pub(super) fn readable(&self) -> &Direction<Readiness> {
        &self.directions().readable
    }

    /// Those who send.
    pub(super) fn writable(&self) -> &Direction<Readiness> {
        &self.directions().writable
    }
}

/// What brings back the task that found nothing to do.
#[derive(Default)]
pub(super) struct Readiness {
    waiting: Option<OpFuture<Ready<Socket>>>,
    /// The last receive had more room than there were bytes: the next would find nothing yet.
    emptied: bool,
}

impl Readiness {
    /// Receives by `operation`, which must not wait, into `room` bytes.
    ///
    /// A receive that did not fill its room has emptied the stream. The next one waits for readiness straight away: if
    /// there is something after all, the end of the stream or what lies behind urgent data, that is over at once.
    pub(super) fn poll_recv(
        &mut self,
        socket: &Arc<Socket>,
        room: usize,
        context: &mut Context<'_>,
        operation: impl FnMut(&Socket) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if room > 0 && mem::take(&mut self.emptied) {
            self.waiting = Some(ready(Arc::clone(socket), Interest::READABLE));
        }
        let received = ready!(self.poll(socket, Interest::READABLE, context, operation))?;
        self.emptied = (1..room).contains(&received);
        if self.emptied {
            note_emptied(socket);
        }
        Poll::Ready(Ok(received))
    }

    /// Tries `operation`, which must not wait, whenever the socket is ready for `interest`, until it has a result.
    pub(super) fn poll<T>(
        &mut self,
        socket: &Arc<Socket>,
        interest: Interest,
        context: &mut Context<'_>,
        mut operation: impl FnMut(&Socket) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        // A peer that always has something ready must not starve the other tasks.
        ready!(share::poll_charge(context));
        loop {
            if let Some(waiting) = &mut self.waiting {
                let (readiness, _) = ready!(Pin::new(waiting).poll(context));
                self.waiting = None;
                readiness?;
            }
            match operation(socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.waiting = Some(ready(Arc::clone(socket), interest));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

/// Tells the driver of this thread what it would find out if the receive were an operation of its own.
fn note_emptied(socket: &Socket) {
    if let Some(worker) = Worker::here() {
        worker.with_driver(|driver| driver.note_emptied(socket.handle()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        future::poll_fn,
        io::{Read, Write},
        net::{Shutdown, TcpListener, TcpStream},
        thread,
        time::Duration,
    };

    /// A connection of which one end is received from as hyper does it, and the calls are counted.
    struct Receiver {
        socket: Arc<Socket>,
        readiness: Readiness,
        calls: usize,
    }

    impl Receiver {
        fn new() -> (Receiver, TcpStream) {
            let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
            let peer = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
            peer.set_nodelay(true).expect("it is TCP");
            let (stream, _) = listener.accept().expect("there is one");
            let socket = Arc::new(Socket::adopted(stream.into()));
            (Receiver { socket, readiness: Readiness::default(), calls: 0 }, peer)
        }

        fn poll(&mut self, room: usize, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
            let Receiver { socket, readiness, calls } = self;
            let mut buffer = Vec::with_capacity(room);
            readiness.poll_recv(socket, room, context, |socket| {
                *calls += 1;
                socket.handle().try_recv(&mut buffer.spare_capacity_mut()[..room])
            })
        }

        async fn recv(&mut self, room: usize) -> io::Result<usize> {
            poll_fn(|context| self.poll(room, context)).await
        }
    }

    #[test]
    fn what_a_short_receive_has_emptied_is_not_asked_again_before_there_is_more() {
        crate::run(|| {
            let (mut receiver, mut peer) = Receiver::new();
            for round in 0..20 {
                peer.write_all(b"abc").unwrap();
                let received = crate::wait(receiver.recv(8)).unwrap();
                let calls = receiver.calls;
                let next = crate::wait(poll_fn(|context| Poll::Ready(receiver.poll(8, context))));
                assert!(next.is_pending() && received == 3, "round {round}: {received}, then {next:?}");
                assert_eq!(receiver.calls, calls, "it looked where nothing could be");
            }
        });
    }

    #[test]
    fn a_receive_that_filled_its_room_is_followed_by_another_at_once() {
        crate::run(|| {
            let (mut receiver, mut peer) = Receiver::new();
            peer.write_all(b"abcdef").unwrap();
            crate::wait(receiver.recv(3)).unwrap();
            let next = crate::wait(poll_fn(|context| Poll::Ready(receiver.poll(3, context))));
            assert!(matches!(next, Poll::Ready(Ok(3))), "{next:?}");
        });
    }

    /// `end` happens either before the short receive or after it: what it leaves behind is found in both cases.
    fn after_a_short_receive(end: impl Fn(&TcpStream), expected: impl Fn(io::Result<usize>) -> bool) {
        for end_first in [true, false] {
            let (mut receiver, mut peer) = Receiver::new();
            // From here on a driver that can watches it, and learns.
            assert!(crate::wait(poll_fn(|context| Poll::Ready(receiver.poll(8, context)))).is_pending());
            peer.write_all(b"abc").unwrap();
            if end_first {
                end(&peer);
                thread::sleep(Duration::from_millis(1));
            }
            assert_eq!(crate::wait(receiver.recv(8)).unwrap(), 3);
            if !end_first {
                end(&peer);
            }
            assert!(expected(crate::wait(receiver.recv(8))), "it came first: {end_first}");
        }
    }

    #[test]
    fn whatever_follows_a_short_receive_is_seen() {
        crate::run(|| {
            after_a_short_receive(|peer| peer.shutdown(Shutdown::Write).unwrap(), |next| next.unwrap() == 0);
            after_a_short_receive(|peer| peer.shutdown(Shutdown::Both).unwrap(), |next| next.unwrap() == 0);
            // The receive before stops at the urgent byte, which is not in line. It may even stop before the three.
            after_a_short_receive(
                |peer| {
                    socket2::SockRef::from(peer).send_out_of_band(b"!").unwrap();
                    (&*peer).write_all(b"de").unwrap();
                },
                |next| next.unwrap() == 2,
            );
        });
    }

    /// Wine takes a reset for the end of the stream.
    fn system_tells_of_resets() -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let mut client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
        let (peer, _) = listener.accept().expect("there is one");
        socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
        drop(peer);
        client.read(&mut [0; 8]).is_err()
    }

    #[test]
    fn a_peer_that_resets_ends_the_wait_after_a_short_receive() {
        crate::run(|| {
            let (mut receiver, mut peer) = Receiver::new();
            peer.write_all(b"abc").unwrap();
            assert_eq!(crate::wait(receiver.recv(8)).unwrap(), 3);
            socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
            drop(peer);
            match crate::wait(receiver.recv(8)) {
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
                Ok(received) => assert!(received == 0 && !system_tells_of_resets(), "{received} bytes"),
            }
        });
    }
}
