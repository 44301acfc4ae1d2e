//! `sqlvdi.dll`: both halves of the Virtual Device Interface as a COM server in process, over
//! [`vdi_runtime`].
//!
//! | file | what it holds |
//! | --- | --- |
//! | `exports` | the functions that COM looks for by name |
//! | `factory` | what makes objects |
//! | `client` | a client's sets and devices |
//! | `server` | a server's sets and devices |
//! | `module` | what is counted, and what keeps this library loaded |
//! | `register` | what is written into the registry |
//! | `given` | pointers in, pointers out |
//! | `defects` | what is wrong on purpose, for tests |
//!
//! Read first: `exports`, `module`, `server`.
//!
//! **Unloading.** Objects, locks and agents are counted, and DllCanUnloadNow tells of them. But
//! Windows does not ask at the last CoUninitialize, and FreeLibrary never asks. The thread of
//! ExecuteCompletionAgent is the server's: it returns into this library after a routine, and
//! out of it at its end. So the first agent *pins* this library, which stays until the process
//! ends; to hold it only while the agent is inside is not possible, since who lets go of it
//! last still has to return.
//!
//! **Locks.** None is held while a program's code is called: a completion routine, or the end
//! of another's object. What is here in thread-locals needs no release.
//!
//! `VDI_PREFIX` is what the names of sections begin with; `Global\` makes them those of all
//! sessions.
//!
//! Sources: SQL Server VDI reference; the headers `vdi.h` and `vdiguid.h` (Windows edition).

#![cfg(windows)]
#![expect(unsafe_code, reason = "the one way to COM")]
#![allow(non_snake_case, reason = "the names are the documents'")]
#![allow(missing_debug_implementations, reason = "objects are seen through COM only")]

mod client;
mod defects;
mod exports;
mod factory;
mod given;
mod module;
mod register;
mod server;
