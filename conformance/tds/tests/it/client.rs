//! A small client of TDS: what drivers send, as far as these tests need it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// So long an answer is waited for: without one a test hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Headers of a statement, from 7.2 on: those of a transaction.
const HEADERS: [u8; 22] = [22, 0, 0, 0, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];

/// Bytes that go to or come from the server, encrypted once they are to be.
struct Wire {
    stream: TcpStream,
    tls: Option<ClientConnection>,
}

impl Wire {
    fn send(&mut self, bytes: &[u8]) {
        match &mut self.tls {
            None => self.stream.write_all(bytes).expect("sent"),
            Some(tls) => {
                tls.writer().write_all(bytes).expect("taken");
                while tls.wants_write() {
                    tls.write_tls(&mut self.stream).expect("sent");
                }
            }
        }
    }

    /// `false` once the server has closed the connection.
    fn receive(&mut self, bytes: &mut [u8]) -> bool {
        let Some(tls) = &mut self.tls else { return self.stream.read_exact(bytes).is_ok() };
        let mut got = 0;
        while got < bytes.len() {
            match tls.reader().read(&mut bytes[got..]) {
                Ok(0) => return false,
                Ok(some) => got += some,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if tls.read_tls(&mut self.stream).map_or(true, |some| some == 0) {
                        return false;
                    }
                    tls.process_new_packets().expect("TLS");
                }
                Err(_) => return false,
            }
        }
        true
    }
}

/// A client.
pub(crate) struct Client {
    wire: Wire,
    wide: bool,
}

/// A packet that came: whether it is the last of its message, and what is in it.
type Part = (bool, Vec<u8>);

impl Client {
    /// One that has not said anything yet.
    pub(crate) fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        Self { wire: Wire { stream, tls: None }, wide: true }
    }

    /// One that has asked for this encryption, and has logged in; what it was told of the
    /// login.
    pub(crate) fn logged_in(address: SocketAddr, encryption: u8, certificate: &str) -> Self {
        let mut client = Self::new(address);
        let answered = client.prelogin(encryption);
        if answered != 2 {
            client.begin_tls(certificate);
        }
        client.send(0x10, &login(0x7400_0004, "secret"));
        if answered == 0 {
            client.wire.tls = None;
        }
        let told = client.message();
        assert_eq!(tokens(&told, true), ["change 7", "login 74000004", "done 0"]);
        client
    }

    /// What the server answers to this byte of encryption.
    pub(crate) fn prelogin(&mut self, encryption: u8) -> u8 {
        self.send(0x12, &[1, 0, 6, 0, 1, 0xFF, encryption]);
        let answer = self.message();
        assert_eq!(answer[5], 1, "its second option is encryption");
        answer[usize::from(answer[7])]
    }

    fn begin_tls(&mut self, certificate: &str) {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM");
        roots.add(certificate).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .expect("1.2")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let mut tls = ClientConnection::new(Arc::new(config), name).expect("TLS");
        while tls.is_handshaking() {
            let mut hidden = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut hidden).expect("written");
            }
            if !hidden.is_empty() {
                self.send(0x12, &hidden);
            }
            if tls.is_handshaking() {
                let (_, come) = self.part().expect("a part of the handshake");
                let mut come = &come[..];
                while !come.is_empty() {
                    tls.read_tls(&mut come).expect("read");
                    tls.process_new_packets().expect("TLS");
                }
            }
        }
        self.wire.tls = Some(tls);
    }

    /// Speaks 7.1 from here on: its statements have no headers, its numbers are shorter.
    pub(crate) fn old(mut self) -> Self {
        self.wide = false;
        self
    }

    /// Sends a message as one packet.
    pub(crate) fn send(&mut self, kind: u8, body: &[u8]) {
        let [high, low] = (8 + body.len() as u16).to_be_bytes();
        let mut packet = vec![kind, 1, high, low, 0, 0, 1, 0];
        packet.extend_from_slice(body);
        self.wire.send(&packet);
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.wire.send(bytes);
    }

    /// Sends a statement.
    pub(crate) fn batch(&mut self, text: &str) {
        self.send(1, &body(text, self.wide));
    }

    /// Asks for a transaction: 5 begins, 7 commits, 8 rolls back; these may begin anew.
    pub(crate) fn transaction(&mut self, kind: u8, anew: u8) {
        let mut body = HEADERS.to_vec();
        body.extend([kind, 0, 0, anew, 2, 0]);
        self.send(0x0E, &body);
    }

    /// The next packet; `None` if the server has closed the connection.
    pub(crate) fn part(&mut self) -> Option<Part> {
        let mut head = [0; 8];
        if !self.wire.receive(&mut head) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let mut body = vec![0; length - 8];
        assert!(self.wire.receive(&mut body), "a packet ends too early");
        Some((head[1] & 1 != 0, body))
    }

    /// All of the next message.
    pub(crate) fn message(&mut self) -> Vec<u8> {
        let mut whole = Vec::new();
        loop {
            let (last, body) = self.part().expect("a packet");
            whole.extend(body);
            if last {
                return whole;
            }
        }
    }

    /// The tokens of the next message.
    pub(crate) fn tokens(&mut self) -> Vec<String> {
        let message = self.message();
        tokens(&message, self.wide)
    }
}

