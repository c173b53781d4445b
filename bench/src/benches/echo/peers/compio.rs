//! compio over io_uring: operations own their buffers, a vector is read into up to its capacity.

use compio::BufResult;
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::{TcpListener, TcpSocket, TcpStream};
use compio::runtime::Runtime;

use crate::benches::echo::Setting;

/// Serves on this thread for ever.
pub fn serve(Setting { address, workers, buffer }: Setting) {
    Runtime::new().expect("compio starts").block_on(async {
        let listener = listen(address, workers > 1).await.expect("the address is free");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection can be accepted");
            compio::runtime::spawn(echo(stream, Vec::with_capacity(buffer))).detach();
        }
    });
}

async fn listen(address: std::net::SocketAddr, shared: bool) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4().await?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(shared)?;
    socket.bind(address).await?;
    socket.listen(1_024).await
}

async fn echo(mut stream: TcpStream, mut buffer: Vec<u8>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let BufResult(read, filled) = stream.read(buffer).await;
        if read? == 0 {
            return Ok(());
        }
        let BufResult(written, sent) = stream.write_all(filled).await;
        written?;
        buffer = sent;
    }
}
