//! TLS: a certificate that is made at the start, and the handshake inside of packets.
//!
//! At most TLS 1.2: inside of the packets that come before a login a handshake of 1.3 would
//! go on behind its end.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};

/// No certificate can be made, or used.
#[derive(Debug, thiserror::Error)]
#[error("a certificate cannot be made: {0}")]
pub struct NoIdentity(String);

/// Who the server says it is: a certificate for this machine, with its key.
#[derive(Clone, Debug)]
pub struct Identity {
    config: Arc<ServerConfig>,
    certificate: String,
}

impl Identity {
    /// A new one, for the names of this machine.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new() -> Result<Self, NoIdentity> {
        let wrong = |error: &dyn std::fmt::Display| NoIdentity(error.to_string());
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut asked = CertificateParams::new(names).map_err(|error| wrong(&error))?;
        asked.distinguished_name.push(DnType::CommonName, "localhost");
        let key = KeyPair::generate().map_err(|error| wrong(&error))?;
        let made = asked.self_signed(&key).map_err(|error| wrong(&error))?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .and_then(|config| {
                config.with_no_client_auth().with_single_cert(vec![made.der().clone()], private)
            })
            .map_err(|error| wrong(&error))?;
        Ok(Self { config: Arc::new(config), certificate: made.pem() })
    }

    /// The certificate as PEM, for clients that check it.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    pub(crate) fn connection(&self) -> io::Result<Tls> {
        let mut tls = ServerConnection::new(self.config.clone()).map_err(io::Error::other)?;
        // What is sent is taken out at once.
        tls.set_buffer_limit(None);
        Ok(Tls(tls))
    }
}

/// One connection's half of TLS.
#[derive(Debug)]
pub(crate) struct Tls(ServerConnection);

impl Tls {
    pub(crate) fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    /// Takes in what has come; what it says goes to the end of `clear`.
    pub(crate) fn receive(&mut self, mut come: &[u8], clear: &mut Vec<u8>) -> io::Result<()> {
        while !come.is_empty() {
            if self.0.read_tls(&mut come)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let state = self.0.process_new_packets().map_err(io::Error::other)?;
            let length = clear.len();
            clear.resize(length + state.plaintext_bytes_to_read(), 0);
            self.0.reader().read_exact(&mut clear[length..])?;
        }
        Ok(())
    }

    /// What is to be sent for this, and of its own.
    pub(crate) fn send(&mut self, clear: &[u8]) -> io::Result<Vec<u8>> {
        self.0.writer().write_all(clear)?;
        let mut hidden = Vec::new();
        while self.0.wants_write() {
            self.0.write_tls(&mut hidden)?;
        }
        Ok(hidden)
    }
}
