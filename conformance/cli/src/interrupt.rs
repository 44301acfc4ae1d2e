//! Ctrl-C and SIGTERM: what is known is told, nothing is left, and the exit code says so.

use std::sync::Mutex;

use vdi_check::exit_code;
use vdi_suite::interrupt::{interrupt, is_interrupted};

/// Ends what is done now.
type End = Box<dyn FnOnce() + Send>;

/// What a command does that ends by itself once it is interrupted.
static END: Mutex<Option<End>> = Mutex::new(None);

/// From now on both signals interrupt. A command that has not said [`ends_by`] ends at once,
/// and so does one that is told a second time.
pub(super) fn watch() {
    // Without a handler the signals end the process: no reason to fail.
    let _ = ctrlc::set_handler(|| {
        let end = END.lock().ok().and_then(|mut end| end.take());
        let first = !is_interrupted();
        interrupt();
        match end {
            Some(end) if first => end(),
            _ => std::process::exit(exit_code::INTERRUPTED.into()),
        }
    });
}

/// The command ends by itself if it is interrupted, once this was done.
pub(super) fn ends_by(end: impl FnOnce() + Send + 'static) {
    if let Ok(mut place) = END.lock() {
        *place = Some(Box::new(end));
    }
}

/// The exit code of a command, unless it was interrupted.
pub(super) fn exit_code(code: u8) -> u8 {
    if is_interrupted() { exit_code::INTERRUPTED } else { code }
}