/// A statement's message.
pub(crate) fn body(text: &str, wide: bool) -> Vec<u8> {
    let mut body = if wide { HEADERS.to_vec() } else { Vec::new() };
    body.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    body
}

/// A call of `sp_executesql`.
pub(crate) fn call(text: &str) -> Vec<u8> {
    let mut body = HEADERS.to_vec();
    body.extend([0xFF, 0xFF, 10, 0, 0, 0, 0, 0, 0xE7, 0x40, 0x1F, 9, 4, 0xD0, 0, 0x34]);
    body.extend((2 * text.len() as u16).to_le_bytes());
    body.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    body
}

/// A login of `sa`.
pub(crate) fn login(version: u32, password: &str) -> Vec<u8> {
    let mut message = vec![0; 94];
    message[4..8].copy_from_slice(&version.to_le_bytes());
    for (place, text) in [(40, "sa"), (44, password)] {
        let mut bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        if place == 44 {
            bytes.iter_mut().for_each(|byte| *byte = byte.rotate_left(4) ^ 0xA5);
        }
        let start = message.len() as u16;
        message[place..place + 2].copy_from_slice(&start.to_le_bytes());
        let length = text.len() as u16;
        message[place + 2..place + 4].copy_from_slice(&length.to_le_bytes());
        message.extend(bytes);
    }
    let length = message.len() as u32;
    message[..4].copy_from_slice(&length.to_le_bytes());
    message
}

/// The tokens of an answer, a word and a number of each.
pub(crate) fn tokens(mut answer: &[u8], wide: bool) -> Vec<String> {
    let mut found = Vec::new();
    while let [token, rest @ ..] = answer {
        let counted = || usize::from(u16::from_le_bytes([rest[0], rest[1]])) + 2;
        let done = if wide { 12 } else { 8 };
        let number = || u16::from_le_bytes([rest[0], rest[1]]);
        let message = || u32::from_le_bytes([rest[2], rest[3], rest[4], rest[5]]);
        let (said, length) = match token {
            0xE3 => (format!("change {}", rest[2]), counted()),
            0xAD => (
                format!("login {:02x}{:02x}{:02x}{:02x}", rest[3], rest[4], rest[5], rest[6]),
                counted(),
            ),
            0xAA => (format!("error {} class {}", message(), rest[7]), counted()),
            0xAB => (format!("info {} class {}", message(), rest[7]), counted()),
            0xFD => (format!("done {:x}", number()), done),
            0xFE => (format!("procedure done {:x}", number()), done),
            0xFF => (format!("in procedure done {:x}", number()), done),
            0x79 => (
                format!("returned {}", i32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]])),
                4,
            ),
            // Of one column, an int.
            0x81 => {
                let before = if wide { 8 } else { 6 };
                assert_eq!(rest[before..before + 2], [0x26, 4]);
                (format!("columns {}", number()), before + 3 + 2 * usize::from(rest[before + 2]))
            }
            0xD1 => {
                (format!("row {}", i32::from_le_bytes([rest[1], rest[2], rest[3], rest[4]])), 5)
            }
            other => panic!("{other:x}: no token that is known here, after {found:?}"),
        };
        found.push(said);
        answer = &rest[length..];
    }
    found
}
