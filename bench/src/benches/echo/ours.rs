//! fibra: green threads and futures, on either backend.

use std::io::{Read, Write};

use fibra::io::Buffer;
use fibra::net::{TcpListener, TcpStream};
use fibra::{Backend, Builder};

use super::{Setting, measure};
use crate::bench::Subject;

/// fibra's subjects.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("fibra thread", "fibra", |case| measure(case, |it| threads(Backend::IoUring, it))),
    Subject::new("fibra future", "fibra", |case| measure(case, |it| futures(Backend::IoUring, it))),
    Subject::new("fibra thread, epoll", "fibra", |case| measure(case, |it| threads(Backend::Epoll, it))),
    Subject::new("fibra future, epoll", "fibra", |case| measure(case, |it| futures(Backend::Epoll, it))),
];

fn threads(backend: Backend, Setting { address, workers, buffer }: Setting) {
    Builder::new().workers(workers).backend(backend).run(move || {
        let listener = TcpListener::bind(address).expect("the address is free");
        for stream in listener.incoming() {
            let stream = stream.expect("a connection can be accepted");
            fibra::thread::spawn(move || echo(stream, vec![0; buffer]));
        }
    });
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

fn futures(backend: Backend, Setting { address, workers, buffer }: Setting) {
    let accept = async move {
        let listener = TcpListener::bind_async(address).await.expect("the address is free");
        loop {
            let (stream, _) = listener.accept_async().await.expect("a connection can be accepted");
            fibra::future::spawn(echo_async(stream, vec![0; buffer]));
        }
    };
    let accept = move || fibra::wait(fibra::future::spawn(accept));
    Builder::new().workers(workers).backend(backend).run(accept).expect("accepting doesn't panic")
}

/// An operation owns its buffer: the answer is the part of it that was read.
async fn echo_async(stream: TcpStream, mut buffer: Vec<u8>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let (read, filled) = stream.read_async(buffer).await;
        let length = match read? {
            0 => return Ok(()),
            length => length,
        };
        let (written, sent) = stream.write_all_async(filled.slice(..length)).await;
        written?;
        buffer = sent.into_inner();
    }
}
