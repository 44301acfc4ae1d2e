//! Pages for a browser: what readings, mutants, worlds and logs have come to.

use vdi_check::exit_code;
use vdi_html::{Case, Curve, Mark, Page, Plot, Row, Section, Tile};
use vdi_simulate::{Campaign, Coverage, Table};
use vdi_spec::clauses::{Clause, QUESTIONS};
use vdi_suite::run::{Answered, Followed};

use super::worlds::again;

pub(super) fn tile(value: impl ToString, label: &str, mark: impl Into<Option<Mark>>) -> Tile {
    Tile { value: value.to_string(), label: label.to_owned(), mark: mark.into() }
}

pub(super) fn row(mark: Mark, word: &str, cells: Vec<String>) -> Row {
    Row { mark, word: word.to_owned(), cells, party: None, clauses: Vec::new() }
}

/// The grid of questions and readings; `told` is what is said of each question.
pub(super) fn readings(
    answered: &[Answered],
    told: &dyn Fn(&Answered) -> String,
    facts: Vec<(&'static str, String)>,
    code: u8,
) -> Page {
    let rows: Vec<Row> = answered.iter().map(|answer| question(answer, &told(answer))).collect();
    let count = |mark| rows.iter().filter(|row| row.mark == mark).count();
    let tiles = vec![
        tile(count(Mark::Good), "questions answered", Mark::Good),
        tile(count(Mark::Bad), "contradicted or failing", Mark::Bad),
        tile(count(Mark::Open), "cannot be told", Mark::Open),
    ];
    Page {
        command: "vdi readings".to_owned(),
        title: format!("{} of {} questions answered", count(Mark::Good), rows.len()),
        code,
        facts,
        tiles,
        sections: vec![Section::Table {
            title: "Questions and readings".to_owned(),
            columns: vec!["question", "what it asks", "readings", "what was found"],
            rows,
        }],
    }
}

fn question(answer: &Answered, told: &str) -> Row {
    let (mark, word, followed): (Mark, &str, &[String]) = match &answer.followed {
        Followed::One(reading) => (Mark::Good, "follows", std::slice::from_ref(reading)),
        Followed::Several(readings) => (Mark::Good, "fits", readings),
        Followed::Only(reading) => (Mark::Open, "the only one", std::slice::from_ref(reading)),
        Followed::Inconsistent(_) => (Mark::Bad, "inconsistent", &[]),
        Followed::Failing => (Mark::Bad, "fails", &[]),
        Followed::Trouble(_) => (Mark::Bad, "trouble", &[]),
        Followed::Silence(_) => (Mark::Open, "silence", &[]),
        Followed::NotOffered => (Mark::Open, "not offered", &[]),
        Followed::NotShown => (Mark::Open, "not shown", &[]),
        Followed::NotRecorded => (Mark::Open, "not recorded", &[]),
    };
    let info = QUESTIONS.iter().find(|info| info.id == answer.question);
    let readings = info.into_iter().flat_map(|info| info.readings).map(|reading| {
        let is_followed = followed.iter().any(|one| one == reading.id);
        format!("{} {}", if is_followed { "●" } else { "○" }, reading.id)
    });
    let asks = info.map(|info| info.text.to_owned()).unwrap_or_default();
    let grid = readings.collect::<Vec<_>>().join("   ");
    row(mark, word, vec![answer.question.to_owned(), asks, grid, told.to_owned()])
}

/// One mutant, and what came of its hunt.
pub(super) struct Hunted<'h> {
    /// Its name.
    pub(super) name: &'static str,
    /// What goes wrong in it.
    pub(super) breaks: &'static str,
    /// Whether it was caught by a clause that fits; `None` if it was not hunted.
    pub(super) fits: Option<bool>,
    /// The clause that was blamed.
    pub(super) clause: Option<Clause>,
    /// What came of it, in words.
    pub(super) told: String,
    /// What is said of it besides.
    pub(super) by: &'h str,
}

/// Mutants, each with what has caught it.
pub(super) fn mutants(hunted: &[Hunted<'_>], how: &str, code: u8) -> Page {
    let one = |mutant: &Hunted<'_>| {
        let (mark, word) = match mutant.fits {
            Some(true) => (Mark::Good, "caught"),
            Some(false) => (Mark::Bad, "not as it should be"),
            None => (Mark::Open, "not hunted"),
        };
        let cells = [mutant.name, mutant.breaks, &mutant.told, mutant.by].map(str::to_owned);
        Row { clauses: mutant.clause.into_iter().collect(), ..row(mark, word, cells.to_vec()) }
    };
    let rows: Vec<Row> = hunted.iter().map(one).collect();
    let count = |mark| rows.iter().filter(|row| row.mark == mark).count();
    let (caught, missed, others) = (count(Mark::Good), count(Mark::Bad), count(Mark::Open));
    let mut tiles = vec![
        tile(caught, "caught by a clause that fits", Mark::Good),
        tile(missed, "not as they should be", Mark::Bad),
    ];
    if others > 0 {
        tiles.push(tile(others, "not hunted so", Mark::Open));
    }
    Page {
        command: "vdi mutants".to_owned(),
        title: format!("{caught} of {} mutants caught by a clause that fits", caught + missed),
        code,
        facts: vec![("hunted", how.to_owned())],
        tiles,
        sections: vec![Section::Table {
            title: "Mutants".to_owned(),
            columns: vec!["mutant", "what goes wrong", "caught by", ""],
            rows,
        }],
    }
}

