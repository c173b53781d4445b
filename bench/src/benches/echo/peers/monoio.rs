//! monoio over io_uring: operations own their buffers, a vector is read into up to its capacity.

use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use monoio::{IoUringDriver, RuntimeBuilder};

use crate::benches::echo::Setting;

/// Serves on this thread for ever. Listeners share their port unless told otherwise.
pub fn serve(Setting { address, buffer, .. }: Setting) {
    let mut runtime = RuntimeBuilder::<IoUringDriver>::new().build().expect("monoio starts");
    runtime.block_on(async {
        let listener = TcpListener::bind(address).expect("the address is free");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection can be accepted");
            monoio::spawn(echo(stream, Vec::with_capacity(buffer)));
        }
    });
}

async fn echo(mut stream: TcpStream, mut buffer: Vec<u8>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let (read, filled) = stream.read(buffer).await;
        if read? == 0 {
            return Ok(());
        }
        let (written, sent) = stream.write_all(filled).await;
        written?;
        buffer = sent;
    }
}
