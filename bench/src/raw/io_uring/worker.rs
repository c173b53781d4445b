//! What one loop does with its completions.

use std::collections::VecDeque;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};

use io_uring::types::{DestinationSlot, Fd, Fixed};
use io_uring::{SubmissionQueue, Submitter, cqueue, opcode, squeue};

use super::SOCKETS;
use super::buffers::{Buffers, GROUP};
use super::patience::Patience;
use crate::raw::{DEALT_TOGETHER, Protocol};

/// The state of one ring's connections.
pub struct Worker<'a, P: Protocol> {
    submitter: Submitter<'a>,
    submissions: SubmissionQueue<'a>,
    buffers: Buffers,
    acceptor: Option<Acceptor>,
    /// By the socket's slot in the ring's table.
    connections: Box<[Connection<P::Kept>]>,
    /// How many there are.
    open: usize,
    patience: Patience,
    /// Sockets whose receives ended because there was no buffer left.
    starved: Vec<u32>,
    protocol: P,
}

struct Acceptor {
    listener: TcpListener,
    /// The other loops' rings.
    others: Vec<RawFd>,
    /// How many connections there have been.
    accepted: usize,
}

impl Acceptor {
    /// The loop that the next connection goes to; `None` is this one.
    fn deal(&mut self) -> Option<Fd> {
        let turn = self.accepted / DEALT_TOGETHER % (self.others.len() + 1);
        self.accepted += 1;
        turn.checked_sub(1).map(|other| Fd(self.others[other]))
    }
}

#[derive(Default)]
struct Connection<K> {
    kept: K,
    /// What has to be sent, in order; the first is under way.
    answers: VecDeque<Answer>,
    /// The stream has ended, or failed: the socket is closed when nothing is under way.
    ends: bool,
}

#[derive(Clone, Copy)]
struct Answer {
    buffer: u16,
    length: u32,
}

/// What a completion belongs to.
#[derive(Clone, Copy)]
enum Kind {
    Accept,
    /// A socket that another loop has sent here.
    Arrival,
    /// A socket that was sent to another loop.
    Departure,
    Receive,
    Send,
    /// Nothing follows from it.
    Close,
}

impl Kind {
    fn word(self, slot: u32) -> u64 {
        u64::from(slot) | (self as u64) << 32
    }

    fn of(word: u64) -> Self {
        const ALL: [Kind; 6] =
            [Kind::Accept, Kind::Arrival, Kind::Departure, Kind::Receive, Kind::Send, Kind::Close];
        ALL[(word >> 32) as usize]
    }
}

impl<'a, P: Protocol> Worker<'a, P> {
    /// A loop without connections.
    pub fn new(submitter: Submitter<'a>, submissions: SubmissionQueue<'a>, buffers: Buffers) -> Self {
        let connections = (0..SOCKETS).map(|_| Connection::default()).collect();
        Self {
            submitter,
            submissions,
            buffers,
            acceptor: None,
            connections,
            open: 0,
            patience: Patience::default(),
            starved: Vec::new(),
            protocol: P::default(),
        }
    }

    /// Accepts connections, a group for this loop and one for each of the `others` in turn.
    pub fn accept(&mut self, listener: TcpListener, others: Vec<RawFd>) {
        let entry = accept_entry(&listener);
        self.acceptor = Some(Acceptor { listener, others, accepted: 0 });
        self.push(entry);
    }

