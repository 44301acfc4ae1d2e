//! The tree holds what the design says: rooms import only rooms before them,
//! files and functions stay short, every clause and code cites a source.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use syn::spanned::Spanned;
use syn::visit::Visit;

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;

/// Files that are one table, as long as what it lists.
const TABLES: &[&str] = &["sim/src/clauses/table.rs", "conformance/src/plain/defect.rs"];

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(below: &Path) -> Vec<PathBuf> {
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

fn parse(path: &Path) -> syn::File {
    let text = fs::read_to_string(path).expect("a source file");
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rooms of each crate in their order; a room may import those listed with it.
const SIM: &[(&str, &[&str])] = &[
    ("codes", &[]),
    ("config", &["codes"]),
    ("abi", &["codes", "config"]),
    ("clauses", &["codes", "config"]),
    ("model", &["codes", "config", "clauses"]),
    ("trace", &["codes", "config", "clauses", "model"]),
    ("explore", &["codes", "config", "clauses", "model", "trace"]),
    ("check", &["codes", "config", "clauses", "model", "trace"]),
    // Every event of a world is judged as it happens.
    ("simulate", &["codes", "config", "clauses", "model", "trace", "check"]),
    // A real implementation shares nothing with the model that judges it.
    ("sync", &[]),
    ("runtime", &["codes", "config", "sync"]),
    ("record", &["codes", "config", "trace", "runtime"]),
];

const CONFORMANCE: &[(&str, &[&str])] = &[
    ("sync", &[]),
    ("plain", &["sync", "vdi_sim::codes", "vdi_sim::config"]),
    ("scenario", &["vdi_sim"]),
    ("adapter", &["sync", "plain", "vdi_sim"]),
    ("run", &["scenario", "adapter", "vdi_sim"]),
    ("engine", &["vdi_sim"]),
    ("gate", &["adapter", "run", "engine", "vdi_sim"]),
    ("baseline", &["scenario", "run", "vdi_sim"]),
    ("report", &["adapter", "baseline", "run", "vdi_sim"]),
    ("generate", &["scenario", "run", "vdi_sim"]),
    ("shrink", &["scenario", "adapter", "run", "vdi_sim"]),
    ("mutants", &["plain", "scenario", "adapter", "run", "vdi_sim"]),
    ("worlds", &["plain", "adapter", "vdi_sim"]),
    (
        "cli",
        &[
            "worlds", "plain", "scenario", "adapter", "run", "engine", "gate", "generate",
            "mutants", "baseline", "report", "shrink", "vdi_sim",
        ],
    ),
];

/// The names of rooms that a file refers to: `crate::room` as `room`,
/// `vdi_sim::room` as `vdi_sim::room`.
#[derive(Default)]
struct Imports(BTreeSet<String>);

impl Imports {
    fn path(&mut self, segments: &[String]) {
        match segments {
            [first, room, ..] if first == "crate" => {
                self.0.insert(room.clone());
            }
            [first, room, ..] if first == "vdi_sim" => {
                self.0.insert(format!("vdi_sim::{room}"));
            }
            _ => {}
        }
    }

    fn tree(&mut self, before: &[String], tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                let mut segments = before.to_vec();
                segments.push(path.ident.to_string());
                self.tree(&segments, &path.tree);
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.tree(before, item));
            }
            syn::UseTree::Name(name) => {
                let mut segments = before.to_vec();
                segments.push(name.ident.to_string());
                self.path(&segments);
            }
            syn::UseTree::Rename(_) | syn::UseTree::Glob(_) => self.path(before),
        }
    }
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> =
            path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.path(&segments);
        syn::visit::visit_path(self, path);
    }
}

fn check_rooms(source: &str, rooms: &[(&str, &[&str])]) {
    let folder = top().join(source);
    let mut met = BTreeSet::new();
    for file in sources(&folder) {
        let inside = file.strip_prefix(&folder).expect("below").to_owned();
        let room = inside.components().next().expect("a name").as_os_str().to_string_lossy();
        let room = room.trim_end_matches(".rs").to_owned();
        if ["lib", "main"].contains(&room.as_str()) {
            continue;
        }
        let (_, allowed) = rooms
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{}: the room `{room}` has no place yet", file.display()));
        met.insert(room.clone());
        let mut imports = Imports::default();
        imports.visit_file(&parse(&file));
        for import in imports.0 {
            let whole = import.split("::").next().unwrap_or_default();
            let fine = import == room
                || allowed.contains(&import.as_str())
                || (whole != import && allowed.contains(&whole));
            assert!(fine, "{}: `{room}` imports `{import}`", file.display());
        }
    }
    assert!(met.len() > 4, "{source}: too few rooms were looked at: {met:?}");
}

#[test]
fn rooms_import_only_rooms_before_them() {
    check_rooms("sim/src", SIM);
    check_rooms("conformance/src", CONFORMANCE);
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
    let mut all = Vec::new();
    for folder in [
        "sim/src",
        "sim/tests",
        "sim/benches",
        "sim/examples",
        "sim/libsqlvdi/src",
        "sim/libsqlvdi/tests",
        "sim/libsqlvdi/record/src",
        "sim/libsqlvdi/record/tests",
        "conformance/src",
        "conformance/tests",
    ] {
        all.extend(sources(&top().join(folder)));
    }
    assert!(all.len() > 60, "only {} files were found", all.len());
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
