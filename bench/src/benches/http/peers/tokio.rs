//! hyper on tokio, by hyper-util: on the work-stealing runtime, and on the calling thread alone.

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;

use crate::bench::{Case, Measurement};
use crate::benches::http::{Setting, hello, measure};

pub fn multi_thread(case: &Case) -> Vec<Measurement> {
    measure(case, |setting| {
        let mut builder = runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(setting.workers).enable_all().build().expect("tokio starts");
        let accept = runtime.spawn(serve(setting));
        runtime.block_on(accept).expect("accepting doesn't panic");
    })
}

pub fn current_thread(case: &Case) -> Vec<Measurement> {
    measure(case, |setting| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("tokio starts");
        runtime.block_on(serve(setting));
    })
}

async fn serve(Setting { address, .. }: Setting) {
    let listener = TcpListener::bind(address).await.expect("the address is free");
    loop {
        let (stream, _) = listener.accept().await.expect("a connection can be accepted");
        tokio::spawn(connection(stream));
    }
}

async fn connection(stream: TcpStream) -> hyper::Result<()> {
    let stream = TokioIo::new(stream);
    http1::Builder::new().timer(TokioTimer::new()).serve_connection(stream, service_fn(hello)).await
}
