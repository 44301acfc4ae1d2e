//! What is said of seeded worlds, of one and of many.

use vdi_check::exit_code;
use vdi_simulate::Problem;

/// The command that makes it so again.
pub(super) fn again(seed: u64, words: &str) -> String {
    format!("vdi replay --seed {seed}{words}")
}

/// The exit code for what should not be, by its classes.
pub(super) fn exit_code_of<'a>(classes: impl Iterator<Item = &'a str>) -> u8 {
    classes.fold(exit_code::CONFORMANT, |code, class| match (code, class) {
        (exit_code::INTERNAL, _) | (_, Problem::OURS) => exit_code::INTERNAL,
        (exit_code::CONFORMANT, Problem::UNDECIDED) => exit_code::INCONCLUSIVE,
        (code, Problem::UNDECIDED) => code,
        _ => exit_code::VIOLATION,
    })
}
