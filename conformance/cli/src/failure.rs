//! Why a command cannot do what it is asked to, and how that is said.

use std::io::IsTerminal;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use vdi_check::exit_code;
use vdi_server::ServeError;
use vdi_suite::scenario::{BadFile, LibraryError};

/// Why a command cannot do what it is asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file cannot be read or understood.
    #[error(transparent)]
    File(Box<BadFile>),
    /// Something else is wrong with an input.
    #[error("{0}")]
    Input(String),
    /// The command line asks for something that is not there.
    #[error("{0}")]
    Usage(String),
    /// The implementation cannot be started.
    #[error("{0}")]
    Unavailable(String),
    /// Our own fault, or the machine's.
    #[error("{0}")]
    Internal(String),
}

impl Failure {
    pub(super) const fn exit_code(&self) -> u8 {
        match self {
            Self::File(_) | Self::Input(_) => exit_code::BAD_INPUT,
            Self::Usage(_) => exit_code::USAGE,
            Self::Unavailable(_) => exit_code::UNAVAILABLE,
            Self::Internal(_) => exit_code::INTERNAL,
        }
    }
}

impl From<BadFile> for Failure {
    fn from(file: BadFile) -> Self {
        Self::File(Box::new(file))
    }
}

impl From<Box<BadFile>> for Failure {
    fn from(file: Box<BadFile>) -> Self {
        Self::File(file)
    }
}

impl From<LibraryError> for Failure {
    fn from(error: LibraryError) -> Self {
        match error {
            LibraryError::File(file) => Self::File(file),
            other => Self::Input(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Internal(format!("cannot write: {error}"))
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let text = error.to_string();
        match error {
            ServeError::Usage(_) => Self::Usage(text),
            ServeError::Unavailable(_) => Self::Unavailable(text),
            ServeError::Output(_) => Self::Internal(text),
        }
    }
}

/// What to say of something that this build was made without.
#[cfg(not(all(
    feature = "diagnose",
    feature = "explore",
    feature = "probe",
    feature = "shells",
    feature = "strict"
)))]
pub(super) fn left_out(what: &str, feature: &str) -> Failure {
    Failure::Usage(format!(
        "{what} is not in this build, which was made without the feature `{feature}`: \
         cargo build --release --features everything"
    ))
}

/// The exit code, once what failed is said.
pub(super) fn ended(done: Result<u8, Failure>) -> u8 {
    done.unwrap_or_else(|failure| {
        say(&failure);
        failure.exit_code()
    })
}

#[expect(clippy::print_stderr, reason = "this is where the command talks to people")]
pub(super) fn say(failure: &Failure) {
    if let Failure::File(file) = failure
        && file.source_code().is_some()
        && file.line > 0
    {
        let colour = std::io::stderr().is_terminal() && console::colors_enabled_stderr();
        let theme =
            if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let mut text = String::new();
        let handler = GraphicalReportHandler::new_themed(theme).with_links(false);
        if handler.render_report(&mut text, file.as_ref()).is_ok() {
            eprint!("error:{text}");
            return;
        }
    }
    eprintln!("error: {failure}");
}
