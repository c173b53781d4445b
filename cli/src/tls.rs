//! TLS: what a connection is encrypted with, and how that is exchanged for something newer.
//!
//! A certificate lives for months at most, a server may live longer. So both files are read again when they are asked for
//! (by `SIGHUP`: see [`signals`](crate::signals)), and connections from then on get what is in them. Older ones keep what
//! they have agreed on, and what can't be used leaves everything as it is.

mod certificate;
mod stream;

pub use stream::TlsStream;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;

/// A certificate with its key, for all connections to come.
#[allow(dead_code, reason = "on Windows nobody asks for them to be read again")]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files that the command line names. Of a certificate that is out of date, the second result says so: clients
    /// that check it refuse the server anyway, others still get what they want, and a restart at the wrong time must not make
    /// an outage of it.
    ///
    /// # Errors
    ///
    /// A line for the user: a file can't be read, lacks what should be in it, or the two don't belong together.
    pub fn open(certificate: PathBuf, key: PathBuf) -> Result<(Tls, Option<String>), String> {
        let loaded = certificate::load(&certificate, &key)?;
        Ok((Tls { certificate, key, config: RwLock::new(loaded.config) }, loaded.warning))
    }

    /// Reads the files again, for the connections to come. Returns a line for the user. Blocks.
    ///
    /// # Errors
    ///
    /// As of [`open`](Self::open), and what is out of date: what is in use may be better. It stays in use.
    #[allow(dead_code, reason = "as above")]
    pub fn reload(&self) -> Result<String, String> {
        let loaded = certificate::load(&self.certificate, &self.key)?;
        if let Some(warning) = loaded.warning {
            return Err(warning);
        }
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = loaded.config;
        Ok(format!("the certificate in {} is in use from now on", self.certificate.display()))
    }

    /// For one connection.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }
}
