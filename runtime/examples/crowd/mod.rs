//! What `echo_threads` and `echo_async` share: who plays which part, and what the crowd says.
//!
//! The server and its clients are two processes, since each has a descriptor for every connection, and a process may only
//! have so many.

#[cfg(unix)]
#[path = "limits_of_unix.rs"]
mod limits;
#[cfg(windows)]
#[path = "limits_of_windows.rs"]
mod limits;

use std::{
    env, io,
    net::SocketAddr,
    process::{Child, Command},
};

/// How often each client says something.
pub const ROUNDS: usize = 4;

/// What this process is to do.
pub enum Part {
    Server { connections: usize },
    Clients { connections: usize, address: SocketAddr },
}

/// Reads `[CONNECTIONS [ADDRESS]]` from the command line, and makes room for so many descriptors.
pub fn part() -> Result<Part, String> {
    let mut arguments = env::args().skip(1);
    let connections = match arguments.next() {
        None => 10_000,
        Some(text) => text.parse().map_err(|_| format!("{text:?} is no number of connections"))?,
    };
    limits::make_room(connections as u64 + 100)?;
    match arguments.next() {
        None => Ok(Part::Server { connections }),
        Some(text) => {
            let address = text.parse().map_err(|_| format!("{text:?} is no address"))?;
            Ok(Part::Clients { connections, address })
        }
    }
}

/// Starts this program again, as the clients.
pub fn start_clients(connections: usize, address: SocketAddr) -> io::Result<Child> {
    Command::new(env::current_exe()?).args([connections.to_string(), address.to_string()]).spawn()
}

/// What a client says in a round: bytes of its own, up to 2 KiB of them.
pub fn message(client: usize, round: usize) -> Vec<u8> {
    let mut state = ((client * ROUNDS + round) as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words = 1 + random() % 256;
    (0..words).flat_map(|_| random().to_ne_bytes()).collect()
}
