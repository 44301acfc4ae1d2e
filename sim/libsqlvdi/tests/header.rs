//! The headers name what the tables of codes name, with the same numbers, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use vdi_spec::codes::{COMMANDS, FEATURES, Features, HRESULTS, HResult, WIN32};
use vdi_spec::config::VdConfig;

/// Every constant that the documents name, with its number.
fn constants() -> BTreeMap<String, u32> {
    let features = FEATURES.iter().map(|row| (format!("VDF_{}", row.name), row.bit.0));
    let media = [
        ("VDF_LikePipe", Features::LIKE_PIPE),
        ("VDF_LikeTape", Features::LIKE_TAPE),
        ("VDF_LikeDisk", Features::LIKE_DISK),
    ];
    let media = media.into_iter().map(|(name, bits)| (name.to_owned(), bits.0));
    // Of no table: nothing of the interface uses them.
    let published =
        [("VDC_Beginning", 0), ("VDC_Current", 1), ("VDC_End", 2), ("SEVERITY_ERROR", 1)];
    let published = published.into_iter().map(|(name, number)| (name.to_owned(), number));
    let commands = COMMANDS.iter().map(|row| (format!("VDC_{}", row.name), row.code as u32));
    let mut all: BTreeMap<String, u32> =
        features.chain(media).chain(commands).chain(published).collect();
    // No number of VD_E_IO_ERROR is published.
    for row in HRESULTS.iter().filter(|row| row.code != HResult::VD_E_IO_ERROR) {
        all.extend([row.name].iter().chain(row.aliases).map(|name| (name.to_string(), row.code.0)));
    }
    for row in WIN32 {
        all.extend([row.name].iter().chain(row.aliases).map(|name| (name.to_string(), row.code.0)));
    }
    all
}

/// The fields of VDConfig, in their order.
fn fields() -> Vec<String> {
    let config = VdConfig {
        device_count: 1,
        features: Features(1),
        prefix_zone_size: 1,
        alignment: 1,
        soft_file_mark_block_size: 1,
        eom_warning_size: 1,
        server_time_out: 1,
        block_size: 1,
        max_io_depth: 1,
        max_transfer_size: 1,
        buffer_area_size: 1,
    };
    let text = serde_json::to_string(&config).expect("serialises");
    // As it is written; a map of JSON values need not keep the order.
    text.split('"').filter(|part| text.contains(&format!("\"{part}\":"))).map(Into::into).collect()
}

fn include() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

/// What a C++ program sees that prints them all.
#[test]
fn a_program_sees_the_numbers_of_the_tables() {
    let (constants, fields) = (constants(), fields());
    assert_eq!(fields.len(), 11, "{fields:?}");
    let mut source = String::from(
        "#include <stddef.h>\n#include <stdio.h>\n#include \"vdi.h\"\n#include \"vdierror.h\"\n\
         int main() {\n",
    );
    for name in constants.keys() {
        source += &format!("printf(\"{name} %u\\n\", (unsigned)({name}));\n");
    }
    for field in &fields {
        source += &format!("printf(\"{field} %zu\\n\", offsetof(VDConfig, {field}));\n");
    }
    source += "}\n";
    let folder = TempDir::new().expect("a folder");
    let (file, program) = (folder.path().join("all.cpp"), folder.path().join("all"));
    fs::write(&file, source).expect("written");
    let mut compiler = Command::new("g++");
    compiler.args(["-std=c++11", "-Wall", "-Wextra", "-Werror", "-I"]).arg(include());
    let compiled = compiler.arg(&file).arg("-o").arg(&program).output().expect("g++ starts");
    let told = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{told}");
    let printed = Command::new(&program).output().expect("it starts").stdout;
    let mut expected = String::new();
    for (name, number) in &constants {
        expected += &format!("{name} {number}\n");
    }
    for (index, field) in fields.iter().enumerate() {
        expected += &format!("{field} {}\n", 4 * index);
    }
    assert_eq!(String::from_utf8(printed).expect("text"), expected);
}

/// Nothing is named that the tables do not have.
#[test]
fn the_headers_name_nothing_else() {
    let known = constants();
    let mut all = BTreeSet::new();
    for header in ["vdi.h", "vdierror.h"] {
        let text = fs::read_to_string(include().join(header)).expect("a header");
        for line in text.lines().map(str::trim) {
            let define = line.strip_prefix("#define ").filter(|rest| rest.contains(' '));
            let constant = line.split_once(" = ").filter(|(name, _)| name.starts_with("VD"));
            let name = define.and_then(|rest| rest.split_once(' ')).or(constant);
            // What has arguments is no constant.
            if let Some((name, _)) = name.filter(|(name, _)| !name.contains('(')) {
                assert!(known.contains_key(name), "{header}: {name}");
                all.insert(name.to_owned());
            }
        }
    }
    assert_eq!(all.len(), known.len());
}

/// Compiles and nothing more.
fn compiles(compiler: &str, words: &[&str], include: &Path, source: &Path) {
    let mut command = Command::new(compiler);
    command.args(["-fsyntax-only", "-Wall", "-Wextra", "-Werror"]).args(words);
    let output = command.arg("-I").arg(include).arg(source).output().expect("a compiler starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler} {words:?} {}: {told}", source.display());
}

/// C++98 and later, and C, whatever they are strict about.
#[test]
fn every_language_takes_the_headers() {
    let folder = TempDir::new().expect("a folder");
    let own = folder.path().join("own.c");
    // In any order, twice, and what C has of it is used.
    let text = "#include \"vdierror.h\"\n#include \"vdi.h\"\n#include \"vdierror.h\"\n\
        int use(struct VDConfig *, const VDC_Command *);\n\
        int use(struct VDConfig *config, const VDC_Command *command) {\n\
        config->features = VDF_LatchStats | VDF_LikeTape;\n\
        return command->commandCode == VDC_Complete ? VD_E_ABORT : NOERROR;\n}\n";
    fs::write(&own, text).expect("written");
    for standard in ["c90", "c99", "c11", "c17"] {
        let standard = format!("-std={standard}");
        compiles("cc", &[&standard, "-pedantic", "-x", "c"], &include(), &own);
    }
    for standard in ["c++98", "c++03", "c++11", "c++14", "c++17", "c++20"] {
        let standard = format!("-std={standard}");
        compiles("g++", &[&standard, "-pedantic", "-x", "c++"], &include(), &own);
    }
}

/// Sources written for either header compile with the other: ours has all that the published
/// one declares, with the same types, and our clients use nothing that it does not have.
#[test]
fn published_names_types_and_values() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let published = here.join("tests/published");
    for include in [&published, &include()] {
        let types = here.join("tests/published/types.cpp");
        compiles("g++", &["-std=c++11", "-pthread"], include, &types);
        let mut clients = 0;
        for entry in fs::read_dir(here.join("clients")).expect("the clients") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "cpp") {
                compiles("g++", &["-std=c++11", "-pthread"], include, &path);
                clients += 1;
            }
        }
        assert!(clients >= 10, "only {clients} clients");
    }
}
