//! Which side ended an operation first, and how sure that is.

use jiff::SignedDuration;

use super::collect;
use super::group::Group;
use super::read::{FileKind, LogFile};
use super::recording::Recording;
use super::report::{Certainty, Ended, Evidence, Operation, Outcome, Side};
use super::signs::{Item, Named, Role, Sign, Strength, before};

/// A cause of its own that comes later than this after an abort is another matter.
const LATER: SignedDuration = SignedDuration::from_secs(60);
/// How much of an entry is shown.
const SHOWN: usize = 160;

/// An item that may be what ended the operation.
#[derive(Clone, Copy, Debug)]
struct Origin<'a> {
    item: &'a Item,
    side: Side,
    strength: Strength,
    own: bool,
}

/// What was decided, and why it is no surer.
struct Decided<'a> {
    by: Side,
    certainty: Certainty,
    first: Vec<&'a Item>,
    doubts: Vec<String>,
}

pub(crate) fn operation(
    files: &[LogFile],
    recorded: Option<&Recording>,
    group: &Group,
) -> Operation {
    let has = |wanted: fn(&Role) -> bool| group.items.iter().any(|item| wanted(&item.sign.role()));
    let origins = origins(files, group);
    let succeeded = has(|role| *role == Role::Success);
    // A hint is a failure only where nothing tells of success.
    let failed = has(|role| *role == Role::Echo)
        || origins.iter().any(|origin| origin.strength > Strength::Hint || !succeeded);
    let recording = recorded.filter(|_| group.items.iter().any(|item| item.file == files.len()));
    let mut decided = if failed {
        decide(files, group, origins, recording)
    } else {
        nothing_failed(group, succeeded)
    };
    if failed && succeeded {
        decided.doubts.push("a success is told, too: was it tried again?".to_owned());
    }
    let outcome = match (failed, succeeded) {
        (true, _) => Outcome::Failed,
        (false, true) => Outcome::Succeeded,
        (false, false) => Outcome::Unknown,
    };
    written(files, recording, group, outcome, decided)
}

fn nothing_failed(group: &Group, succeeded: bool) -> Decided<'_> {
    let wanted = |item: &&Item| match item.sign.role() {
        Role::Success => succeeded,
        Role::Beside => !succeeded,
        Role::Origin { .. } | Role::Echo => false,
    };
    let first = group.items.iter().filter(wanted).collect();
    let (by, certainty) = match succeeded {
        true => (Side::Nobody, Certainty::Certain),
        false => (Side::Undecided, Certainty::Undecided),
    };
    Decided { by, certainty, first, doubts: Vec::new() }
}

fn origins<'a>(files: &[LogFile], group: &'a Group) -> Vec<Origin<'a>> {
    let clients = client_processes(files, group);
    let echoes: Vec<&Item> =
        group.items.iter().filter(|item| item.sign.role() == Role::Echo).collect();
    let of = |item: &'a Item| {
        let Role::Origin { side, mut strength, own } = item.sign.role() else { return None };
        if item.sign == Sign::OwnTrouble && just_before(item, &echoes) {
            strength = Strength::Follows;
        }
        if let Sign::Died { server: false, named, process } = item.sign {
            let own_log = files.get(item.file).is_none_or(|file| file.kind == FileKind::ClientLog);
            if (own_log && !named) || process.is_some_and(|process| clients.contains(&process)) {
                strength = Strength::Follows;
            }
        }
        Some(Origin { item, side, strength, own })
    };
    let found: Vec<Origin<'_>> = group.items.iter().filter_map(of).collect();
    let is_late = |one: &Origin<'_>| {
        echoes.iter().any(|echo| echo.file == one.item.file && before(echo, one.item) == Some(true))
    };
    // A hint counts only where there is nothing better than an abort that does not tell why, or of
    // the same side; and not where it is told after an abort.
    let better: Vec<Side> = found
        .iter()
        .filter(|one| one.strength > Strength::Hint && one.item.sign != Sign::InterfaceAborts)
        .map(|one| one.side)
        .collect();
    found
        .into_iter()
        .filter(|one| {
            let fits = better.is_empty() || better.contains(&one.side);
            one.strength > Strength::Hint || (fits && !is_late(one))
        })
        .collect()
}

/// Whether it comes just before the echoes, and before each of them.
fn just_before(item: &Item, echoes: &[&Item]) -> bool {
    let leads = |echo: &&Item| {
        (item.file == echo.file && before(item, echo) == Some(true)) || clearly_before(item, echo)
    };
    !echoes.is_empty() && echoes.iter().all(|echo| leads(echo) && !much_before(item, echo))
}

