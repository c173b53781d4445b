//! hyper on compio, by cyper-core: a runtime and a listener on each thread, the kernel dividing the connections.

use std::io;
use std::net::SocketAddr;
use std::thread;

use compio::net::{TcpListener, TcpSocket, TcpStream};
use compio::runtime::Runtime;
use cyper_core::{CompioTimer, HyperStream};
use hyper::server::conn::http1;
use hyper::service::service_fn;

use crate::bench::{Case, Measurement};
use crate::benches::http::{Setting, hello, measure};

pub fn sample(case: &Case) -> Vec<Measurement> {
    measure(case, |setting| {
        thread::scope(|scope| {
            for _ in 1..setting.workers {
                scope.spawn(|| serve(setting));
            }
            serve(setting);
        });
    })
}

fn serve(Setting { address, .. }: Setting) {
    Runtime::new().expect("compio starts").block_on(async {
        let listener = listen(address).await.expect("the address is free");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection can be accepted");
            compio::runtime::spawn(connection(stream)).detach();
        }
    });
}

async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    const BACKLOG: i32 = 1_024;
    let socket = TcpSocket::new_v4().await?;
    socket.set_reuseport(true)?;
    socket.bind(address).await?;
    socket.listen(BACKLOG).await
}

async fn connection(stream: TcpStream) -> hyper::Result<()> {
    let stream = HyperStream::new_plain(stream);
    http1::Builder::new().timer(CompioTimer).serve_connection(stream, service_fn(hello)).await
}
