//! Several sets in one run of the processes: one after the other, and side by side. What
//! is kept where it outlasts a set shows here only.

mod after;
mod beside;
mod handed_on;
mod life;
mod refused;

pub(super) use life::{client_close_open, server_close_open};

use super::story::Story;

pub(super) fn stories() -> Vec<Story> {
    let mut all = after::stories();
    all.extend(beside::stories());
    all.extend(handed_on::stories());
    all.extend(refused::stories());
    all
}
