//! hyper on smol, by smol-hyper: one executor, run by so many threads as there are workers.

use std::thread;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use smol::net::{TcpListener, TcpStream};
use smol::{Executor, future};
use smol_hyper::rt::{FuturesIo, SmolTimer};

use crate::bench::{Case, Measurement};
use crate::benches::http::{Setting, hello, measure};

pub fn sample(case: &Case) -> Vec<Measurement> {
    measure(case, |Setting { address, workers }| {
        let executor = Executor::new();
        thread::scope(|scope| {
            for _ in 1..workers {
                scope.spawn(|| smol::block_on(executor.run(future::pending::<()>())));
            }
            let accept = async {
                let listener = TcpListener::bind(address).await.expect("the address is free");
                loop {
                    let (stream, _) = listener.accept().await.expect("a connection can be accepted");
                    executor.spawn(connection(stream)).detach();
                }
            };
            smol::block_on(executor.run(accept))
        })
    })
}

async fn connection(stream: TcpStream) -> hyper::Result<()> {
    let stream = FuturesIo::new(stream);
    http1::Builder::new().timer(SmolTimer::new()).serve_connection(stream, service_fn(hello)).await
}
