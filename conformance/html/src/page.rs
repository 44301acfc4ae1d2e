//! The page: what it is about in a few numbers, tables, cases with their drawings, as text; and
//! the data that the script draws.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Serialize;
use vdi_check::exit_code;
use vdi_spec::clauses::{Clause, Party};

use crate::drawing::{Drawing, machines};
use crate::escape::{json, text};
use crate::plot::Plot;
use crate::svg::Machines;

/// Bytes of texts and drawings that a page of many cases has, about: it is mailed and archived.
const ROOM: usize = 800 << 10;

/// Bytes of text alone, when there is no room for drawings any more.
const ROOM_FOR_TEXT: usize = 300 << 10;

/// How something ended. It is told by a word and a sign, never by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// As it should.
    Good,
    /// Not as it should.
    Bad,
    /// Not as it should, and that was known or does not count.
    Known,
    /// It was not decided, not offered or not run.
    Open,
}

impl Mark {
    /// Every mark.
    pub const ALL: [Self; 4] = [Self::Good, Self::Bad, Self::Known, Self::Open];

    const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Known => "known",
            Self::Open => "open",
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✗",
            Self::Known => "◌",
            Self::Open => "?",
        }
    }
}

/// A number at the head of a page.
#[derive(Clone, Debug)]
pub struct Tile {
    /// The number, or a word.
    pub value: String,
    /// What it counts.
    pub label: String,
    /// How it is marked, and what a click on it shows; nothing if it only counts.
    pub mark: Option<Mark>,
}

/// A row of a table.
#[derive(Clone, Debug)]
pub struct Row {
    /// How it ended.
    pub mark: Mark,
    /// In a word.
    pub word: String,
    /// Its cells, behind the mark.
    pub cells: Vec<String>,
    /// The party whom its verdict binds.
    pub party: Option<Party>,
    /// The clauses that it has to do with.
    pub clauses: Vec<Clause>,
}

/// How much of something is as it should be.
#[derive(Clone, Debug)]
pub struct Share {
    /// Of what.
    pub label: String,
    /// What of the address shows it alone: `clause=…`.
    pub filter: String,
    /// How many, by mark.
    pub counts: BTreeMap<Mark, usize>,
}

/// One reading of a contested question, and what the verdict is under it.
#[derive(Clone, Debug)]
pub struct Side {
    /// `question=reading`.
    pub reading: String,
    /// The question in words.
    pub question: String,
    /// What the reading says.
    pub says: String,
    /// Whether it is the one that was judged by.
    pub chosen: bool,
}

/// A case to be looked at by itself.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it is called.
    pub id: String,
    /// How it ended.
    pub mark: Mark,
    /// In a word.
    pub word: String,
    /// What it is about, in a sentence.
    pub title: String,
    /// The verdict, as it is printed.
    pub text: String,
    /// The party whom the verdict binds.
    pub party: Option<Party>,
    /// The broken clause.
    pub clause: Option<Clause>,
    /// The readings that the verdict depends on.
    pub readings: Vec<Side>,
    /// What happened, if it is drawn.
    pub drawing: Option<Drawing>,
}

/// A part of a page.
#[derive(Clone, Debug)]
pub enum Section {
    /// Shares, a bar each.
    Shares {
        /// Of what.
        title: String,
        /// The bars.
        shares: Vec<Share>,
    },
    /// A table, whose rows the filters choose from.
    Table {
        /// What it lists.
        title: String,
        /// The heads of the columns, behind that of the mark.
        columns: Vec<&'static str>,
        /// The rows.
        rows: Vec<Row>,
    },
    /// Cases, each with its text and its drawing.
    Cases {
        /// What they have in common.
        title: String,
        /// The cases.
        cases: Vec<Case>,
        /// Whether there is room for all of them whatever it takes, as of one trace.
        whole: bool,
    },
    /// Numbers drawn.
    Plots {
        /// What they tell.
        title: String,
        /// The plots, each with what it is of.
        plots: Vec<(String, Plot)>,
    },
    /// A text as it is printed.
    Text {
        /// What it tells.
        title: String,
        /// The text.
        text: String,
    },
}

