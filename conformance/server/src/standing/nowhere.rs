//! On a system whose users have no sockets of their own: nobody stands anywhere, and `sqlcmd` plays
//! the server itself.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{HandedOver, Request};
use crate::console::Print;
use crate::error::ServeError;
use crate::stop::{Stop, Stops};

/// Where a server would listen.
#[derive(Debug)]
pub(crate) enum Listener {}

impl Listener {
    pub(crate) fn new(_: &Path, _: bool, _: bool) -> Result<Self, ServeError> {
        let why = "no server stands on this system yet: give `vdi serve` statements, or let sqlcmd \
                   carry out its own";
        Err(ServeError::Unavailable(why.to_owned()))
    }

    pub(crate) fn serve(
        &self,
        _: &Stops,
        _: impl Fn(&Request, Arc<Stop>, Print<'_>) -> Result<usize, String> + Sync,
    ) {
        match *self {}
    }
}

/// A place is named only for the message that nobody can listen there.
pub(crate) fn socket(_: &str) -> Option<PathBuf> {
    Some(PathBuf::new())
}

pub(crate) fn hand_over(
    _: (&Path, bool),
    _: &Request,
    _: &Stop,
    _: Print<'_>,
) -> io::Result<HandedOver> {
    Ok(HandedOver::NoServer)
}
