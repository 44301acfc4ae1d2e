//! The name of the library, which Cargo cannot give the file: a hyphen is none of Rust's.
//! `vdi install` writes it under that name.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libsqlvdi-record.so");
}
