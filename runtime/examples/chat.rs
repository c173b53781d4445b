//! Chat rooms over WebSocket: by tungstenite, which has never heard of a runtime, on green threads.
//!
//! ```text
//! cargo run --release --example chat [ADDRESS]
//! ```
//!
//! A room is a path, as in `ws://127.0.0.1:7000/tea`. What a member says, all members of its room hear, itself included. It has two
//! green threads: one that waits for what it says, and one that sends it what the room has to say. Each of them is plain code that
//! blocks.

use fibra::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time,
};
use std::{
    collections::HashMap,
    io::{self, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tungstenite::{
    Message, Utf8Bytes, WebSocket,
    handshake::server::{Request, Response},
    protocol::{CloseFrame, Role, frame::coding::CloseCode},
};

/// How many messages may wait for a member. One that lets more gather is shown the door.
pub(crate) const PATIENCE: usize = 1024;

#[fibra::main]
fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7000".into());
    let server = Server::start(TcpListener::bind(address)?)?;
    println!("ws://{}/ROOM; end with Ctrl-D", server.address());
    fibra::unblock(|| io::copy(&mut io::stdin(), &mut io::sink()))?;
    println!("{} messages; goodbye", server.said());
    println!("{:?}", server.stop(Duration::from_secs(5)));
    Ok(())
}

pub(crate) struct Server {
    address: SocketAddr,
    chat: Arc<Chat>,
    acceptor: JoinHandle<Vec<JoinHandle<()>>>,
}

/// What came of it all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// Messages that members have said. Each of them was sent to all members of the room.
    pub(crate) said: usize,
    /// Members that had not said goodbye in time.
    pub(crate) broken_off: usize,
}

impl Server {
    pub(crate) fn start(listener: TcpListener) -> io::Result<Server> {
        let address = listener.local_addr()?;
        let chat = Arc::new(Chat::default());
        let members = Arc::clone(&chat);
        Ok(Server { address, chat, acceptor: thread::spawn(move || accept(&listener, &members)) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn said(&self) -> usize {
        self.chat.said.load(Relaxed)
    }

    /// Takes nobody in any more, sends what was said to everybody, says goodbye, and waits for the members to go.
    pub(crate) fn stop(self, grace: Duration) -> Report {
        // The cancel ends its wait for the next connection.
        self.acceptor.cancel();
        let mut members = self.acceptor.join().expect("the acceptor doesn't panic");
        self.chat.close();
        _ = time::timeout(grace, || members.iter_mut().for_each(|member| _ = fibra::wait(member)));
        members.retain(|member| !member.is_finished());
        members.iter().for_each(JoinHandle::cancel);
        let broken_off = members.len();
        members.into_iter().for_each(|member| _ = member.join());
        Report { said: self.chat.said.load(Relaxed), broken_off }
    }
}

fn accept(listener: &TcpListener, chat: &Arc<Chat>) -> Vec<JoinHandle<()>> {
    let mut members = Vec::new();
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => {
                let chat = Arc::clone(chat);
                members.retain(|member: &JoinHandle<()>| !member.is_finished());
                // How it ends is the member's business.
                members.push(thread::spawn(move || _ = serve_member(&chat, stream)));
            }
            Err(error) if fibra::cancel::Cancelled::caused(&error) => break,
            // No descriptor is left, for example. Members go, and then there will be one.
            Err(_) => thread::sleep(Duration::from_millis(100)),
        }
    }
    members
}

fn serve_member(chat: &Chat, stream: TcpStream) -> tungstenite::Result<()> {
    stream.set_nodelay(true)?;
    let (reading, writing) = Half::two(stream)?;
    let mut name = String::new();
    #[expect(clippy::result_large_err, reason = "tungstenite asks for this type")]
    let see_room = |request: &Request, response: Response| {
        request.uri().path().clone_into(&mut name);
        Ok(response)
    };
    let mut reading = tungstenite::accept_hdr(reading, see_room).map_err(|refused| match refused {
        tungstenite::HandshakeError::Failure(error) => error,
        tungstenite::HandshakeError::Interrupted(_) => unreachable!("the stream waits"),
    })?;
    let writing = WebSocket::from_raw_socket(writing, Role::Server, None);
    let (member, messages) = chat.enter(&name);
    thread::scope(|scope| {
        scope.spawn(|| send(writing, messages));
        let ended = hear(chat, &name, &mut reading);
        // The room has nothing more for it, so its other thread ends as well.
        chat.leave(&name, member);
        ended
    })
}

/// Passes on what the member says, until it says goodbye.
fn hear(chat: &Chat, room: &str, socket: &mut WebSocket<Half>) -> tungstenite::Result<()> {
    loop {
        match socket.read()? {
            Message::Text(text) => chat.say(room, &text),
            Message::Close(_) => return socket.flush(),
            _ => {}
        }
    }
}

/// Sends what the room has to say, until there is no more, and then goodbye.
fn send(mut socket: WebSocket<Half>, messages: Receiver<Utf8Bytes>) -> tungstenite::Result<()> {
    for text in messages {
        socket.send(Message::Text(text))?;
    }
    socket.close(Some(CloseFrame { code: CloseCode::Away, reason: "the room is closed".into() }))?;
    socket.flush()
}

#[derive(Default)]
struct Chat {
    /// `None` once it is closed.
    rooms: Mutex<Rooms>,
    said: AtomicUsize,
    members: AtomicUsize,
}

#[derive(Default)]
struct Rooms {
    is_closed: bool,
    by_name: HashMap<String, HashMap<usize, SyncSender<Utf8Bytes>>>,
}

impl Chat {
    /// Returns the member's number, and what is said from now on. If the chat is closed, that is nothing.
    fn enter(&self, room: &str) -> (usize, Receiver<Utf8Bytes>) {
        let member = self.members.fetch_add(1, Relaxed);
        let (sender, messages) = sync_channel(PATIENCE);
        let mut rooms = self.rooms.lock().expect("nobody panics in here");
        if !rooms.is_closed {
            rooms.by_name.entry(room.into()).or_default().insert(member, sender);
        }
        (member, messages)
    }

