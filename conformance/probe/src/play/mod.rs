//! One client, played: the steps of a plan, called of the library, and recorded.
//!
//! This is a process of its own: a library that crashes takes nothing else with it, and one
//! that hangs is killed.

mod client;
mod devices;
pub(crate) mod media;
mod not_played;
mod processes;
mod progress;
mod recording;
mod tracks;

use std::sync::Arc;

use vdi_call::Library;
use vdi_trace::HowEnded;

use crate::plan::Plan;
use client::Client;
use recording::Recording;

pub use not_played::NotPlayed;
pub use processes::PROCESS;

/// Plays a client.
///
/// # Errors
/// The library cannot be loaded, nothing can be recorded, or the program that takes the
/// statements cannot be started.
pub fn play(plan: Plan) -> Result<(), NotPlayed> {
    let library = Library::load(&plan.library)
        .map_err(|error| NotPlayed::NoLibrary(format!("{}: {error}", plan.library.display())))?;
    let client = Arc::new(Client::new(library, Recording::new(&plan)?, plan));
    let steps = client.plan.steps.clone();
    client.run(&steps)?;
    client.join_all()?;
    if !client.plan.leaves {
        client.end_statement()?;
    }
    client.recording.ends(HowEnded::Normal);
    client.recording.finish()?;
    Ok(())
}
