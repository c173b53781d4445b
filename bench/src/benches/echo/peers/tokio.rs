//! tokio, on its work-stealing runtime and on the calling thread alone.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;

use crate::benches::echo::Setting;

/// As many threads as workers; tasks move between them.
pub fn multi_thread(setting: Setting) {
    let mut builder = runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(setting.workers).enable_io().build().expect("tokio starts");
    let accept = runtime.spawn(serve(setting));
    runtime.block_on(accept).expect("accepting doesn't panic");
}

/// The calling thread, and no other.
pub fn current_thread(setting: Setting) {
    let runtime = runtime::Builder::new_current_thread().enable_io().build().expect("tokio starts");
    runtime.block_on(serve(setting));
}

async fn serve(Setting { address, buffer, .. }: Setting) {
    let listener = TcpListener::bind(address).await.expect("the address is free");
    loop {
        let (stream, _) = listener.accept().await.expect("a connection can be accepted");
        tokio::spawn(echo(stream, vec![0; buffer]));
    }
}

async fn echo(mut stream: TcpStream, mut buffer: Vec<u8>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length]).await?,
        }
    }
}
