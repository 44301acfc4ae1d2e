//! What keeps the house in order: no circle of imports, types of one subject in few
//! files, no record that everybody reaches into, no case of a call forgotten behind `_`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use quote::ToTokens;
use syn::visit::Visit;

use crate::tidy::{parse, sources, top};

/// Inherent impls of a type stand in at most so many files.
const IMPL_FILES: usize = 3;
/// Fields of a struct that more than its own file can reach.
const FIELDS: usize = 12;
/// Wider ones, each with the reason.
const WIDE: &[&str] = &[
    // The model's state: a plain value without a secret, which every rule reads; its order
    // is what states are compared and counted by.
    "State",
];
/// How often a public type's name may stand in one crate.
const NAMESAKES: usize = 2;

/// Enums of calls, commands and codes: a match over one of them names every case.
const NO_WILDCARD: &[&str] = &[
    "Action",
    "Ask",
    "Call",
    "ClientAsk",
    "ClientCall",
    "Command",
    "CommandCode",
    "Function",
    "Request",
    "SecondaryCall",
    "ServerAsk",
    "ServerCall",
];

/// The crates of the workspace: their folders.
fn crates() -> Vec<PathBuf> {
    let manifest = fs::read_to_string(top().join("Cargo.toml")).expect("the manifest");
    let members = manifest.split("members = [").nth(1).expect("members");
    let members = members.split(']').next().expect("an end");
    let found: Vec<PathBuf> =
        members.split('"').skip(1).step_by(2).map(|member| top().join(member)).collect();
    assert!(found.len() > 12, "only {} crates were found", found.len());
    found
}

/// A crate: its folder, and the sources below its `src`.
struct Crate {
    folder: PathBuf,
    files: Vec<(PathBuf, syn::File)>,
}

fn parsed() -> Vec<Crate> {
    let files = |folder: &Path| {
        let found = sources(&folder.join("src"));
        found.into_iter().map(|path| (path.clone(), parse(&path))).collect()
    };
    crates().into_iter().map(|folder| Crate { files: files(&folder), folder }).collect()
}

/// In one test, since reading all of it takes longest.
#[test]
fn the_house_is_in_order() {
    let crates = parsed();
    let wrong = [
        no_file_imports_in_a_circle(&crates),
        a_type_has_its_methods_in_few_files(&crates),
        no_struct_has_fields_that_everybody_reaches_into(&crates),
        no_call_command_or_code_is_forgotten_behind_a_wildcard(&crates),
        a_public_name_means_few_things_in_a_crate(&crates),
    ];
    let wrong: String = wrong.concat();
    assert!(wrong.is_empty(), "{wrong}");
}

fn short(path: &Path) -> String {
    let path = path.strip_prefix(top()).unwrap_or(path);
    path.display().to_string()
}

/// `src/a/b.rs` and `src/a/b/mod.rs` are the module `a::b`.
fn module_of(folder: &Path, file: &Path) -> Vec<String> {
    let inside = file.strip_prefix(folder.join("src")).expect("below src").with_extension("");
    let mut names: Vec<String> =
        inside.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        names.pop();
    }
    names
}

type Module = Vec<String>;

/// What a file says of names: what it defines, what it hands on, what it takes.
#[derive(Default)]
struct Names {
    defined: BTreeSet<String>,
    /// Name to the path it is re-exported from; `*` for globs.
    handed_on: Vec<(String, Vec<String>)>,
    taken: BTreeSet<Vec<String>>,
}

