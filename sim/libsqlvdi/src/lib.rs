//! `libsqlvdi.so`: the client half of the Virtual Device Interface with the binary
//! interface that programs written for SQL Server on Linux expect, over
//! [`vdi_runtime`].
//!
//! | file | what it holds |
//! | --- | --- |
//! | `abi` | the exported functions and everything unsafe: pointers in, pointers out |
//! | `calls` | what each function does, in safe terms |
//! | `objects` | the sets and devices of this process, by the number in a C++ object |
//! | `recording` | traces |
//! | `settings` | what the environment says |
//!
//! Read first: `abi`, `calls`, `objects`.
//!
//! A C++ object holds a number, not an address: one that was never constructed, or is
//! used after its end, is refused and not followed. Each call stands alone: no panic
//! crosses to C++, and nothing is ever written to standard output.
//!
//! | variable | what it does |
//! | --- | --- |
//! | `VDI_TIMEOUT_UNIT` | `seconds`: time-outs are seconds; else they are milliseconds |
//! | `VDI_PREFIX` | what the names of shared memory objects begin with |
//! | `VDI_GROUP` | `1`: the group of the creating user may use a set, too |
//! | `VDI_TRACE` | file into which a set is recorded; `%s` in it stands for its name, `%p` for the number of the process |
//! | `VDI_DEBUG` | `1`: what fails is told on standard error |
//!
//! Sources: SQL Server on Linux VDI client SDK Specification; the headers `vdi.h` and
//! `vdierror.h` (Linux edition).

#![cfg(target_os = "linux")]

#[expect(unsafe_code, reason = "the one way to C++")]
mod abi;
mod calls;
mod objects;
mod recording;
mod settings;
