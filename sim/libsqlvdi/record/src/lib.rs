//! `libsqlvdi-record.so`: the same symbols as `libsqlvdi.so`; every call is recorded and
//! handed on to the original: the one that `VDI_ORIGINAL` names by its path, or else the one
//! that the program is linked with.
//!
//! Read first: `abi`, `reach`, [`vdi_recorder::half`].
//!
//! It is preloaded, or stands in the original's place, under its name in a folder of
//! `LD_LIBRARY_PATH`. The trace goes to the file that `VDI_RECORD` names, or else `VDI_TRACE`,
//! which our own library knows, too; `%s` in it stands for the name of the set, `%p` for the
//! number of the process. `VDI_TIMEOUT_UNIT=seconds` says that the original counts time-outs
//! in seconds. The trace holds what this process calls and nothing of the server; a
//! secondary client's goes into a file of its own, with its number behind the name.
//!
//! Sources: SQL Server on Linux VDI client SDK Specification; the headers `vdi.h` and
//! `vdierror.h` (Linux edition).

#![cfg(target_os = "linux")]

#[expect(unsafe_code, reason = "the one way to C++, on both sides")]
mod abi;
mod reach;
