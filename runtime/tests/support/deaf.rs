//! A listener whose queue is full: whoever connects has to wait.

use fibra::net::SocketAddr;
use socket2::{Domain, Socket, Type};
use std::{net::TcpStream, time::Duration};

pub struct Deaf {
    listener: Socket,
    queued: Vec<TcpStream>,
}

impl Deaf {
    pub fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("sockets");
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("loopback is there");
        listener.listen(0).expect("it is bound");
        let mut deaf = Self { listener, queued: Vec::new() };
        // A kernel that is behind lets some more in until it has seen that the queue is full.
        while let Ok(client) = TcpStream::connect_timeout(&deaf.address(), Duration::from_millis(100)) {
            deaf.queued.push(client);
            assert!(deaf.queued.len() < 100, "the queue has no end");
        }
        deaf
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound").as_socket().expect("it is IP")
    }
}
