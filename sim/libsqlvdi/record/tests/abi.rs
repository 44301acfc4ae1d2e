//! The recorder as programs and the loader meet it: its symbols and its name.

use std::collections::BTreeSet;
use std::fs;

use object::read::elf::ElfFile64;
use object::{Object, ObjectSymbol};
use vdi_spec::abi::SYMBOLS;

#[test]
fn it_has_the_published_symbols_and_a_name_of_its_own() {
    let here = std::env::current_exe().expect("a running test");
    let library = here.parent().expect("a folder").join("libsqlvdi_record.so");
    let data = fs::read(library).expect("the recorder");
    let file: ElfFile64 = ElfFile64::parse(&*data).expect("an ELF file");
    let exported: BTreeSet<&str> = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition() && symbol.is_global())
        .map(|symbol| symbol.name().expect("a name"))
        .collect();
    assert_eq!(exported, SYMBOLS.iter().copied().collect());
    let name = b"\0libsqlvdi-record.so\0";
    assert!(data.windows(name.len()).any(|bytes| bytes == name), "no SONAME");
}
