//! Host names to addresses, off the workers: `getaddrinfo` blocks its thread for as long as the network takes.

use crate::scheduler::blocking::{unblock, unblock_async};
use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    vec,
};

/// The addresses of `host`.
pub(super) fn lookup(host: &str, port: u16) -> io::Result<vec::IntoIter<SocketAddr>> {
    match literal(host, port) {
        Some(address) => Ok(vec![address].into_iter()),
        None => unblock(|| (host, port).to_socket_addrs()),
    }
}

/// The same for futures.
pub(super) async fn lookup_async(host: &str, port: u16) -> io::Result<vec::IntoIter<SocketAddr>> {
    if let Some(address) = literal(host, port) {
        return Ok(vec![address].into_iter());
    }
    let host = host.to_owned();
    unblock_async(move || (host.as_str(), port).to_socket_addrs()).await
}

/// An address that is written out needs nobody's answer.
fn literal(host: &str, port: u16) -> Option<SocketAddr> {
    host.parse().ok().map(|ip| SocketAddr::new(ip, port))
}

/// Host and port of `host:port`.
pub(super) fn split(text: &str) -> io::Result<(&str, u16)> {
    let invalid = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
    let (host, port) = text.rsplit_once(':').ok_or_else(|| invalid("invalid socket address"))?;
    let port = port.parse().map_err(|_| invalid("invalid port value"))?;
    Ok((host, port))
}