fn leaves(before: &[String], tree: &syn::UseTree, found: &mut Vec<(String, Vec<String>)>) {
    let with = |name: &syn::Ident| {
        let mut path = before.to_vec();
        path.push(name.to_string());
        path
    };
    match tree {
        syn::UseTree::Path(path) => leaves(&with(&path.ident), &path.tree, found),
        syn::UseTree::Group(group) => {
            group.items.iter().for_each(|item| leaves(before, item, found));
        }
        syn::UseTree::Name(name) if name.ident == "self" => {
            found.push((before.last().cloned().unwrap_or_default(), before.to_vec()));
        }
        syn::UseTree::Name(name) => found.push((name.ident.to_string(), with(&name.ident))),
        syn::UseTree::Rename(name) => found.push((name.rename.to_string(), with(&name.ident))),
        syn::UseTree::Glob(_) => found.push(("*".to_owned(), before.to_vec())),
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut found = Vec::new();
        leaves(&[], &item.tree, &mut found);
        for (name, path) in found {
            if matches!(item.vis, syn::Visibility::Inherited) {
                self.taken.insert(path);
            } else {
                self.handed_on.push((name, path));
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let path: Vec<String> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if path.len() > 1 && ["crate", "super", "self"].contains(&path[0].as_str()) {
            self.taken.insert(path);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        // Tests take what they like.
        if item.ident != "tests" {
            syn::visit::visit_item_mod(self, item);
        }
    }
}

fn defined(file: &syn::File) -> BTreeSet<String> {
    let name = |item: &syn::Item| match item {
        syn::Item::Struct(item) => Some(item.ident.to_string()),
        syn::Item::Enum(item) => Some(item.ident.to_string()),
        syn::Item::Trait(item) => Some(item.ident.to_string()),
        syn::Item::Fn(item) => Some(item.sig.ident.to_string()),
        syn::Item::Const(item) => Some(item.ident.to_string()),
        syn::Item::Static(item) => Some(item.ident.to_string()),
        syn::Item::Type(item) => Some(item.ident.to_string()),
        syn::Item::Macro(item) => item.ident.as_ref().map(ToString::to_string),
        _ => None,
    };
    file.items.iter().filter_map(name).collect()
}

/// A crate's modules and what each says of names.
struct Map(BTreeMap<Module, Names>);

impl Map {
    fn new(folder: &Path, files: &[(PathBuf, syn::File)]) -> Self {
        let mut map = BTreeMap::new();
        for (path, file) in files {
            let mut names = Names { defined: defined(file), ..Names::default() };
            names.visit_file(file);
            map.insert(module_of(folder, path), names);
        }
        Self(map)
    }

    /// Where a path begins, and what is left of it.
    fn start<'a>(&self, module: &Module, path: &'a [String]) -> Option<(Module, &'a [String])> {
        let mut from = module.clone();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => {
                from.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    from.pop();
                    rest = &rest[1..];
                }
            }
            // A child module, or another crate.
            name => {
                let mut child = from.clone();
                child.push(name.to_owned());
                self.0.get(&child)?;
            }
        }
        Some((from, rest))
    }

    /// The module in which what a path names is defined.
    fn definition(&self, module: &Module, path: &[String], depth: usize) -> Option<Module> {
        if depth == 0 {
            return None;
        }
        let (mut at, mut rest) = self.start(module, path)?;
        while let Some(name) = rest.first() {
            let mut child = at.clone();
            child.push(name.clone());
            if self.0.contains_key(&child) {
                at = child;
                rest = &rest[1..];
                continue;
            }
            let names = self.0.get(&at)?;
            if names.defined.contains(name) {
                return Some(at);
            }
            return names
                .handed_on
                .iter()
                .filter(|(known, _)| known == name || known == "*")
                .find_map(|(known, from)| {
                    let mut whole = from.clone();
                    if known == "*" {
                        whole.push(name.clone());
                    }
                    self.definition(&at, &whole, depth - 1)
                });
        }
        // A module itself is no definition: what is taken of it says which.
        None
    }

    fn arrows(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let mut arrows: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
        for (module, names) in &self.0 {
            let to = names.taken.iter().filter_map(|path| self.definition(module, path, 8));
            let to: BTreeSet<Module> = to.filter(|other| other != module).collect();
            arrows.insert(module.clone(), to);
        }
        arrows
    }
}

