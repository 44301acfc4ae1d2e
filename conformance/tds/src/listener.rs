//! All connections.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::connection::attend;
use super::engine::Engine;
use super::options::Options;

/// Connections at a time.
const MOST: usize = 1000;

/// How long nobody is let in when nobody can be.
const REST: Duration = Duration::from_millis(100);

/// Where clients connect.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    options: Options,
}

impl Listener {
    /// Begins to listen.
    ///
    /// # Errors
    /// It cannot listen there.
    pub fn new(address: SocketAddr, options: Options) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address)?, options })
    }

    /// Where it listens: the port is known only now if any would do.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves all who connect, until the process ends.
    pub fn serve(&self, engine: &impl Engine) {
        let served = AtomicUsize::new(0);
        thread::scope(|scope| {
            for stream in self.listener.incoming() {
                let Ok(stream) = stream else {
                    // There are no descriptors left, most likely.
                    rest();
                    continue;
                };
                if served.fetch_add(1, Ordering::AcqRel) >= MOST {
                    served.fetch_sub(1, Ordering::AcqRel);
                    continue;
                }
                let served = &served;
                scope.spawn(move || {
                    // Whoever is not understood is told nothing more.
                    let _ = attend(stream, &self.options, engine);
                    served.fetch_sub(1, Ordering::AcqRel);
                });
            }
        });
    }
}

#[expect(clippy::disallowed_methods, reason = "it is tried again, but not all the time")]
fn rest() {
    thread::sleep(REST);
}
