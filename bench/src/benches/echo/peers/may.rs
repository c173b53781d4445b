//! may: a coroutine for each connection.

use std::io::{Read, Write};

use may::coroutine;
use may::net::{TcpListener, TcpStream};

use crate::benches::echo::Setting;

/// Serves for ever.
pub fn serve(Setting { address, workers, buffer }: Setting) {
    may::config().set_workers(workers);
    let accept = move || {
        let listener = TcpListener::bind(address).expect("the address is free");
        for stream in listener.incoming() {
            let stream = stream.expect("a connection can be accepted");
            // SAFETY: the coroutine touches no thread-local across a switch, and its frames are far smaller than a
            // stack: the buffer is on the heap.
            unsafe { coroutine::spawn(move || echo(stream, vec![0; buffer])) };
        }
    };
    // SAFETY: as above; the acceptor's frames are no larger.
    let acceptor = unsafe { coroutine::spawn(accept) };
    acceptor.join().expect("accepting doesn't panic");
}

fn echo(mut stream: TcpStream, mut buffer: Vec<u8>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length])?,
        }
    }
}
