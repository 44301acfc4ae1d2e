//! The report for CI systems: JUnit XML, within the schema that Jenkins holds it to. It fails
//! whenever the run does, and only then.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::escape::{escape, partial_escape};
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use vdi_check::exit_code;

use super::{Summary, failure, short};
use crate::run::{ScenarioResult, Verdict};

/// The suite of what is in no folder.
const WHOLE: &str = "vdi";

/// The suite of a baseline's own entries.
const BASELINE: &str = "baseline";

/// The elements by which a case fails.
const FAILURE: &str = "failure";
const ERROR: &str = "error";

/// A test case.
struct Case {
    name: String,
    took: Duration,
    outcome: Outcome,
    stderr: String,
}

/// What came of a case.
enum Outcome {
    Passed,
    Skipped { message: String },
    Failed { element: &'static str, kind: String, message: String, text: String },
}

/// The cases of a folder of scenarios.
#[derive(Default)]
struct Suite {
    /// The folder, if its scenarios come from files.
    file: Option<String>,
    cases: Vec<Case>,
}

/// The report as JUnit XML. A folder of scenarios is a suite. `times` says whether it is told
/// how long each took: without, two runs give the same bytes, and every time is 0.
///
/// # Panics
/// Never: it is written into memory.
#[must_use]
pub fn junit(summary: &Summary<'_>, times: bool) -> String {
    let mut suites: BTreeMap<String, Suite> = BTreeMap::new();
    for result in summary.results {
        let folder = result.id.rsplit_once('/').map_or("", |(folder, _)| folder);
        let suite = suites.entry(named(folder)).or_default();
        let file = summary.files.get(&result.id).and_then(|file| file.rsplit_once('/'));
        suite.file = suite.file.take().or_else(|| file.map(|(folder, _)| folder.to_owned()));
        suite.cases.push(Case {
            name: result.id.clone(),
            took: if times { result.adapter.took } else { Duration::ZERO },
            outcome: outcome(summary, result),
            stderr: result.adapter.stderr.clone(),
        });
    }
    for stale in &summary.stale {
        let clause = stale.entry.clause.map(|clause| format!(" of {clause}")).unwrap_or_default();
        let listed = format!("{}{clause}", stale.entry.verdict);
        suites.entry(BASELINE.to_owned()).or_default().cases.push(Case {
            name: format!("{}: {listed}", stale.entry.scenario),
            took: Duration::ZERO,
            outcome: Outcome::Failed {
                element: FAILURE,
                kind: "stale-baseline".to_owned(),
                message: format!("the baseline lists {listed}; got {}", stale.got),
                text: "remove the entry from the baseline, or correct it".to_owned(),
            },
            stderr: String::new(),
        });
    }
    let failing = suites.values().any(|suite| suite.count(is_failed) > 0);
    if let Some(case) = as_a_whole(summary).filter(|_| !failing) {
        suites.entry(WHOLE.to_owned()).or_default().cases.push(case);
    }
    let mut out = Writer::new_with_indent(Vec::new(), b' ', 4);
    written(&suites, &mut out).expect("writing into memory does not fail");
    let mut text = String::from_utf8(out.into_inner()).expect("all that was written is text");
    text.push('\n');
    text
}

/// A suite has a name.
fn named(folder: &str) -> String {
    if folder.is_empty() { WHOLE } else { folder }.to_owned()
}

fn outcome(summary: &Summary<'_>, result: &ScenarioResult) -> Outcome {
    let name = result.verdict.name();
    if let Some(entry) = summary.baseline.covers(result) {
        return Outcome::Skipped { message: format!("known failure: {}", entry.reason) };
    }
    match &result.verdict {
        Verdict::Conformant => Outcome::Passed,
        Verdict::NotOffered(reason) => Outcome::Skipped { message: format!("{name}: {reason}") },
        Verdict::NotRun => Outcome::Skipped { message: "not run".to_owned() },
        Verdict::Violation(violation) if !summary.gates(result) => Outcome::Skipped {
            message: format!("the {} does not gate: {}", violation.party, short(result)),
        },
        Verdict::Violation(_) | Verdict::Disagreement(_) => failed(summary, result, FAILURE),
        Verdict::Trouble(_) | Verdict::Inconclusive(_) => failed(summary, result, ERROR),
    }
}

fn failed(summary: &Summary<'_>, result: &ScenarioResult, element: &'static str) -> Outcome {
    let name = || result.verdict.name().to_owned();
    Outcome::Failed {
        element,
        kind: result.verdict.clause().map_or_else(name, |clause| clause.to_string()),
        message: short(result),
        text: failure(result, &summary.call(), summary.profile_name),
    }
}

/// What fails the run although no scenario does.
fn as_a_whole(summary: &Summary<'_>) -> Option<Case> {
    let code = summary.exit_code();
    if code == exit_code::CONFORMANT {
        return None;
    }
    let lacking: Vec<String> =
        summary.lacking().iter().map(|(what, count)| format!("{what} {count}")).collect();
    let message = match code {
        exit_code::INTERNAL => "our own fault, which no baseline excuses".to_owned(),
        exit_code::UNAVAILABLE => "no implementation was reached".to_owned(),
        _ if !lacking.is_empty() => {
            format!("too much was not offered to call it conformant: {}", lacking.join(", "))
        }
        _ => "nothing was shown to conform".to_owned(),
    };
    Some(Case {
        name: format!("{} as a whole", summary.command),
        took: Duration::ZERO,
        outcome: Outcome::Failed {
            element: ERROR,
            kind: format!("exit-code-{code}"),
            text: message.clone(),
            message,
        },
        stderr: String::new(),
    })
}

fn is_failed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed { .. })
}