    fn say(&self, room: &str, text: &Utf8Bytes) {
        let mut rooms = self.rooms.lock().expect("nobody panics in here");
        if let Some(members) = rooms.by_name.get_mut(room) {
            self.said.fetch_add(1, Relaxed);
            // Whoever has no patience left for a slow member drops its sender: it gets the rest, and goodbye.
            members.retain(|_, member| member.try_send(text.clone()).is_ok());
        }
    }

    fn leave(&self, room: &str, member: usize) {
        let mut rooms = self.rooms.lock().expect("nobody panics in here");
        if let Some(members) = rooms.by_name.get_mut(room) {
            members.remove(&member);
            if members.is_empty() {
                rooms.by_name.remove(room);
            }
        }
    }

    fn close(&self) {
        let mut rooms = self.rooms.lock().expect("nobody panics in here");
        rooms.is_closed = true;
        rooms.by_name.clear();
    }
}

/// A connection for two WebSockets: one that reads and answers pings, and one that writes. A frame is one write, and they
/// take turns in writing.
struct Half {
    stream: TcpStream,
    turn: Arc<Mutex<()>>,
}

impl Half {
    fn two(stream: TcpStream) -> io::Result<(Half, Half)> {
        let turn = Arc::new(Mutex::new(()));
        let other = Half { stream: stream.try_clone()?, turn: Arc::clone(&turn) };
        Ok((Half { stream, turn }, other))
    }
}

impl Read for Half {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Half {
    fn write(&mut self, frames: &[u8]) -> io::Result<usize> {
        let _turn = self.turn.lock().map_err(|_| io::Error::other("the other half has panicked"))?;
        self.stream.write_all(frames)?;
        Ok(frames.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