/// Whether a line shows that the interface is in play.
fn is_virtual(files: &[LogFile], item: &Item) -> bool {
    let named =
        ["VirtualDevice", "VIRTUAL_DEVICE"].iter().any(|word| item.record.text.contains(word));
    let of_client = matches!(item.sign, Sign::SawAbort | Sign::TimedOut | Sign::NotRegistered);
    named || of_client || item.file == files.len() || matches!(item.named, Some(Named::Set(_)))
}

/// The processes that are known to be the client's: its SQLVDI lines and its log name them.
fn client_processes(files: &[LogFile], group: &Group) -> Vec<u32> {
    let of = |item: &Item| match item.sign {
        Sign::ClientAborts if item.process.is_some() => item.process,
        Sign::Died { .. } => None,
        _ => {
            let file = files.get(item.file).filter(|file| file.kind == FileKind::ClientLog);
            let name = file.and(item.record.process.as_deref())?;
            name.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
        }
    };
    group.items.iter().filter_map(of).collect()
}

/// Whether the one was over when the other began, by their times; by their places where a file
/// tells no times.
fn clearly_before(one: &Item, other: &Item) -> bool {
    match (&one.record.moment, &other.record.moment) {
        (Some(first), Some(second)) => first.before(second) == Some(true),
        (None, None) => before(one, other) == Some(true),
        _ => false,
    }
}

fn decide<'a>(
    files: &[LogFile],
    group: &'a Group,
    origins: Vec<Origin<'a>>,
    recording: Option<&Recording>,
) -> Decided<'a> {
    let mut doubts = Vec::new();
    if let Some(decided) = contradicted(files, &origins, recording) {
        return decided;
    }
    let all = origins.clone();
    let origins = before_any_echo(files, group, origins, &mut doubts);
    let left = without_reactions(files, origins, &mut doubts);
    let is_first = |one: &&Origin<'_>| {
        !left
            .iter()
            .any(|other| other.side != one.side && before(other.item, one.item) == Some(true))
    };
    let first: Vec<Origin<'_>> = left.iter().filter(is_first).copied().collect();
    let mut sides: Vec<Side> = first.iter().map(|one| one.side).collect();
    sides.sort_unstable();
    sides.dedup();
    let [by] = sides[..] else {
        return undecided(&first, &sides, doubts, recording);
    };
    let told = left.iter().filter(|one| one.side == by).map(|one| one.strength).max();
    let foreign = all.iter().any(|one| {
        one.side != by && one.strength > Strength::Hint && one.item.sign != Sign::InterfaceAborts
    });
    let certainty = match told {
        Some(Strength::Told) if !foreign && is_confirmed(files, group, &first) => {
            Certainty::Certain
        }
        Some(Strength::Told | Strength::Follows) => Certainty::Likely,
        Some(Strength::Hint) | None => Certainty::Possible,
    };
    if certainty == Certainty::Likely && told == Some(Strength::Told) && !foreign {
        doubts.push(
            "no line of the other side is later for certain: that nothing came before is not shown"
                .to_owned(),
        );
    }
    // What is no reaction leads, then what says most.
    let mut first = first;
    first.sort_by_key(|one| {
        (!(one.own && one.strength > Strength::Hint), std::cmp::Reverse(one.strength))
    });
    let first = first.iter().map(|one| one.item).collect();
    Decided { by, certainty, first, doubts }
}

/// The logs say that the client aborted, and the recording of its half says that it did not.
fn contradicted<'a>(
    files: &[LogFile],
    origins: &[Origin<'a>],
    recording: Option<&Recording>,
) -> Option<Decided<'a>> {
    let innocent = recording.is_some_and(|recording| recording.saw_abort_first);
    let accused: Vec<&Item> = origins
        .iter()
        .filter(|one| one.item.sign == Sign::ClientAborts && one.item.file < files.len())
        .map(|one| one.item)
        .collect();
    let others = origins.iter().any(|one| one.own && one.side != Side::Client);
    if !innocent || accused.is_empty() || others {
        return None;
    }
    let doubts = vec![
        "a log says that the client called SignalAbort; in the recording of its half VD_E_ABORT came \
         before any such call: another process of the client, or not the same operation?"
            .to_owned(),
    ];
    Some(Decided { by: Side::Undecided, certainty: Certainty::Undecided, first: accused, doubts })
}

/// Without what may be a reaction, and came when the operation was over already: a statement that
/// had failed, or a command that had been aborted.
fn before_any_echo<'a>(
    files: &[LogFile],
    group: &Group,
    mut origins: Vec<Origin<'a>>,
    doubts: &mut Vec<String>,
) -> Vec<Origin<'a>> {
    let over =
        |item: &&Item| matches!(item.sign, Sign::Aborted | Sign::Terminated | Sign::SawAbort);
    let over: Vec<&Item> = group.items.iter().filter(over).collect();
    let mut late = Vec::new();
    origins.retain(|one| {
        let ends = |echo: &&&Item| {
            let events = files.get(echo.file).is_some_and(|file| file.kind.is_event_log());
            let here = echo.file == one.item.file && !events;
            clearly_before(echo, one.item) || (here && before(echo, one.item) == Some(true))
        };
        let ended = over.iter().find(ends).filter(|_| !one.own);
        late.extend(ended.map(|echo| (one.item.sign, echo.sign)));
        ended.is_none()
    });
    for (sign, echo) in late {
        let text =
            format!("{}, but that is later than another line: {}", sign.means(), echo.means());
        if !doubts.contains(&text) {
            doubts.push(text);
        }
    }
    origins
}

