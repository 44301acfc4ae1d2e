//! `vdi-com-adapter.exe`: an adapter that drives any `sqlvdi.dll` by COM, the client's half and
//! the server's: one that is registered, or one by its path.
//!
//! ```sh
//! vdi run --adapter 'vdi-com-adapter.exe'
//! vdi run --adapter 'vdi-com-adapter.exe --dll C:\somewhere\sqlvdi.dll'
//! ```
//!
//! | option | what it does |
//! | --- | --- |
//! | `--dll PATH` | that library, by LoadLibrary and DllGetClassObject; else the classes as they are registered |
//! | `--processes` | server and clients are processes of their own, which can be killed; else threads of one |
//! | `--queue-depth N` | so many commands a device of that library takes |
//! | `--contract` | no adapter: what COM asks of the library is tried, and what fails is printed; `--try NAME` tries one thing |
//!
//! For each scenario a process of its own is started, and in it the library loaded anew. Sets
//! of ours bear names of that process alone; another library's are the system's, so that with
//! it `--jobs 1` is to be said.
//!
//! Read first: `library`, `objects`, `contract`.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `library` | loading, classes |
//! | `objects` | each function called |
//! | `buffer` | buffers, and the mark by which one is known |
//! | `requests` | what the server has sent, and completion routines |
//! | `contract`, `unloading` | ids, counts, unloading |

#[cfg(windows)]
#[expect(unsafe_code, reason = "bytes at another library's address")]
mod buffer;
#[cfg(windows)]
#[expect(unsafe_code, reason = "the contract is tried at the table of functions")]
mod contract;
#[cfg(windows)]
#[expect(unsafe_code, reason = "the one way to COM")]
mod library;
#[cfg(windows)]
#[expect(unsafe_code, reason = "the functions of other people's objects")]
mod objects;
#[cfg(windows)]
#[expect(unsafe_code, reason = "structures that another library writes")]
mod requests;
#[cfg(windows)]
mod run;
#[cfg(windows)]
#[expect(unsafe_code, reason = "the same")]
mod unloading;

use std::process::ExitCode;

/// What the command line asks for.
#[cfg(windows)]
#[must_use]
pub fn main() -> ExitCode {
    run::run()
}

/// Nothing, where there is no COM.
#[cfg(not(windows))]
#[must_use]
#[expect(clippy::print_stderr, reason = "a program says why it does nothing")]
pub fn main() -> ExitCode {
    eprintln!("vdi-com-adapter: COM is on Windows; from Linux it runs under Wine");
    ExitCode::from(69)
}