    /// Submits what there is, and waits until something is complete.
    pub fn wait(&mut self) {
        if !self.starved.is_empty() {
            self.buffers.grow();
        }
        self.buffers.publish();
        for slot in std::mem::take(&mut self.starved) {
            self.receive(slot);
        }
        self.submissions.sync();
        match self.patience.wait(&self.submitter, &mut self.submissions, self.open) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => panic!("a ring failed: {error}"),
            _ => self.submissions.sync(),
        }
    }

    /// Does what follows from a completion.
    pub fn complete(&mut self, completion: &cqueue::Entry) {
        let (word, result, flags) = (completion.user_data(), completion.result(), completion.flags());
        let slot = word as u32;
        match Kind::of(word) {
            Kind::Accept => self.accepted(result, flags),
            Kind::Arrival => self.begin(expect_socket(result)),
            Kind::Departure => self.close(slot),
            Kind::Receive => self.received(slot, result, flags),
            Kind::Send => self.sent(slot, result),
            Kind::Close => {}
        }
    }

    fn accepted(&mut self, result: i32, flags: u32) {
        let slot = expect_socket(result);
        let acceptor = self.acceptor.as_mut().expect("only an acceptor accepts");
        let again = (!cqueue::more(flags)).then(|| accept_entry(&acceptor.listener));
        match acceptor.deal() {
            None => self.begin(slot),
            Some(ring) => {
                let (anywhere, arrival) = (DestinationSlot::auto_target(), Kind::Arrival.word(0));
                let message = opcode::MsgRingSendFd::new(ring, Fixed(slot), anywhere, arrival);
                self.push(message.build().user_data(Kind::Departure.word(slot)));
            }
        }
        if let Some(entry) = again {
            self.push(entry);
        }
    }

    fn begin(&mut self, slot: u32) {
        self.open += 1;
        self.receive(slot);
    }

    fn receive(&mut self, slot: u32) {
        let receive = opcode::RecvMulti::new(Fixed(slot), GROUP);
        self.push(receive.build().user_data(Kind::Receive.word(slot)));
    }

    fn received(&mut self, slot: u32, result: i32, flags: u32) {
        match u32::try_from(result) {
            Ok(length @ 1..) => {
                let buffer = cqueue::buffer_select(flags).expect("bytes come in a buffer");
                self.answer(slot, buffer, length);
                if !cqueue::more(flags) {
                    self.receive(slot);
                }
            }
            Err(_) if result == -libc::ENOBUFS => self.starved.push(slot),
            _ => {
                self.connections[slot as usize].ends = true;
                self.close_if_done(slot);
            }
        }
    }

    fn answer(&mut self, slot: u32, buffer: u16, received: u32) {
        let connection = &mut self.connections[slot as usize];
        // SAFETY: the completion has handed the buffer over, and it is not given back before its answer is sent.
        let bytes = unsafe { self.buffers.bytes(buffer) };
        match self.protocol.answer(&mut connection.kept, bytes, received as usize) {
            Ok(0) => self.buffers.give_back(buffer),
            Ok(length) => {
                connection.answers.push_back(Answer { buffer, length: length as u32 });
                if connection.answers.len() == 1 {
                    self.send(slot);
                }
            }
            Err(_) => {
                self.buffers.give_back(buffer);
                // The receive ends by it, and the socket is closed then.
                let end = opcode::Shutdown::new(Fixed(slot), libc::SHUT_RDWR);
                self.push(end.build().user_data(Kind::Close.word(slot)));
            }
        }
    }

    /// Sends the first answer whole: a send that waits for all is tried again by the kernel where a socket is full.
    fn send(&mut self, slot: u32) {
        let Answer { buffer, length } = self.connections[slot as usize].answers[0];
        let send = opcode::Send::new(Fixed(slot), self.buffers.start(buffer), length);
        let send = send.flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL);
        self.push(send.build().user_data(Kind::Send.word(slot)));
    }

    fn sent(&mut self, slot: u32, result: i32) {
        let connection = &mut self.connections[slot as usize];
        let Answer { buffer, length } = connection.answers.pop_front().expect("it was under way");
        let more = !connection.answers.is_empty();
        self.buffers.give_back(buffer);
        if u32::try_from(result) != Ok(length) {
            // The receive ends by the same error.
            for Answer { buffer, .. } in std::mem::take(&mut connection.answers) {
                self.buffers.give_back(buffer);
            }
        } else if more {
            self.send(slot);
        }
        self.close_if_done(slot);
    }

    fn close_if_done(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        if connection.ends && connection.answers.is_empty() {
            *connection = Connection::default();
            self.open -= 1;
            self.close(slot);
        }
    }

    fn close(&mut self, slot: u32) {
        self.push(opcode::Close::new(Fixed(slot)).build().user_data(Kind::Close.word(slot)));
    }

    fn push(&mut self, entry: squeue::Entry) {
        // SAFETY: what entries point to outlives their operations: buffers are never freed, and one that is being sent is
        // given back only after that; the listener is the acceptor's.
        while unsafe { self.submissions.push(&entry) }.is_err() {
            self.submissions.sync();
            self.submitter.submit().expect("the kernel takes what fills the queue");
            self.submissions.sync();
        }
    }
}

fn accept_entry(listener: &TcpListener) -> squeue::Entry {
    let accept = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).allocate_file_index(true);
    accept.build().user_data(Kind::Accept.word(0))
}

fn expect_socket(result: i32) -> u32 {
    u32::try_from(result)
        .unwrap_or_else(|_| panic!("no connection: {}", io::Error::from_raw_os_error(-result)))
}
