//! A certificate that was made just now, and the two ends of TLS that go with it.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use std::sync::Arc;

pub struct Certificate {
    pub certificate: rcgen::Certificate,
    pub key: PrivateKeyDer<'static>,
}

/// For `localhost`, which signs itself.
pub fn for_localhost() -> Certificate {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".into()]).expect("there is randomness");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("it is PKCS #8");
    Certificate { certificate: cert, key }
}

/// A client that trusts this certificate alone, and speaks these protocols.
pub fn client(certificate: CertificateDer<'static>, protocols: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("it is a certificate");
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has what they need")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}