/// Modules that reach each other.
fn circles(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<Vec<Module>> {
    let reach = |from: &Module| {
        let mut seen: BTreeSet<Module> = BTreeSet::new();
        let mut next: Vec<Module> = arrows[from].iter().cloned().collect();
        while let Some(module) = next.pop() {
            if seen.insert(module.clone()) {
                next.extend(arrows.get(&module).into_iter().flatten().cloned());
            }
        }
        seen
    };
    let all: BTreeMap<Module, BTreeSet<Module>> =
        arrows.keys().map(|module| (module.clone(), reach(module))).collect();
    let mut found: BTreeSet<Vec<Module>> = BTreeSet::new();
    for (module, reached) in &all {
        if reached.contains(module) {
            let round = reached.iter().filter(|other| all[*other].contains(module));
            found.insert(round.cloned().collect());
        }
    }
    found.into_iter().collect()
}

fn no_file_imports_in_a_circle(crates: &[Crate]) -> String {
    let mut wrong = String::new();
    let mut arrows_seen = 0;
    for Crate { folder, files } in crates {
        let arrows = Map::new(folder, files).arrows();
        arrows_seen += arrows.values().map(BTreeSet::len).sum::<usize>();
        for circle in circles(&arrows) {
            wrong += &format!("{}:\n", short(folder));
            for module in &circle {
                let to: Vec<String> = arrows[module]
                    .iter()
                    .filter(|other| circle.contains(other))
                    .map(|other| other.join("::"))
                    .collect();
                wrong += &format!("  {} -> {}\n", module.join("::"), to.join(", "));
            }
        }
    }
    assert!(arrows_seen > 300, "only {arrows_seen} imports were understood");
    if wrong.is_empty() {
        wrong
    } else {
        format!("files import each other in a circle:\n{wrong}\n")
    }
}

fn name_of(kind: &syn::Type) -> Option<String> {
    match kind {
        syn::Type::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
        _ => None,
    }
}

/// The files in which inherent impls of each type stand.
fn impl_files(files: &[(PathBuf, syn::File)]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, file) in files {
        for item in &file.items {
            if let syn::Item::Impl(item) = item
                && item.trait_.is_none()
                && let Some(name) = name_of(&item.self_ty)
            {
                found.entry(name).or_default().insert(short(path));
            }
        }
    }
    found
}

fn a_type_has_its_methods_in_few_files(crates: &[Crate]) -> String {
    let mut wrong = String::new();
    for Crate { folder, files } in crates {
        for (name, files) in impl_files(files) {
            if files.len() > IMPL_FILES {
                let files: Vec<String> = files.into_iter().collect();
                wrong += &format!("{}: {name}: {}\n", short(folder), files.join(", "));
            }
        }
    }
    if wrong.is_empty() {
        wrong
    } else {
        format!("methods of one type in more than {IMPL_FILES} files:\n{wrong}\n")
    }
}

/// What is read or written as a whole: a format, a configuration, a command line.
fn is_record(item: &syn::ItemStruct) -> bool {
    item.attrs.iter().any(|attribute| {
        let text = attribute.to_token_stream().to_string();
        ["Serialize", "Deserialize", "Args", "Parser"].iter().any(|name| text.contains(name))
    })
}

fn no_struct_has_fields_that_everybody_reaches_into(crates: &[Crate]) -> String {
    let mut wrong = String::new();
    for Crate { files, .. } in crates {
        let impls = impl_files(files);
        for (path, file) in files {
            for item in &file.items {
                let syn::Item::Struct(item) = item else { continue };
                let open = item
                    .fields
                    .iter()
                    .any(|field| !matches!(field.vis, syn::Visibility::Inherited));
                let spread = impls.get(&item.ident.to_string()).is_some_and(|at| at.len() > 1);
                let wide = WIDE.contains(&item.ident.to_string().as_str());
                if item.fields.len() > FIELDS && (open || spread) && !wide && !is_record(item) {
                    let count = item.fields.len();
                    wrong += &format!("{}: {} has {count} fields\n", short(path), item.ident);
                }
            }
        }
    }
    if wrong.is_empty() { wrong } else { format!("structs that others reach into:\n{wrong}\n") }
}

/// Matches over the enums of [`NO_WILDCARD`] that have an arm `_`.
#[derive(Default)]
struct Wildcards {
    own: Option<String>,
    found: Vec<(String, usize)>,
}

fn enums_of(pattern: &syn::Pat, own: Option<&str>, found: &mut BTreeSet<String>) {
    let mut path = |path: &syn::Path| {
        let names: Vec<String> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if let [.., of, _] = names.as_slice() {
            found.insert(if of == "Self" { own.unwrap_or("Self").to_owned() } else { of.clone() });
        }
    };
    match pattern {
        syn::Pat::Path(one) => path(&one.path),
        syn::Pat::TupleStruct(one) => path(&one.path),
        syn::Pat::Struct(one) => path(&one.path),
        syn::Pat::Or(or) => or.cases.iter().for_each(|case| enums_of(case, own, found)),
        syn::Pat::Reference(inner) => enums_of(&inner.pat, own, found),
        _ => {}
    }
}

