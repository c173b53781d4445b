//! An address without a listener.

use fibra::net::SocketAddr;
use socket2::{Domain, Socket, Type};

/// An address where nobody listens, nor can before this is dropped: a port that is only free for the moment may be another
/// program's in the next.
pub struct Deserted {
    socket: Socket,
}

impl Deserted {
    pub fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("sockets");
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("loopback is there");
        Self { socket }
    }

    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("it is bound").as_socket().expect("it is IP")
    }
}
