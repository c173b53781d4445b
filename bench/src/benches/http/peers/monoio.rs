//! hyper on monoio, by monoio-compat: a runtime and a listener on each thread, the kernel dividing the connections.

use std::thread;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use monoio::io::IntoPollIo;
use monoio::net::{ListenerOpts, TcpListener, TcpStream};
use monoio::{IoUringDriver, RuntimeBuilder};
use monoio_compat::hyper::{MonoioIo, MonoioTimer};

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
    let builder = RuntimeBuilder::<IoUringDriver>::new().enable_timer();
    builder.build().expect("monoio starts on io_uring").block_on(async {
        let options = ListenerOpts::new().reuse_port(true);
        let listener = TcpListener::bind_with_config(address, &options).expect("the address is free");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection can be accepted");
            monoio::spawn(connection(stream));
        }
    });
}

async fn connection(stream: TcpStream) -> hyper::Result<()> {
    let stream = MonoioIo::new(stream.into_poll_io().expect("a stream can be polled"));
    http1::Builder::new().timer(MonoioTimer).serve_connection(stream, service_fn(hello)).await
}
