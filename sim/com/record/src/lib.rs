//! `sqlvdi-record.dll`: a COM server in process that stands before another `sqlvdi.dll`, the
//! *original*: every call of a client is handed on to it, with what the client handed over,
//! and recorded as half a trace. The classes that are no client's are the original's alone.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `exports` | the functions that COM looks for by name, and the end of the process |
//! | `original` | which library is the original, and its functions |
//! | `factory` | what makes sets |
//! | `client` | sets and devices: each call |
//! | `register` | how it is put before the original, and taken away again |
//!
//! Read first: `client`, `original`, [`vdi_recorder::half`].
//!
//! **What a program sees of it.** Statuses, results and addresses are the original's. An object
//! is one of this library's, which holds the original's, and answers the interfaces of the
//! published header that the original's answers.
//!
//! **Unloading.** Once asked for a class it stays until the process ends, and so does the
//! original; DllCanUnloadNow answers what the original answers.
//!
//! **The end of a process.** Each line is written before the call goes on. That a process ends by
//! itself is noted when the system says so, if no thread was ended within a line.
//!
//! Sources: SQL Server VDI reference; the headers `vdi.h` and `vdiguid.h` (Windows edition).

#![cfg(windows)]
#![expect(unsafe_code, reason = "the one way to COM")]
#![allow(non_snake_case, reason = "the names are the documents'")]
#![allow(missing_debug_implementations, reason = "objects are seen through COM only")]

mod client;
mod exports;
mod factory;
mod original;
mod register;
