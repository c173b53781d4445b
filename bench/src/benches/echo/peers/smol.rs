//! smol: an executor that as many threads run as there are workers.

use std::thread;

use smol::Executor;
use smol::future::pending;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};

use crate::benches::echo::Setting;

/// What all threads run.
static EXECUTOR: Executor = Executor::new();

/// Serves for ever.
pub fn serve(setting: Setting) {
    for _ in 1..setting.workers {
        thread::spawn(|| smol::block_on(EXECUTOR.run(pending::<()>())));
    }
    smol::block_on(EXECUTOR.run(accept(setting)));
}

async fn accept(Setting { address, buffer, .. }: Setting) {
    let listener = TcpListener::bind(address).await.expect("the address is free");
    loop {
        let (stream, _) = listener.accept().await.expect("a connection can be accepted");
        EXECUTOR.spawn(echo(stream, vec![0; buffer])).detach();
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