/// A report as a page.
#[derive(Clone, Debug)]
pub struct Page {
    /// The command that made it, such as `vdi run`.
    pub command: String,
    /// What came of it, in a sentence.
    pub title: String,
    /// The exit code.
    pub code: u8,
    /// What is known besides: implementation, profile.
    pub facts: Vec<(&'static str, String)>,
    /// The numbers at its head.
    pub tiles: Vec<Tile>,
    /// Its parts.
    pub sections: Vec<Section>,
}

/// What the script draws.
#[derive(Serialize)]
struct Data<'p> {
    /// The states and phases, in the order of a life: of a set, of the server, of the client.
    machines: [Vec<String>; 3],
    clauses: BTreeMap<&'static str, ClauseText>,
    drawings: BTreeMap<&'p str, &'p Drawing>,
}

#[derive(Serialize)]
struct ClauseText {
    party: Party,
    demand: &'static str,
    sources: Vec<String>,
}

impl Page {
    /// The page.
    #[must_use]
    pub fn html(&self) -> String {
        let cases = self.sections.iter().filter_map(|section| match section {
            Section::Cases { cases, whole, .. } => Some((cases, *whole)),
            Section::Shares { .. }
            | Section::Table { .. }
            | Section::Plots { .. }
            | Section::Text { .. } => None,
        });
        let rooms: Vec<Vec<Room>> = cases.map(|(cases, whole)| rooms(cases, whole)).collect();
        let mut out = String::from("<!doctype html>\n<html lang=\"en\">\n");
        self.head(&mut out);
        out.push_str("<body>\n<a class=\"skip\" href=\"#main\">To the results</a>\n");
        self.banner(&mut out);
        out.push_str("<main id=\"main\">\n");
        let mut left = rooms.iter();
        for section in &self.sections {
            match section {
                Section::Shares { title, shares } => shares_section(&mut out, title, shares),
                Section::Table { title, columns, rows } => table(&mut out, title, columns, rows),
                Section::Cases { title, cases, .. } => {
                    let rooms = left.next().map(Vec::as_slice).unwrap_or_default();
                    cases_section(&mut out, title, cases, rooms);
                }
                Section::Plots { title, plots } => {
                    let _ = write!(out, "<section>\n<h2>{}</h2>\n", text(title));
                    for (of, Plot { svg, told }) in plots {
                        let (of, told) = (text(of), text(told));
                        let _ = write!(
                            out,
                            "<figure class=\"plotted\">\n{svg}\n<figcaption>{of}: {told}</figcaption>\n</figure>\n"
                        );
                    }
                    out.push_str("</section>\n");
                }
                Section::Text { title, text: told } => {
                    let (title, told) = (text(title), text(told));
                    let _ = write!(
                        out,
                        "<section>\n<h2>{title}</h2>\n<pre class=\"told\" tabindex=\"0\">{told}</pre>\n</section>\n"
                    );
                }
            }
        }
        out.push_str("</main>\n");
        let data = self.data(&rooms);
        if let Some(drawing) = data.drawings.values().next() {
            // What the script marks the current state in.
            out.push_str("<template id=\"diagrams\">\n");
            Machines::for_page(drawing.profile()).iter().for_each(|svg| out.push_str(svg));
            out.push_str("</template>\n");
        }
        out.push_str("<script type=\"application/json\" id=\"data\">");
        out.push_str(&json(&data));
        out.push_str("</script>\n<script>\n");
        for script in [include_str!("drawing.js"), include_str!("page.js")] {
            out.push_str(script);
        }
        out.push_str("</script>\n</body>\n</html>\n");
        out
    }

    fn head(&self, out: &mut String) {
        let title = text(&format!("{} · {}", self.command, self.title));
        let style = include_str!("page.css");
        // Nothing is asked of any network, whatever stands in the page.
        let _ = write!(
            out,
            "<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, \
             initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<meta \
             http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
             'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action \
             'none'\">\n<title>{title}</title>\n<style>\n{style}</style>\n</head>\n"
        );
    }

