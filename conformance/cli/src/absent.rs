//! Commands that are not there on Windows, which say so.

use super::failure::Failure;

fn absent(command: &str, why: &str) -> Failure {
    Failure::Unavailable(format!("`vdi {command}` is not there on Windows: {why}"))
}

pub(super) mod gate {
    use std::io::Write;

    use super::super::args::GateArgs;
    use super::super::failure::Failure;

    pub(crate) fn gate(_: &GateArgs, _: &mut dyn Write) -> Result<u8, Failure> {
        Err(super::absent("gate", "its programs call libsqlvdi.so, which is a library of Linux"))
    }
}

pub(super) mod install {
    use std::io::Write;

    use super::super::args::InstallArgs;
    use super::super::failure::Failure;

    pub(crate) fn install(_: &InstallArgs, _: &mut dyn Write) -> Result<u8, Failure> {
        Err(super::absent("install", "what it installs are libraries of Linux"))
    }
}

pub(super) mod probe {
    use std::io::Write;

    use super::super::args::{ProbeArgs, ReplayArgs, ShrinkArgs};
    use super::super::failure::{Failure, ended};

    const WHY: &str = "it calls client libraries of Linux; `vdi run --adapter` drives any other";

    pub(crate) fn probe(_: &ProbeArgs, _: &mut dyn Write) -> Result<u8, Failure> {
        Err(super::absent("probe", WHY))
    }

    pub(crate) fn replay(_: &ReplayArgs, _: &mut dyn Write) -> Result<u8, Failure> {
        Err(super::absent("replay --library", WHY))
    }

    pub(crate) fn shrink(_: &ShrinkArgs, _: &mut dyn Write) -> Result<u8, Failure> {
        Err(super::absent("shrink --library", WHY))
    }

    pub(crate) fn process() -> u8 {
        ended(Err(super::absent("probe", WHY)))
    }
}
