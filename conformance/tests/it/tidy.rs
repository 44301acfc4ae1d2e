//! The tree holds what the design says: files and functions stay
//! short, every clause and code cites a source.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use syn::spanned::Spanned;
use syn::visit::Visit;

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;

/// Files that are one table, as long as what it lists.
const TABLES: &[&str] = &[
    "sim/spec/src/clauses/table.rs",
    "conformance/reference/src/implementation/mutant.rs",
    "conformance/diagnose/src/words/messages.rs",
];

pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn sources(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = fs::read_dir(below).expect("a folder");
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub(crate) fn parse(path: &Path) -> syn::File {
    let text = fs::read_to_string(path).expect("a source file");
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The functions of a file, with their lengths in lines.
#[derive(Default)]
struct Functions(Vec<(String, usize)>);

impl Functions {
    fn add(&mut self, name: &syn::Ident, span: proc_macro2::Span) {
        self.0.push((name.to_string(), span.end().line - span.start().line + 1));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig.ident, item.block.span());
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig.ident, item.block.span());
        syn::visit::visit_impl_item_fn(self, item);
    }
}

#[test]
fn files_and_functions_stay_short() {
    let all: Vec<PathBuf> =
        ["sim", "conformance"].iter().flat_map(|folder| sources(&top().join(folder))).collect();
    assert!(all.len() > 60, "only {} files were found", all.len());
    for table in TABLES {
        assert!(top().join(table).is_file(), "{table} is no file any more");
    }
    for file in all {
        let lines = fs::read_to_string(&file).expect("a source file").lines().count();
        let table = TABLES.iter().any(|table| file.ends_with(table));
        assert!(lines <= FILE_LINES || table, "{}: {lines} lines", file.display());
        let mut functions = Functions::default();
        functions.visit_file(&parse(&file));
        for (name, lines) in functions.0 {
            assert!(lines <= FUNCTION_LINES, "{}: {name} has {lines} lines", file.display());
        }
    }
}

#[test]
fn every_clause_and_code_cites_a_source() {
    use vdi_sim::clauses::{CLAUSES, QUESTIONS};
    use vdi_sim::codes::{COMMANDS, FEATURES, HRESULTS, WIN32};
    use vdi_sim::config::CONFIG_RULES;

    let mut ids = BTreeSet::new();
    for row in CLAUSES {
        assert!(!row.sources.is_empty(), "{} cites nothing", row.id);
        assert!(row.sources.iter().all(|source| !source.topic.trim().is_empty()), "{}", row.id);
        assert!(row.demand.ends_with('.') && row.demand.len() > 20, "{}", row.id);
        assert!(ids.insert(row.id), "{} stands twice", row.id);
        let words = row.id.split(['.', '-']).all(|word| !word.is_empty());
        assert!(words && row.id.contains('.'), "{} does not read by itself", row.id);
    }
    for row in QUESTIONS {
        assert!(!row.sources.is_empty() && !row.readings.is_empty(), "{}", row.id);
        assert!(ids.insert(row.id), "{} stands twice", row.id);
    }
    let topics = HRESULTS
        .iter()
        .map(|row| (row.name, row.source))
        .chain(WIN32.iter().map(|row| (row.name, row.source)))
        .chain(COMMANDS.iter().map(|row| (row.name, row.source)))
        .chain(FEATURES.iter().map(|row| (row.name, row.source)))
        .chain(CONFIG_RULES.iter().map(|row| (row.id, row.source)));
    for (name, source) in topics {
        assert!(!source.topic.trim().is_empty(), "{name} cites nothing");
    }
}

/// Names and numbers go both ways through every table.
#[test]
fn codes_are_read_by_name_and_number() {
    use vdi_sim::codes::{COMMANDS, CommandCode, HRESULTS, HResult, WIN32, Win32};

    for row in HRESULTS {
        assert_eq!(row.name.parse(), Ok(row.code));
        assert_eq!(format!("0x{:08X}", row.code.0).parse(), Ok(row.code));
        assert_eq!(row.code.0.to_string().parse::<HResult>(), Ok(row.code));
        assert_eq!(row.code.to_string(), row.name);
        row.aliases.iter().for_each(|alias| assert_eq!(alias.parse(), Ok(row.code)));
    }
    for row in WIN32 {
        assert_eq!(row.name.parse::<Win32>(), Ok(row.code));
        assert_eq!(row.code.0.to_string().parse::<Win32>(), Ok(row.code));
        assert_eq!(row.code.to_string(), row.name);
    }
    for row in COMMANDS {
        assert_eq!(row.name.parse::<CommandCode>(), Ok(row.code));
        assert_eq!(row.code.number().to_string().parse::<CommandCode>(), Ok(row.code));
        assert_eq!(row.code.info().name, row.name);
    }
    assert_eq!(COMMANDS.len(), 19);
}