impl<'ast> Visit<'ast> for Wildcards {
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let before = self.own.take();
        self.own = name_of(&item.self_ty);
        syn::visit::visit_item_impl(self, item);
        self.own = before;
    }

    fn visit_expr_match(&mut self, item: &'ast syn::ExprMatch) {
        let mut enums = BTreeSet::new();
        for arm in &item.arms {
            enums_of(&arm.pat, self.own.as_deref(), &mut enums);
        }
        let wild = item.arms.iter().find(|arm| matches!(arm.pat, syn::Pat::Wild(_)));
        if let Some(arm) = wild
            && let Some(of) = enums.iter().find(|name| NO_WILDCARD.contains(&name.as_str()))
        {
            let line = syn::spanned::Spanned::span(&arm.pat).start().line;
            self.found.push((of.clone(), line));
        }
        syn::visit::visit_expr_match(self, item);
    }
}

fn no_call_command_or_code_is_forgotten_behind_a_wildcard(crates: &[Crate]) -> String {
    let mut wrong = String::new();
    for Crate { files, .. } in crates {
        for (path, file) in files {
            let mut wildcards = Wildcards::default();
            wildcards.visit_file(file);
            for (of, line) in wildcards.found {
                wrong += &format!("{}:{line}: `_` in a match over {of}\n", short(path));
            }
        }
    }
    if wrong.is_empty() { wrong } else { format!("name every case:\n{wrong}\n") }
}

fn a_public_name_means_few_things_in_a_crate(crates: &[Crate]) -> String {
    let mut wrong = String::new();
    for Crate { files, .. } in crates {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (path, file) in files {
            for item in &file.items {
                let (vis, name) = match item {
                    syn::Item::Struct(item) => (&item.vis, &item.ident),
                    syn::Item::Enum(item) => (&item.vis, &item.ident),
                    syn::Item::Trait(item) => (&item.vis, &item.ident),
                    syn::Item::Type(item) => (&item.vis, &item.ident),
                    _ => continue,
                };
                if !matches!(vis, syn::Visibility::Inherited) {
                    found.entry(name.to_string()).or_default().insert(short(path));
                }
            }
        }
        for (name, files) in found {
            if files.len() > NAMESAKES {
                let files: Vec<String> = files.into_iter().collect();
                wrong += &format!("{name}: {}\n", files.join(", "));
            }
        }
    }
    if wrong.is_empty() { wrong } else { format!("one word for one thing:\n{wrong}\n") }
}

/// A crate's front page says where to begin.
#[test]
fn every_crate_names_its_three_entries() {
    let mut wrong = String::new();
    for folder in crates() {
        let text = fs::read_to_string(folder.join("src/lib.rs")).expect("a library");
        let page: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let entries = page.split("Read first:").nth(1);
        let count = entries.map_or(0, |rest| {
            rest.split("//!").take(3).collect::<String>().matches('`').count() / 2
        });
        if entries.is_none() || count < 3 {
            wrong += &format!("{}: its front page names {count} entries\n", short(&folder));
        }
    }
    assert!(wrong.is_empty(), "`Read first:` and three types or functions:\n{wrong}");
}

/// A manifest allows what the sources import, and no more.
#[test]
fn every_dependency_is_used() {
    let mut wrong = String::new();
    for folder in crates() {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        let text: String = sources(&folder.join("src"))
            .iter()
            .map(|path| fs::read_to_string(path).expect("a source"))
            .collect();
        let mut within = false;
        for line in manifest.lines() {
            if line.starts_with('[') {
                within = line.ends_with("dependencies]") && !line.contains("dev-");
                continue;
            }
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if !within || name.is_empty() || name.starts_with('#') {
                continue;
            }
            let import = name.replace('-', "_");
            if !text.contains(&format!("{import}::")) && !text.contains(&format!("use {import}")) {
                wrong += &format!("{}: `{name}` is not used\n", short(&folder));
            }
        }
    }
    assert!(wrong.is_empty(), "dependencies that nothing asks for:\n{wrong}");
}
