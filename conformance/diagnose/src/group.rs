//! Which lines are of one operation: by the name of the set, by session, by time.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::read::{FileKind, LogFile};
use super::recording::Recording;
use super::signs::{Item, Named, Role, Sign, Strength};

/// Lines that are further apart are of different operations, though the name be the same.
const APART: SignedDuration = SignedDuration::from_mins(10);
/// A line without a name belongs to the operation beside it, up to so far.
const BESIDE: SignedDuration = SignedDuration::from_mins(5);
/// Devices of one session that fail within so much are of one set.
const TOGETHER: SignedDuration = SignedDuration::from_secs(2);

/// With so many of the last lines a further one is compared.
const LAST: usize = 64;

/// The lines of one operation.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// The set's name, as it is written first.
    pub(crate) set: Option<String>,
    /// What is of it.
    pub(crate) items: Vec<Item>,
    /// What lies beside it, and may be of something else.
    pub(crate) beside: Vec<Item>,
}

/// Whether it ends every operation of its time: the server, a process.
const fn is_of_all(sign: Sign) -> bool {
    matches!(sign, Sign::Stops | Sign::Died { .. })
}

/// The operations that the items are of, in the order in which they begin.
pub(crate) fn operations(
    files: &[LogFile],
    items: Vec<Item>,
    recorded: Option<&Recording>,
) -> Vec<Group> {
    let (named, rest): (Vec<Item>, Vec<Item>) =
        items.into_iter().partition(|item| item.named.is_some());
    let mut groups: Vec<Group> = Vec::new();
    for (_, items) in by_name(named) {
        groups.extend(by_time(items).into_iter().map(|items| {
            let set = items.iter().filter_map(|item| item.named.as_ref());
            let set = set
                .clone()
                .find(|named| matches!(named, Named::Set(_)))
                .or_else(|| set.clone().next());
            Group { set: set.map(|named| named.name().to_owned()), items, beside: Vec::new() }
        }));
    }
    if groups.is_empty() {
        groups.extend(by_time(rest).into_iter().map(|items| Group { items, ..Group::default() }));
    } else {
        place(files, &mut groups, rest);
    }
    if let Some(recording) = recorded {
        join_recording(&mut groups, recording);
    }
    // Hints make an operation only where nothing better does.
    if groups.iter().any(told) {
        groups.retain(told);
    } else {
        groups.retain(hinted);
    }
    groups.sort_by_key(|group| group.items.iter().map(|item| (item.file, item.record.place)).min());
    groups
}

fn told(group: &Group) -> bool {
    group.items.iter().any(|item| tells(item.sign))
}

fn hinted(group: &Group) -> bool {
    group.items.iter().any(|item| item.sign == Sign::OwnTrouble)
}

/// Whether a sign by itself makes an operation.
const fn tells(sign: Sign) -> bool {
    match sign.role() {
        Role::Origin { strength, .. } => !matches!(strength, Strength::Hint),
        Role::Echo | Role::Success => true,
        Role::Beside => matches!(sign, Sign::NotVirtual),
    }
}

/// The same set: sets that one snapshot freezes together share a GUID, with a number behind it.
fn key(name: &str) -> String {
    let name = name.to_lowercase();
    match name.split_once('}') {
        Some((guid, number)) if guid.len() == 37 && number.chars().all(|c| c.is_ascii_digit()) => {
            guid.trim_start_matches('{').to_owned()
        }
        _ => name,
    }
}

fn by_name(items: Vec<Item>) -> BTreeMap<String, Vec<Item>> {
    let of = |item: &Item| item.named.as_ref().map(|named| key(named.name())).unwrap_or_default();
    let is_set = |item: &&Item| matches!(item.named, Some(Named::Set(_)));
    let sets: Vec<String> = items.iter().filter(is_set).map(of).collect();
    // A device that is not named as a set is: named after one, or failing with another of its
    // session.
    let mut same: BTreeMap<String, String> = BTreeMap::new();
    for item in &items {
        let name = of(item);
        let longest =
            sets.iter().filter(|set| name.starts_with(set.as_str())).max_by_key(|set| set.len());
        if let Some(set) = longest {
            same.insert(name, set.clone());
        }
    }
    for pair in items.windows(2) {
        let (one, two) = (of(&pair[0]), of(&pair[1]));
        if one != two && !sets.contains(&two) && together(&pair[0], &pair[1]) {
            let first = same.get(&one).cloned().unwrap_or(one);
            same.entry(two).or_insert(first);
        }
    }
    let mut groups: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for item in items {
        let name = of(&item);
        groups.entry(same.get(&name).cloned().unwrap_or(name)).or_default().push(item);
    }
    groups
}

fn together(one: &Item, two: &Item) -> bool {
    let sessions = one.record.process.is_some() && one.record.process == two.record.process;
    let own = one.record.process.as_deref().is_some_and(|name| name.starts_with("spid"));
    let near = apart(one, two).is_some_and(|apart| apart <= TOGETHER);
    one.file == two.file && sessions && own && near
}

