//! Where drivers connect, as it is asked for; and what is there in a build without it.

use std::net::SocketAddr;
use std::path::PathBuf;

/// How drivers are served, by TDS.
#[derive(Clone, Debug)]
pub struct TdsOptions {
    /// Where they connect.
    pub address: SocketAddr,
    /// The file that holds the password; any will do without it.
    pub password: Option<PathBuf>,
    /// Whether that may be where other machines can.
    pub anywhere: bool,
    /// Whether each message is followed by the end of something behind which there is more.
    pub ends: bool,
}

#[cfg(not(feature = "tds"))]
pub(super) mod tds {
    //! A build without TDS.

    use std::path::PathBuf;
    use std::sync::Arc;

    use super::TdsOptions;
    use crate::console::Print;
    use crate::error::ServeError;
    use crate::server::Server;
    use crate::stop::{Stop, Stops};

    /// There is none.
    #[derive(Debug)]
    pub(crate) enum Door {}

    impl Door {
        pub(crate) fn new(
            _options: &TdsOptions,
            _certificate: PathBuf,
        ) -> Result<Self, ServeError> {
            let why = "TDS is not in this build: cargo build --release --features tds";
            Err(ServeError::Unavailable(why.to_owned()))
        }

        pub(crate) fn certificate(&self) -> PathBuf {
            match *self {}
        }

        pub(crate) fn said(&self) -> Result<String, ServeError> {
            match *self {}
        }

        pub(crate) fn serve(
            &self,
            _stops: &Stops,
            _print: Print<'_>,
            _server: impl Fn(Arc<Stop>) -> Result<Server, ServeError> + Sync,
        ) {
            match *self {}
        }
    }
}