/// Without what is a reaction to something else.
fn without_reactions<'a>(
    files: &[LogFile],
    mut origins: Vec<Origin<'a>>,
    doubts: &mut Vec<String>,
) -> Vec<Origin<'a>> {
    // The error log is written at once, other lines when somebody gets round to it.
    let is_later = |one: &Item, other: &Item| {
        let at_once = files.get(other.file).is_some_and(|file| file.kind == FileKind::ErrorLog);
        much_before(one, other) || (at_once && clearly_before(one, other))
    };

    // TriggerAbort goes with every SignalAbort; by itself it counts if it is clearly the first.
    let others: Vec<Origin<'_>> =
        origins.iter().filter(|one| one.item.sign != Sign::InterfaceAborts).copied().collect();
    let leads = |trigger: &Item| others.iter().all(|other| clearly_before(trigger, other.item));
    origins.retain(|one| one.item.sign != Sign::InterfaceAborts || leads(one.item));
    // What is no reaction comes before what may be one, whatever is written first; unless it is
    // much later.
    let own: Vec<Origin<'_>> =
        origins.iter().filter(|one| one.own && one.strength > Strength::Hint).copied().collect();
    let mut reactions: Vec<Side> = Vec::new();
    origins.retain(|one| {
        let reacts = !one.own
            && own.iter().any(|other| other.side != one.side && !is_later(one.item, other.item));
        if reacts && one.item.sign != Sign::InterfaceAborts {
            reactions.push(one.side);
        }
        !reacts
    });
    let later: Vec<*const Item> = own
        .iter()
        .filter(|other| origins.iter().any(|one| !one.own && is_later(one.item, other.item)))
        .map(|other| std::ptr::from_ref(other.item))
        .collect();
    origins.retain(|one| !later.contains(&std::ptr::from_ref(one.item)));
    reactions.sort_unstable();
    reactions.dedup();
    for side in reactions {
        doubts.push(format!("the {} ended it too; that is taken for a reaction", side.word()));
    }
    origins
}

fn much_before(one: &Item, other: &Item) -> bool {
    let (Some(first), Some(second)) = (&one.record.moment, &other.record.moment) else {
        return false;
    };
    let apart = if one.file == other.file {
        Some(first.until_in_file(second))
    } else {
        first.until(second)
    };
    apart.is_some_and(|apart| apart > LATER)
}

/// Whether the other side's lines are echoes of an abort, all of them later for certain; or the
/// recording itself holds what was done first.
fn is_confirmed(files: &[LogFile], group: &Group, first: &[Origin<'_>]) -> bool {
    let recorded =
        first.iter().any(|one| one.item.file == files.len() && one.strength == Strength::Told);
    let echoes: Vec<&Item> = group
        .items
        .iter()
        .filter(|item| matches!(item.sign, Sign::Aborted | Sign::Terminated | Sign::Cancelled))
        .collect();
    let aborted = echoes.iter().any(|item| item.sign == Sign::Aborted);
    let stopped = first.iter().any(|one| matches!(one.item.sign, Sign::Stops | Sign::Killed));
    let later = |item: &&Item| {
        first.iter().filter(|one| one.strength == Strength::Told).any(|one| {
            let events = files.get(item.file).is_some_and(|file| file.kind.is_event_log());
            match events && one.item.file == item.file {
                true => clearly_before(one.item, item),
                false => before(one.item, item) == Some(true),
            }
        })
    };
    recorded || ((aborted || (stopped && !echoes.is_empty())) && echoes.iter().all(later))
}

fn undecided<'a>(
    first: &[Origin<'a>],
    sides: &[Side],
    mut doubts: Vec<String>,
    recording: Option<&Recording>,
) -> Decided<'a> {
    if !sides.is_empty() {
        let names: Vec<&str> = sides.iter().map(|side| side.word()).collect();
        doubts.push(format!("which came first is not known: {}", names.join(" or ")));
    }
    if recording.is_some_and(|recording| recording.saw_abort_first) {
        doubts.push(
            "it was not the recorded client: it was told of the abort before it had done anything"
                .to_owned(),
        );
    }
    let first = first.iter().map(|one| one.item).collect();
    Decided { by: Side::Undecided, certainty: Certainty::Undecided, first, doubts }
}