    fn banner(&self, out: &mut String) {
        let mark = match self.code {
            exit_code::CONFORMANT => Mark::Good,
            exit_code::INCONCLUSIVE | exit_code::INTERRUPTED => Mark::Open,
            _ => Mark::Bad,
        };
        let _ = write!(
            out,
            "<header class=\"banner {}\">\n<p class=\"command\">{}</p>\n<h1><span class=\"sign\" \
             aria-hidden=\"true\">{}</span> {}</h1>\n<dl class=\"facts\">",
            mark.class(),
            text(&self.command),
            mark.sign(),
            text(&self.title)
        );
        for (name, value) in &self.facts {
            let _ = write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", text(name), text(value));
        }
        let _ = writeln!(out, "<div><dt>exit code</dt><dd>{}</dd></div></dl>", self.code);
        out.push_str("<ul class=\"tiles\">\n");
        for Tile { value, label, mark } in &self.tiles {
            let (value, label) = (text(value), text(label));
            let Some(mark) = mark else {
                let _ = writeln!(
                    out,
                    "<li><div><span class=\"value\">{value}</span> <span \
                     class=\"label\">{label}</span></div></li>"
                );
                continue;
            };
            let (class, sign) = (mark.class(), mark.sign());
            let _ = writeln!(
                out,
                "<li class=\"{class}\"><a href=\"#mark={class}\"><span class=\"value\">{value}</span> \
                 <span class=\"label\"><span aria-hidden=\"true\">{sign}</span> {label}</span></a></li>"
            );
        }
        out.push_str("</ul>\n</header>\n");
    }

    fn data(&self, rooms: &[Vec<Room>]) -> Data<'_> {
        let mut drawings = BTreeMap::new();
        let mut named = BTreeSet::new();
        let mut rooms = rooms.iter();
        for section in &self.sections {
            let Section::Cases { cases, .. } = section else { continue };
            let rooms = rooms.next().map(Vec::as_slice).unwrap_or_default();
            for (case, room) in cases.iter().zip(rooms) {
                named.extend(case.clause);
                if let (Some(drawing), Room::Drawn) = (&case.drawing, room) {
                    drawing.clauses(&mut named);
                    drawings.insert(case.id.as_str(), drawing);
                }
            }
        }
        let told = |clause: Clause| {
            let info = clause.info();
            let sources = info.sources.iter().map(ToString::to_string).collect();
            (info.id, ClauseText { party: info.party, demand: info.demand, sources })
        };
        Data { machines: machines(), clauses: named.into_iter().map(told).collect(), drawings }
    }
}

/// What there is room for of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Drawn,
    Told,
    Named,
}

/// The first of each clause and party come first, then the second of each, until the page is full.
fn rooms(cases: &[Case], whole: bool) -> Vec<Room> {
    if whole {
        return vec![Room::Drawn; cases.len()];
    }
    let mut rank: BTreeMap<(Option<Clause>, &str), usize> = BTreeMap::new();
    let mut order: Vec<(usize, usize)> = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let rank = rank.entry((case.clause, &case.word)).or_default();
        order.push((*rank, index));
        *rank += 1;
    }
    order.sort_unstable();
    let (mut drawn, mut told) = (0, 0);
    let mut rooms = vec![Room::Named; cases.len()];
    for (_, index) in order {
        let case = &cases[index];
        let size = case.drawing.as_ref().map_or(0, |drawing| json(drawing).len());
        if drawn + size + case.text.len() <= ROOM {
            drawn += size + case.text.len();
            rooms[index] = Room::Drawn;
        } else if told + case.text.len() <= ROOM_FOR_TEXT {
            told += case.text.len();
            rooms[index] = Room::Told;
        }
    }
    rooms
}