/// The world of a seed; `told` is what is printed of it.
pub(super) fn world(seed: u64, is_good: bool, told: String, case: Case, code: u8) -> Page {
    let title = if is_good { "as it should be" } else { "not as it should be" };
    let cases = vec![case];
    Page {
        command: "vdi simulate".to_owned(),
        title: format!("the world of seed {seed}: {title}"),
        code,
        facts: Vec::new(),
        tiles: Vec::new(),
        sections: vec![
            Section::Cases { title: "What happened".to_owned(), cases, whole: true },
            Section::Text { title: "Its options, and what came of it".to_owned(), text: told },
        ],
    }
}

/// A campaign; `told` is what is printed of it.
pub(super) fn campaign(found: &Campaign, told: String, code: u8) -> Page {
    let table = |title: &str, columns: Vec<&'static str>, rows: Vec<Row>| Section::Table {
        title: title.to_owned(),
        columns,
        rows,
    };
    let counted = |(what, worlds): (&String, &u64), mark| {
        row(mark, "worlds", vec![worlds.to_string(), what.clone()])
    };
    let failures = found.failures.iter().map(|failure| {
        let problem = failure.problems.first().map(ToString::to_string).unwrap_or_default();
        let again = again(failure.seed, &found.how);
        row(Mark::Bad, "not as it should be", vec![failure.seed.to_string(), problem, again])
    });
    let seen = |seed: Option<u64>| seed.map_or("never".to_owned(), |seed| seed.to_string());
    let deviations = found.deviations.iter().map(|(name, known)| {
        let mark = if known.shown > 0 { Mark::Good } else { Mark::Open };
        let (shown, worlds) = (known.shown, known.worlds);
        let cells = vec![
            name.clone(),
            format!("{shown} of {worlds} worlds"),
            seen(known.first),
            seen(known.first_by_clause),
        ];
        row(mark, if shown > 0 { "shown" } else { "not shown" }, cells)
    });
    let mut sections = Vec::new();
    if found.failed > 0 {
        sections.push(table(
            "Worlds that are not as they should be, the lowest seeds",
            vec!["seed", "what is wrong", "again"],
            failures.collect(),
        ));
        let rows = found.problems.iter().map(|one| counted(one, Mark::Bad)).collect();
        sections.push(table("What is wrong with them", vec!["how many", "what"], rows));
    }
    let rows = found.endings.iter().map(|one| counted(one, Mark::Good)).collect();
    sections.push(table("How they ended", vec!["how many", "how"], rows));
    let columns = vec!["deviation", "shown", "first in seed", "by its clause in seed"];
    sections.push(table("Clients that deviate", columns, deviations.collect()));
    sections.push(Section::Plots { title: "In pictures".to_owned(), plots: plots(found) });
    sections.push(Section::Text { title: "As printed".to_owned(), text: told });
    Page {
        command: "vdi simulate".to_owned(),
        title: format!("{} worlds, {} not as they should be", found.worlds, found.failed),
        code,
        facts: vec![
            ("worlds on", found.engine.clone()),
            ("profile", found.profile.clone()),
            ("seeds", found.seeds.join(", ")),
        ],
        tiles: vec![
            tile(found.worlds - found.failed, "as they should be", Mark::Good),
            tile(found.failed, "not", Mark::Bad),
            tile(found.coverage.clauses.len(), "clauses met", None),
            tile(found.totals.commands, "commands", None),
            tile(found.totals.milliseconds, "ms of virtual time", None),
        ],
        sections,
    }
}

/// What was met by which seed, how worlds ended, and how long they took.
fn plots(found: &Campaign) -> Vec<(String, Plot)> {
    let Coverage { clauses, transitions, readings, faults, outcomes, .. } = &found.coverage;
    let tables = [
        ("transitions", transitions),
        ("clauses", clauses),
        ("outcomes", outcomes),
        ("readings", readings),
        ("faults", faults),
    ];
    let last = tables.iter().flat_map(|(_, table)| table.values().map(|met| met.first)).max();
    let curve = |(name, table): (&str, &Table)| {
        let mut firsts: Vec<u64> = table.values().map(|met| met.first).collect();
        firsts.sort_unstable();
        // Seeds begin with 0, and the axis with 1.
        let point = |(at, first): (usize, &u64)| ((first + 1) as f64, (at + 1) as f64);
        let mut points: Vec<(f64, f64)> = firsts.iter().enumerate().map(point).collect();
        if let (Some((_, met)), Some(last)) = (points.last().copied(), last) {
            points.push(((last + 1) as f64, met));
        }
        Curve { name: name.to_owned(), points }
    };
    let met = vdi_html::curves("seeds", "met so far", &tables.map(curve));
    let endings: Vec<(String, u64)> = found
        .endings
        .values()
        .enumerate()
        .map(|(at, worlds)| ((at + 1).to_string(), *worlds))
        .collect();
    let named = found.endings.keys().enumerate();
    let named = named.map(|(at, name)| format!("{} {name}", at + 1)).collect::<Vec<_>>().join("; ");
    let times: Vec<(String, u64)> =
        found.times.iter().map(|(reached, worlds)| (reached.to_string(), *worlds)).collect();
    let all = [
        ("What was met, by the seed in which it was met first".to_owned(), met),
        (format!("How they ended ({named})"), vdi_html::bars("how", "worlds", &endings)),
        (
            "Virtual time: worlds that took this many milliseconds, and less than twice as many"
                .to_owned(),
            vdi_html::bars("ms of virtual time", "worlds", &times),
        ),
    ];
    all.into_iter().filter_map(|(of, plot)| Some((of, plot?))).collect()
}

/// How a world is marked.
pub(super) const fn world_mark(code: u8) -> Mark {
    if code == exit_code::CONFORMANT { Mark::Good } else { Mark::Bad }
}