/// What the top level may hold.
const TOP: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "conformance",
    "findings",
    "scenarios",
    "sim",
    "snapshots",
];

/// What git tracks at the top level; nothing, where this is no checkout or there is no git.
fn tracked() -> Option<BTreeSet<String>> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(top()).output().ok()?;
    let paths = String::from_utf8_lossy(&listed.stdout).into_owned();
    let paths = paths.split('\0').filter(|path| !path.is_empty());
    let names: BTreeSet<String> =
        paths.map(|path| path.split('/').next().unwrap_or_default().to_owned()).collect();
    (listed.status.success() && !names.is_empty()).then_some(names)
}

/// What lies at the top level and is ours by its looks: source, or a package. Whatever else
/// a user may have made by following the documentation.
fn source_at_the_top() -> BTreeSet<String> {
    let entries = fs::read_dir(top()).expect("the top level").map(|entry| entry.expect("an entry"));
    let is_ours = |path: &Path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("rs" | "toml")) || path.join("Cargo.toml").is_file()
    };
    entries
        .filter(|entry| is_ours(&entry.path()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// The top level is what it is meant to be: of what git tracks, so that whatever a user makes
/// there, such as a kit or a folder of data, is the user's own.
#[test]
#[expect(clippy::print_stderr, reason = "that less was looked at belongs into the log")]
fn the_top_level_holds_nothing_else() {
    let names = tracked().unwrap_or_else(|| {
        eprintln!("no git checkout here: of the top level only source files are looked at");
        source_at_the_top()
    });
    let mine = |name: &&String| !name.starts_with('.') && !TOP.contains(&name.as_str());
    let stray: Vec<&String> = names.iter().filter(mine).collect();
    assert!(
        stray.is_empty(),
        "{stray:?} at the top level, where only {TOP:?} belong: move it into one of these, or take \
         it out of git (`git rm --cached`) if it is nobody's but yours"
    );
}

/// What each crate of the workspace is built of: the names of its dependencies, without those
/// of its tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = std::process::Command::new(cargo)
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(top())
        .output()
        .expect("cargo metadata");
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("what cargo metadata writes");
    let text = |of: &serde_json::Value| of.as_str().unwrap_or_default().to_owned();
    let of = |package: &serde_json::Value| {
        let all = package["dependencies"].as_array().expect("dependencies");
        let built = all.iter().filter(|one| one["kind"].is_null()).map(|one| text(&one["name"]));
        (text(&package["name"]), built.collect())
    };
    metadata["packages"].as_array().expect("packages").iter().map(of).collect()
}

/// The walls between the crates: who is built of what.
#[test]
fn walls() {
    let crates = dependencies();
    let needs = |name: &str| &crates[name];
    for (name, allowed) in [
        ("vdi_model", &["smallvec", "vdi_spec"][..]),
        ("vdi_runtime", &["libc", "rustix", "vdi_spec", "windows-sys"]),
        ("vdi_reference", &["vdi_spec"]),
    ] {
        let beyond: Vec<&String> =
            needs(name).iter().filter(|one| !allowed.contains(&one.as_str())).collect();
        assert!(beyond.is_empty(), "{name} is built of {beyond:?}, too");
    }
    for library in [
        "libsqlvdi",
        "libsqlvdi-record",
        "vdi_com_server",
        "vdi_com_record",
        "vdi_runtime",
        "vdi_recorder",
    ] {
        let mut all: BTreeSet<&str> = BTreeSet::new();
        let mut next = vec![library];
        while let Some(name) = next.pop() {
            if all.insert(name) {
                next.extend(crates.get(name).into_iter().flatten().map(String::as_str));
            }
        }
        for oracle in ["vdi_model", "vdi_check", "vdi_explore", "vdi_simulate"] {
            assert!(!all.contains(oracle), "{library} is built of {oracle}");
        }
    }
    for facade in ["sim/src/lib.rs", "conformance/src/lib.rs"] {
        let items = parse(&top().join(facade)).items;
        let only = |item| matches!(item, &syn::Item::Use(_) | &syn::Item::Mod(_));
        assert!(items.iter().all(only), "{facade} only re-exports");
    }
}