fn shares_section(out: &mut String, title: &str, shares: &[Share]) {
    let _ = write!(
        out,
        "<section class=\"shares\">\n<details{}>\n<summary><h2>{}</h2></summary>\n<table>\n<thead><tr>\
         <th scope=\"col\">of</th><th scope=\"col\">share</th><th scope=\"col\">as it should \
         be</th></tr></thead>\n<tbody>\n",
        if shares.len() <= 12 { " open" } else { "" },
        text(title)
    );
    for Share { label, filter, counts } in shares {
        let all: usize = counts.values().sum();
        let good = counts.get(&Mark::Good).copied().unwrap_or_default();
        let (label, filter) = (text(label), text(filter));
        let _ = write!(
            out,
            "<tr><th scope=\"row\"><a href=\"#{filter}\">{label}</a></th><td><span class=\"bar\" \
             aria-hidden=\"true\">"
        );
        for (mark, count) in counts.iter().filter(|(_, count)| **count > 0) {
            let _ = write!(out, "<i class=\"{}\" style=\"flex:{count}\"></i>", mark.class());
        }
        let _ = writeln!(out, "</span></td><td>{good} of {all}</td></tr>");
    }
    out.push_str("</tbody></table>\n</details>\n</section>\n");
}

fn table(out: &mut String, title: &str, columns: &[&str], rows: &[Row]) {
    let _ = write!(
        out,
        "<section class=\"rows\">\n<h2>{} <small class=\"shown\">{}</small></h2>\n<table>\n<thead><tr><th \
         scope=\"col\">verdict</th>",
        text(title),
        rows.len()
    );
    for column in columns {
        let _ = write!(out, "<th scope=\"col\">{}</th>", text(column));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        let class = row.mark.class();
        let clauses: Vec<String> = row.clauses.iter().map(ToString::to_string).collect();
        let mut parties: Vec<Party> = row.clauses.iter().map(|clause| clause.party()).collect();
        parties.extend(row.party);
        parties.sort_unstable();
        parties.dedup();
        let parties: Vec<String> = parties.iter().map(ToString::to_string).collect();
        let _ = write!(
            out,
            "<tr data-mark=\"{class}\" data-clauses=\"{}\" data-parties=\"{}\"><td \
             class=\"{class}\"><span aria-hidden=\"true\">{}</span> {}</td>",
            clauses.join(" "),
            parties.join(" "),
            row.mark.sign(),
            text(&row.word)
        );
        for cell in &row.cells {
            let _ = write!(out, "<td>{}</td>", text(cell));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table>\n</section>\n");
}

fn cases_section(out: &mut String, title: &str, cases: &[Case], rooms: &[Room]) {
    let _ = write!(
        out,
        "<section class=\"cases\">\n<h2>{} <small class=\"shown\">{}</small></h2>\n",
        text(title),
        cases.len()
    );
    let named = rooms.iter().filter(|room| **room == Room::Named).count();
    if named > 0 {
        let _ = writeln!(
            out,
            "<p class=\"note\">There is no room here for {named} of them: they are in the table, and \
             <code>--filter</code> or <code>--scenario</code> makes a page of them alone.</p>"
        );
    }
    let shown = || cases.iter().zip(rooms).filter(|(_, room)| **room != Room::Named);
    let single = shown().count() == 1;
    for (case, room) in shown() {
        one(out, case, *room, single);
    }
    out.push_str("</section>\n");
}

fn one(out: &mut String, case: &Case, room: Room, single: bool) {
    let class = case.mark.class();
    let id = text(&case.id);
    let clause = case.clause.map(|clause| clause.to_string()).unwrap_or_default();
    let party = case.party.map(|party| party.to_string()).unwrap_or_default();
    let open = if single { " open" } else { "" };
    let drawn = if case.drawing.is_some() && room == Room::Drawn { " data-drawn" } else { "" };
    let _ = write!(
        out,
        "<details class=\"case\" data-case=\"{id}\" data-mark=\"{class}\" data-clauses=\"{clause}\" \
         data-parties=\"{party}\"{drawn}{open}>\n<summary><span class=\"word {class}\"><span \
         aria-hidden=\"true\">{}</span> {}</span> <code class=\"id\">{id}</code> <span \
         class=\"about\">{}</span>",
        case.mark.sign(),
        text(&case.word),
        text(&case.title)
    );
    if !clause.is_empty() {
        let _ = write!(out, " <span class=\"by\">{clause} · binds the {party}</span>");
    }
    out.push_str("</summary>\n");
    if !case.readings.is_empty() {
        out.push_str("<div class=\"readings\">\n");
        for side in &case.readings {
            let (word, mark) = match side.chosen {
                true => ("judged by this reading", case.mark),
                false => ("under this one there is no fault here", Mark::Good),
            };
            let _ = writeln!(
                out,
                "<div class=\"side {}\"><p class=\"verdict\"><span aria-hidden=\"true\">{}</span> \
                 {word}</p><p><code>{}</code></p><p>{}</p><p class=\"question\">{}</p></div>",
                mark.class(),
                mark.sign(),
                text(&side.reading),
                text(&side.says),
                text(&side.question)
            );
        }
        out.push_str("</div>\n");
    }
    let _ = writeln!(
        out,
        "<div class=\"stage\"></div>\n<details class=\"verbatim\" open><summary>as \
         printed</summary><pre tabindex=\"0\">{}</pre></details>\n</details>",
        text(&case.text)
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use vdi_check::{Checker, check_trace_with};
    use vdi_spec::clauses::Profile;
    use vdi_trace::Trace;

    /// With text that would like to be markup, in a trace that is not allowed.
    fn case(id: &str) -> Case {
        let trace = concat!(
            r#"{"vdi":"trace/1"}"#,
            "\n",
            r#"{"lane":"server.main","call":"Open","on":"sset","args":{"name":"</script><b>"}}"#,
            "\n",
            r#"{"lane":"server.main","return":"NOERROR"}"#,
            "\n",
        );
        let trace = Trace::read(trace.as_bytes()).expect("a trace");
        let checker = || Checker::new(&trace.header, Profile::default());
        let judged = check_trace_with(checker().explaining(), &trace);
        Case {
            id: id.to_owned(),
            mark: Mark::Bad,
            word: "violation".to_owned(),
            title: "<b>&amp;".to_owned(),
            text: format!("FAIL {id} </pre><script>{}", "x".repeat(1_500)),
            party: Some(Party::Interface),
            clause: None,
            readings: Vec::new(),
            drawing: Some(Drawing::new(&trace, &judged, checker())),
        }
    }

    fn page(cases: Vec<Case>, whole: bool) -> Page {
        Page {
            command: "vdi run".to_owned(),
            title: "</title>".to_owned(),
            code: 1,
            facts: vec![("implementation", "\"><script>".to_owned())],
            tiles: Vec::new(),
            sections: vec![Section::Cases { title: "Failures".to_owned(), cases, whole }],
        }
    }

    #[test]
    fn nothing_that_is_told_is_markup() {
        let html = page(vec![case("a/b")], false).html();
        assert_eq!(html.matches("<script").count(), 2, "the data and the script");
        assert_eq!(html.matches("</script>").count(), 2);
        assert_eq!(html.matches("</title>").count(), 1);
        assert!(!html.contains("<b>"), "{html}");
        assert!(html.contains("FAIL a/b &lt;/pre&gt;&lt;script&gt;"), "the text of the verdict");
        let data =
            html.split("id=\"data\">").nth(1).and_then(|rest| rest.split("</script>").next());
        let data: serde_json::Value =
            serde_json::from_str(data.expect("the data")).expect("it is JSON");
        let drawing = &data["drawings"]["a/b"];
        assert_eq!(drawing["verdict"]["verdict"], "violation");
        assert_eq!(drawing["events"][0]["args"]["name"], "</script><b>");
        let clause = drawing["verdict"]["clause"].as_str().expect("a clause");
        assert!(data["clauses"][clause]["demand"].is_string(), "{data}");
    }

    #[test]
    fn a_page_of_many_failures_is_bounded_and_says_so() {
        let cases: Vec<Case> = (0..5_000).map(|number| case(&format!("a/{number}"))).collect();
        let html = page(cases.clone(), false).html();
        assert!(html.len() < 1_900_000, "{}", html.len());
        assert!(html.contains("There is no room here for"), "it is told");
        let whole = page(cases[..10].to_vec(), true).html();
        assert_eq!(whole.matches(" data-drawn").count(), 10);
    }
}
