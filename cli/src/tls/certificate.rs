//! A certificate and its key, as files have them. What can be wrong with them is found here, and said in one line that names
//! the file.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{InconsistentKeys, ServerConfig};
use x509_cert::der::Decode;

use crate::timestamp;

/// The protocols that a client may choose from, the best one first.
const PROTOCOLS: [&[u8]; 3] = [b"h2", b"http/1.1", b"http/1.0"];

/// What the files come to.
pub struct Loaded {
    /// For each connection.
    pub config: Arc<ServerConfig>,
    /// A line for the user, if the certificate is out of date.
    pub warning: Option<String>,
}

/// Reads the chain of certificates in `certificate` and the key of the first one in `key`, both in PEM.
///
/// # Errors
///
/// A line for the user: a file can't be read, lacks what should be in it, or the two don't belong together.
pub fn load(certificate: &Path, key: &Path) -> Result<Loaded, String> {
    let chain = read_chain(certificate)?;
    let warning = chain.first().and_then(|first| out_of_date(first, SystemTime::now()));
    let warning = warning.map(|problem| format!("the certificate in {} {problem}", certificate.display()));
    let key_der = read_key(key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS can't be had: {error}"))?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                format!(
                    "the key in {} doesn't belong to the certificate in {}",
                    key.display(),
                    certificate.display()
                )
            }
            error => format!(
                "the certificate in {} with the key in {} can't be used: {error}",
                certificate.display(),
                key.display()
            ),
        })?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(Loaded { config: Arc::new(config), warning })
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let fail = |problem: &dyn Display| format!("can't read a certificate from {}: {problem}", path.display());
    let pem = std::fs::read(path).map_err(|error| fail(&error))?;
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|error| fail(&error))?;
    if chain.is_empty() {
        return Err(fail(&"there is none in it (expected PEM)"));
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    use rustls::pki_types::pem::Error::NoItemsFound;
    let fail = |problem: &dyn Display| format!("can't read a key from {}: {problem}", path.display());
    let pem = std::fs::read(path).map_err(|error| fail(&error))?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
        NoItemsFound => fail(&"there is none in it that could be used without a password (expected PEM)"),
        error => fail(&error),
    })
}

/// What is wrong with the certificate's time, if anything. One that can't be read is left to those who do read it.
fn out_of_date(certificate: &CertificateDer<'_>, now: SystemTime) -> Option<String> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    let validity = certificate.tbs_certificate.validity;
    let (begin, end) = (validity.not_before.to_system_time(), validity.not_after.to_system_time());
    let shown = |time| timestamp::rfc3339(time).unwrap_or_default();
    if now < begin {
        Some(format!("is not valid before {}", shown(begin)))
    } else if now > end {
        Some(format!("has expired on {}", shown(end)))
    } else {
        None
    }
}
