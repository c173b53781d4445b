//! glommio: its own rings, and buffers that are lent.

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use glommio::LocalExecutor;
use glommio::net::{TcpListener, TcpStream};

use crate::benches::echo::Setting;

/// Serves on this thread for ever. Listeners share their port.
pub fn serve(Setting { address, buffer, .. }: Setting) {
    LocalExecutor::default().run(async {
        let listener = TcpListener::bind(address).expect("the address is free");
        loop {
            let stream = listener.accept().await.expect("a connection can be accepted");
            glommio::spawn_local(echo(stream, vec![0; buffer])).detach();
        }
    });
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