fn is_element(outcome: &Outcome, wanted: &str) -> bool {
    matches!(outcome, Outcome::Failed { element, .. } if *element == wanted)
}

impl Suite {
    fn count(&self, of: impl Fn(&Outcome) -> bool) -> usize {
        self.cases.iter().filter(|case| of(&case.outcome)).count()
    }

    fn took(&self) -> Duration {
        self.cases.iter().map(|case| case.took).sum()
    }

    fn tag(&self, name: &str) -> BytesStart<'static> {
        let skipped = self.count(|outcome| matches!(outcome, Outcome::Skipped { .. }));
        let mut tag = BytesStart::new("testsuite");
        attribute(&mut tag, "name", name);
        attribute(&mut tag, "tests", &self.cases.len().to_string());
        attribute(&mut tag, "skipped", &skipped.to_string());
        for element in [ERROR, FAILURE] {
            let count = self.count(|outcome| is_element(outcome, element));
            attribute(&mut tag, &format!("{element}s"), &count.to_string());
        }
        attribute(&mut tag, "time", &seconds(self.took()));
        if let Some(file) = &self.file {
            attribute(&mut tag, "file", file);
        }
        tag
    }
}

type Out = Writer<Vec<u8>>;

fn written(suites: &BTreeMap<String, Suite>, out: &mut Out) -> io::Result<()> {
    let sum = |of: &dyn Fn(&Suite) -> usize| suites.values().map(of).sum::<usize>().to_string();
    let mut root = BytesStart::new("testsuites");
    attribute(&mut root, "name", "vdi");
    attribute(&mut root, "tests", &sum(&|suite| suite.cases.len()));
    for element in [FAILURE, ERROR] {
        let count = sum(&|suite| suite.count(|outcome| is_element(outcome, element)));
        attribute(&mut root, &format!("{element}s"), &count);
    }
    attribute(&mut root, "time", &seconds(suites.values().map(Suite::took).sum()));
    out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    out.write_event(Event::Start(root))?;
    for (name, suite) in suites {
        out.write_event(Event::Start(suite.tag(name)))?;
        for case in &suite.cases {
            case.written(name, out)?;
        }
        out.write_event(Event::End(BytesEnd::new("testsuite")))?;
    }
    out.write_event(Event::End(BytesEnd::new("testsuites")))?;
    out.get_mut().flush()
}

impl Case {
    fn written(&self, suite: &str, out: &mut Out) -> io::Result<()> {
        let mut tag = BytesStart::new("testcase");
        attribute(&mut tag, "name", &self.name);
        attribute(&mut tag, "classname", suite);
        attribute(&mut tag, "time", &seconds(self.took));
        if matches!(self.outcome, Outcome::Passed) && self.stderr.is_empty() {
            return out.write_event(Event::Empty(tag));
        }
        out.write_event(Event::Start(tag))?;
        match &self.outcome {
            Outcome::Passed => {}
            Outcome::Skipped { message } => {
                let mut tag = BytesStart::new("skipped");
                attribute(&mut tag, "message", message);
                out.write_event(Event::Empty(tag))?;
            }
            Outcome::Failed { element, kind, message, text } => {
                let mut tag = BytesStart::new(*element);
                attribute(&mut tag, "message", message);
                attribute(&mut tag, "type", kind);
                element_of(tag, text, out)?;
            }
        }
        if !self.stderr.is_empty() {
            element_of(BytesStart::new("system-err"), &self.stderr, out)?;
        }
        out.write_event(Event::End(BytesEnd::new("testcase")))
    }
}

/// An element with nothing but text.
fn element_of(tag: BytesStart<'_>, text: &str, out: &mut Out) -> io::Result<()> {
    let end = tag.to_end().into_owned();
    let text = plain(text);
    // What a parser would turn into a line's end is not left to it.
    let text = partial_escape(text.as_ref()).replace('\r', "&#13;");
    out.write_event(Event::Start(tag.borrow()))?;
    out.write_event(Event::Text(BytesText::from_escaped(text)))?;
    out.write_event(Event::End(end))
}

/// An attribute, in which a parser would turn tabs and ends of lines into blanks.
fn attribute(tag: &mut BytesStart<'_>, name: &str, value: &str) {
    let value = plain(value);
    let value = escape(value.as_ref());
    let value = value.replace('\t', "&#9;").replace('\n', "&#10;").replace('\r', "&#13;");
    tag.push_attribute((name.as_bytes(), value.as_bytes()));
}

/// What XML cannot hold, as what stands for it: a control character as its picture, anything
/// else as the replacement character.
fn plain(text: &str) -> Cow<'_, str> {
    let held = |c: char| {
        matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{FFFE}' | '\u{FFFF}'))
    };
    if text.chars().all(held) {
        return Cow::Borrowed(text);
    }
    let picture = |c: char| match u32::from(c) {
        _ if held(c) => c,
        control @ 0..0x20 => {
            char::from_u32(0x2400 + control).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        _ => char::REPLACEMENT_CHARACTER,
    };
    Cow::Owned(text.chars().map(picture).collect())
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_replaced_and_all_else_kept() {
        assert_eq!(
            plain("a\tb\n\u{1b}[31m\0\u{FFFE}\u{FFFF}é😀"),
            "a\tb\n␛[31m␀\u{FFFD}\u{FFFD}é😀"
        );
        assert!(matches!(plain("a\tb"), Cow::Borrowed(_)));
        let mut tag = BytesStart::new("a");
        attribute(&mut tag, "b", "1\t2\n3\r<\"'&>");
        assert_eq!(&*tag, b"a b=\"1&#9;2&#10;3&#13;&lt;&quot;&apos;&amp;&gt;\"");
    }
}