/// How far apart two lines are in time, if that is known.
fn apart(one: &Item, two: &Item) -> Option<SignedDuration> {
    let (first, second) = (one.record.moment.as_ref()?, two.record.moment.as_ref()?);
    if one.file == two.file {
        return Some(first.until_in_file(second).abs());
    }
    first.until(second).map(SignedDuration::abs)
}

/// Parts what is too far apart in time.
fn by_time(items: Vec<Item>) -> Vec<Vec<Item>> {
    let mut parted: Vec<Vec<Item>> = Vec::new();
    for item in items {
        let fits = |group: &Vec<Item>| {
            let known = group.iter().rev().take(LAST).filter_map(|other| apart(other, &item));
            known.min().is_none_or(|apart| apart <= APART)
        };
        match parted.iter_mut().rev().find(|group| fits(group)) {
            Some(group) => group.push(item),
            None => parted.push(vec![item]),
        }
    }
    parted
}

/// Gives lines without a name to the operation that they lie beside.
fn place(files: &[LogFile], groups: &mut Vec<Group>, items: Vec<Item>) {
    let only = groups.len() == 1;
    let mut homeless = Vec::new();
    for item in items {
        if is_of_all(item.sign) {
            let mut placed = false;
            for group in groups.iter_mut() {
                if distance(group, &item).is_none_or(|(_, apart, _)| apart <= BESIDE) {
                    group.items.push(item.clone());
                    placed = true;
                }
            }
            if !placed {
                homeless.push(item);
            }
            continue;
        }
        let nearest = groups
            .iter()
            .enumerate()
            .filter_map(|(at, group)| Some((distance(group, &item)?, at)))
            .filter(|((_, apart, _), _)| *apart <= BESIDE)
            .min();
        let timeless = || groups.iter().all(|group| distance(group, &item).is_none());
        let at = nearest.map(|(_, at)| at).or_else(|| (only && timeless()).then_some(0));
        match at {
            Some(at) if is_related(files, &groups[at], &item) => groups[at].items.push(item),
            Some(at) => groups[at].beside.push(item),
            None => homeless.push(item),
        }
    }
    groups.extend(by_time(homeless).into_iter().map(|items| Group { items, ..Group::default() }));
}

/// The session or process of a line, if it is one of its own: the server's threads share names.
fn session_of(item: &Item) -> Option<&str> {
    let shared = ["Backup", "Server", "Logon"];
    item.record.process.as_deref().filter(|name| !shared.contains(name))
}

/// How near a line is to a group: of the same session first, then by time, then by place in
/// the same file; nothing, if neither is known.
fn distance(group: &Group, item: &Item) -> Option<(bool, SignedDuration, usize)> {
    let to = |other: &Item| {
        let here = other.file == item.file;
        let place = if here { other.record.place.abs_diff(item.record.place) } else { usize::MAX };
        let session = session_of(item).filter(|own| session_of(other) == Some(*own));
        let stranger = !here || session.is_none();
        match apart(other, item) {
            Some(apart) => Some((stranger, apart, place)),
            None if here => Some((stranger, SignedDuration::ZERO, place)),
            None => None,
        }
    };
    let near = group.items.iter().filter_map(to).filter(|(_, apart, _)| *apart <= BESIDE).min();
    near.or_else(|| group.items.iter().filter_map(to).min())
}

/// Whether a message of the error log can be of this operation: it is of one of its sessions,
/// or the operation has none that is known.
fn is_related(files: &[LogFile], group: &Group, item: &Item) -> bool {
    let is_server_log =
        |file: usize| files.get(file).is_some_and(|file| file.kind == FileKind::ErrorLog);
    let session = |item: &Item| {
        let name = item.record.process.clone().filter(|_| is_server_log(item.file));
        name.filter(|name| name.starts_with("spid"))
    };
    let causes = matches!(item.sign.role(), Role::Origin { .. });
    let sessions: Vec<String> = group.items.iter().filter_map(session).collect();
    if let (Sign::Killed, Some(killed)) = (item.sign, item.process) {
        return sessions.is_empty() || sessions.contains(&format!("spid{killed}"));
    }
    match session(item) {
        Some(own) if causes && !sessions.is_empty() => sessions.contains(&own),
        None if causes && is_server_log(item.file) => {
            item.record.process.as_deref() == Some("Backup")
        }
        _ => true,
    }
}

fn join_recording(groups: &mut Vec<Group>, recording: &Recording) {
    let items = recording.items.clone();
    let same = |group: &&mut Group| match (&group.set, &recording.set) {
        (Some(one), Some(two)) => key(one) == key(two),
        _ => false,
    };
    let only_unnamed = groups.len() == 1 && (groups[0].set.is_none() || recording.set.is_none());
    if let Some(group) = groups.iter_mut().find(same) {
        group.items.extend(items);
    } else if only_unnamed {
        groups[0].set = groups[0].set.take().or_else(|| recording.set.clone());
        groups[0].items.extend(items);
    } else {
        groups.push(Group { set: recording.set.clone(), items, beside: Vec::new() });
    }
}
