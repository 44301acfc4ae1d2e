//! Obligations judged beside the model's outcomes: what server and client owe to each
//! other and to the interface, and what the data that come with an answer have to be.

mod blame;
mod buffers;
mod configuration;
mod devices;
mod ending;
mod interfaces;
mod process;
mod statement;
mod time;
mod timely;

pub(crate) use blame::note_if_right;
pub(crate) use buffers::{check_buffer, touch, write};
pub(crate) use configuration::compare_configuration;
pub(crate) use devices::{check_device_name, check_position, check_use, note_stray_bytes};
pub(crate) use ending::{note_called_back, note_returned, note_unexplained};
pub(crate) use interfaces::check_interface;
pub(crate) use process::{exit, unload};
pub(crate) use statement::{Told, check_wait, report, statement};
pub(crate) use time::{begin_anew, expire, may_have_passed, pass_unrecorded};
pub(crate) use timely::{keeps_time, no_time_told, note_due};
