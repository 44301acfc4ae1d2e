//! The Virtual Device Interface as COM has it on Windows: ids, tables of functions,
//! structures. Who offers it and who calls it share these, and what libraries of COM need of the
//! system besides.
//!
//! Every function stands where the published header has it, and takes what it takes there.
//! **BeginConfiguration** is in two orders in the documents: the reference page has the
//! alignment before the block size, the header the block size before the alignment. Both
//! are numbers of 32 bits, so nothing complains. Here it is the header's, which is what
//! compiled callers use.
//!
//! Read first: `IClientVirtualDeviceSet2`, `IServerVirtualDeviceSet2`, `RawRequest` (on Windows).
//!
//! Sources: the headers `vdi.h` and `vdiguid.h` (Windows edition); SQL Server VDI reference.

#![cfg(windows)]

mod interfaces;
#[expect(unsafe_code, reason = "what the system says of this library")]
pub mod module;
#[expect(unsafe_code, reason = "the functions of the registry")]
pub mod registry;
mod structures;

pub use interfaces::*;
pub use structures::*;
