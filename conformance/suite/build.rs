//! The scenarios are embedded: a change of one rebuilds the crate.

fn main() {
    println!("cargo:rerun-if-changed=../../scenarios");
}
