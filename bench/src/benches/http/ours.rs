//! hyper on fibra: in a green thread or a future for each connection, on either backend.

use fibra::hyper::{ReadAhead, Timer};
use fibra::net::{TcpListener, TcpStream};
use fibra::{Backend, Builder};
use hyper::server::conn::http1;
use hyper::service::service_fn;

use super::{Setting, hello, measure};
use crate::bench::Subject;

/// fibra's subjects.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("fibra thread", "fibra", |case| measure(case, |it| threads(Backend::IoUring, it))),
    Subject::new("fibra future", "fibra", |case| measure(case, |it| futures(Backend::IoUring, it))),
    Subject::new("fibra thread, epoll", "fibra", |case| measure(case, |it| threads(Backend::Epoll, it))),
    Subject::new("fibra future, epoll", "fibra", |case| measure(case, |it| futures(Backend::Epoll, it))),
];

/// Each green thread waits for all of its connection.
fn threads(backend: Backend, Setting { address, workers }: Setting) {
    Builder::new().workers(workers).backend(backend).run(move || {
        let listener = TcpListener::bind(address).expect("the address is free");
        for stream in listener.incoming() {
            let stream = stream.expect("a connection can be accepted");
            fibra::thread::spawn(|| fibra::wait(connection(stream)));
        }
    });
}

fn futures(backend: Backend, Setting { address, workers }: Setting) {
    let accept = async move {
        let listener = TcpListener::bind_async(address).await.expect("the address is free");
        loop {
            let (stream, _) = listener.accept_async().await.expect("a connection can be accepted");
            fibra::future::spawn(connection(stream));
        }
    };
    let accept = move || fibra::wait(fibra::future::spawn(accept));
    Builder::new().workers(workers).backend(backend).run(accept).expect("accepting doesn't panic")
}

async fn connection(stream: TcpStream) -> hyper::Result<()> {
    http1::Builder::new().timer(Timer).serve_connection(ReadAhead::new(stream), service_fn(hello)).await
}