fn written(
    files: &[LogFile],
    recording: Option<&Recording>,
    group: &Group,
    outcome: Outcome,
    decided: Decided<'_>,
) -> Operation {
    let Decided { by, certainty, first, mut doubts } = decided;
    let evidence = |item: &Item| evidence(files, recording, item);
    let cause = first.first().map(|item| item.sign);
    let mut rest: Vec<&Item> = group
        .items
        .iter()
        .filter(|item| !first.iter().any(|one| std::ptr::eq(*one, *item)))
        .collect();
    rest.sort_by(|one, other| match before(one, other) {
        Some(true) => std::cmp::Ordering::Less,
        Some(false) => std::cmp::Ordering::Greater,
        None => (one.file, one.record.place).cmp(&(other.file, other.record.place)),
    });
    let follows = |item: &&&Item| item.sign.role() != Role::Beside;
    if cause == Some(Sign::InterfaceAborts) && by == Side::Interface {
        doubts.push(
            "TriggerAbort does not tell what moved the interface: a process that is gone, a client that \
             answers too late, or memory"
                .to_owned(),
        );
    }
    let by_device =
        matches!(cause, Some(Sign::Answered(_) | Sign::NoSet | Sign::MayNotUse | Sign::NoMemory));
    if by_device && !group.items.iter().any(|item| is_virtual(files, item)) {
        doubts.push(
            "no line says that this is a virtual device: it is taken for one, since its name is no path"
                .to_owned(),
        );
    }
    let followed = rest.iter().filter(follows).map(|item| evidence(item)).collect();
    let beside = rest.iter().filter(|item| !follows(item)).map(|item| evidence(item));
    let beside = beside.chain(group.beside.iter().map(evidence)).collect();
    let answer = answer(by, &first, outcome);
    let next = collect::next(files, recording, by, certainty, cause);
    let cause = match (by, cause) {
        (Side::Undecided, _) if outcome == Outcome::Failed => "undecided".to_owned(),
        (_, Some(sign)) => sign.id().to_owned(),
        (_, None) => "undecided".to_owned(),
    };
    let first = first.into_iter().map(evidence).collect();
    Operation {
        set: group.set.clone(),
        outcome,
        ended: Ended { by, certainty, cause, answer },
        first,
        followed,
        beside,
        doubts,
        next,
    }
}

fn evidence(files: &[LogFile], recording: Option<&Recording>, item: &Item) -> Evidence {
    let path = files.get(item.file).map(|file| file.path.clone());
    let file =
        path.or_else(|| recording.map(|recording| recording.path.clone())).unwrap_or_default();
    let line = item.record.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    };
    Evidence {
        file,
        line: item.record.line,
        time: item.record.time.clone(),
        process: item.record.process.clone(),
        says: item.sign.id().to_owned(),
        means: item.sign.means(),
        text,
    }
}

fn answer(by: Side, first: &[&Item], outcome: Outcome) -> String {
    let cause = first.first().map(|item| item.sign);
    let means = cause.map(Sign::means).unwrap_or_default();
    let party = format!("the {} ", by.word());
    let own = |item: &&Item| {
        let means = item.sign.means();
        means.strip_prefix(&party).map_or(means.clone(), |rest| format!("it {rest}"))
    };
    let mut its: Vec<String> = first.iter().map(own).collect();
    its.dedup();
    its.truncate(2);
    match (by, cause) {
        (Side::Nobody, _) => "It succeeded.".to_owned(),
        (Side::Undecided, Some(Sign::NotVirtual)) => {
            "Nothing of the interface: this backup goes to a file, not to a virtual device."
                .to_owned()
        }
        (Side::Undecided, Some(_)) => {
            let mut all: Vec<String> = first.iter().map(|item| item.sign.means()).collect();
            all.dedup();
            match all.as_slice() {
                [one] => {
                    format!("Which side ended it first is open: {one}, and that cannot be all.")
                }
                all => format!("Which came first, the lines do not tell: {}.", all.join("; or ")),
            }
        }
        (Side::Undecided, None) if outcome == Outcome::Failed => {
            "It failed, and no line tells which side ended it first: there are only echoes."
                .to_owned()
        }
        (Side::Undecided, None) => "Neither success nor failure is told.".to_owned(),
        (_, Some(Sign::NoSet | Sign::NotRegistered | Sign::NotMade(_) | Sign::MayNotUse)) => {
            format!("It never began: {means}.")
        }
        (Side::Server, Some(Sign::Refused(_))) => {
            format!("The server refused the statement: {means}.")
        }
        (Side::Caller, _) => format!("Whoever issued the statement ended it first: {means}."),
        (Side::Environment, _) => format!("Nobody ended it; it could not go on: {means}."),
        (side, _) => {
            format!("The {} ended it first: {}.", side.word(), its.join(", and "))
        }
    }
}
