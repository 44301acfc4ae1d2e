//! JUnit XML: within the schema that Jenkins holds it to, and failing whenever the run does.

use std::collections::{BTreeMap, BTreeSet};

use vdi_conformance::adapter::Trouble;
use vdi_conformance::baseline::{Baseline, Entry, Stale};
use vdi_conformance::report::{Summary, junit};
use vdi_conformance::run::{Disagreement, ScenarioResult, Verdict};
use vdi_sim::check::{Allowed, Violation};
use vdi_sim::clauses::{CLAUSES, Party, Profile};

/// An element of the schema `junit-10.xsd` of Jenkins' xunit plugin: its attributes, those that
/// it must have first, and what may stand in it.
struct Rule {
    element: &'static str,
    required: &'static [&'static str],
    attributes: &'static [&'static str],
    children: &'static [&'static str],
}

const RULES: [Rule; 8] = [
    Rule {
        element: "testsuites",
        required: &[],
        attributes: &["name", "time", "tests", "failures", "errors"],
        children: &["testsuite"],
    },
    Rule {
        element: "testsuite",
        required: &["name", "tests", "failures", "errors"],
        attributes: &[
            "group",
            "time",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
            "file",
            "log",
            "url",
        ],
        children: &["testsuite", "properties", "testcase", "system-out", "system-err"],
    },
    Rule {
        element: "testcase",
        required: &["name"],
        attributes: &["time", "classname", "group"],
        children: &["skipped", "error", "failure", "system-out", "system-err"],
    },
    Rule { element: "skipped", required: &[], attributes: &["type", "message"], children: &[] },
    Rule { element: "error", required: &[], attributes: &["type", "message"], children: &[] },
    Rule { element: "failure", required: &[], attributes: &["type", "message"], children: &[] },
    Rule { element: "system-out", required: &[], attributes: &[], children: &[] },
    Rule { element: "system-err", required: &[], attributes: &[], children: &[] },
];

/// Digits, a point, digits: a part of what the schema takes.
fn is_time(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    text.split_once('.').is_some_and(|(whole, part)| digits(whole) && digits(part))
}

/// What the document does that the schema, or who reads it, does not take.
fn wrong(document: &roxmltree::Document<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut names = BTreeSet::new();
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let name = node.tag_name().name();
        let Some(rule) = RULES.iter().find(|rule| rule.element == name) else {
            wrong.push(format!("<{name}>"));
            continue;
        };
        let has = |wanted: &str| node.attributes().any(|one| one.name() == wanted);
        wrong.extend(
            rule.required.iter().filter(|one| !has(one)).map(|one| format!("{name} has no {one}")),
        );
        for one in node.attributes() {
            if !rule.required.contains(&one.name()) && !rule.attributes.contains(&one.name()) {
                wrong.push(format!("{name} {}", one.name()));
            }
            if one.name() == "time" && !is_time(one.value()) {
                wrong.push(format!("{name} time {}", one.value()));
            }
        }
        let stranger = |child: &roxmltree::Node<'_, '_>| {
            child.is_element() && !rule.children.contains(&child.tag_name().name())
        };
        wrong.extend(node.children().filter(stranger).map(|child| format!("{child:?} in {name}")));
        if name == "testsuite" {
            let of = node.attribute("name").unwrap_or_default().to_owned();
            if of.is_empty() || !names.insert(of.clone()) {
                wrong.push(format!("the suite `{of}` is empty or doubled"));
            }
            for (what, counted) in [
                ("tests", "testcase"),
                ("failures", "failure"),
                ("errors", "error"),
                ("skipped", "skipped"),
            ] {
                let count = node.descendants().filter(|one| one.has_tag_name(counted)).count();
                if node.attribute(what) != Some(&count.to_string()) {
                    wrong.push(format!("the suite `{of}` miscounts {what}"));
                }
            }
        }
    }
    wrong
}

fn result(id: &str, verdict: Verdict) -> ScenarioResult {
    let clauses = vec![CLAUSES[0].clause];
    let mut result = ScenarioResult::of(id, "a title", clauses, verdict);
    result.adapter.stderr = "\u{1b}[1mbold\u{1b}[0m\ta tab\u{FFFE}\u{FFFF}\0]]>".to_owned();
    result
}

fn violation(party: Party) -> Verdict {
    let clause = CLAUSES[0].clause;
    Verdict::Violation(Box::new(Violation {
        line: 2,
        lane: None,
        call: None,
        party,
        clause,
        readings: Vec::new(),
        otherwise: Vec::new(),
        early: false,
        got: "a <\ttab> & \u{FFFF}".to_owned(),
        expected: vec![Allowed { what: "nothing \"else\"".to_owned(), clause }],
        state: "at rest".to_owned(),
        attempts: Vec::new(),
    }))
}

fn verdicts() -> Vec<Verdict> {
    let disagreement =
        Disagreement { step: 1, oracle: "yes".to_owned(), scenario: "no".to_owned() };
    vec![
        Verdict::Conformant,
        violation(Party::Interface),
        violation(Party::Server),
        Verdict::Disagreement(disagreement),
        Verdict::Trouble(Trouble::NotStarted("no such file".to_owned())),
        Verdict::Trouble(Trouble::Ours("panicked".to_owned())),
        Verdict::NotOffered("no server".to_owned()),
        Verdict::Inconclusive("too many".to_owned()),
        Verdict::NotRun,
    ]
}

/// The baseline that lists a result.
fn listing(result: &ScenarioResult) -> Baseline {
    Baseline::of(&[result], "it is known")
}

fn summary<'a>(
    profile: &'a Profile,
    results: &'a [ScenarioResult],
    baseline: &'a Baseline,
) -> Summary<'a> {
    Summary {
        command: "run",
        implementation: "one".to_owned(),
        options: "",
        profile_name: "documented-pages",
        profile,
        parties: &[Party::Interface],
        results,
        baseline,
        stale: Vec::new(),
        role: None,
        verbose: false,
        files: BTreeMap::from([("a/d".to_owned(), "scenarios/a/d.json".to_owned())]),
    }
}

/// Each pair of verdicts, with and without a baseline that lists the second, with and without
/// an entry that is stale.
#[test]
fn it_fails_whenever_the_run_does() {
    let profile = Profile::default();
    let mut codes = BTreeSet::new();
    for first in verdicts() {
        for second in verdicts() {
            let results = [
                result("a/b/c", first.clone()),
                result("a/d", second.clone()),
                result("top", first.clone()),
            ];
            for (known, is_stale) in [(false, false), (true, false), (false, true), (true, true)] {
                let baseline = if known { listing(&results[1]) } else { Baseline::default() };
                let entry = Entry {
                    scenario: "a/gone".to_owned(),
                    verdict: "violation".to_owned(),
                    clause: None,
                    reason: "it was".to_owned(),
                };
                let stale = Stale { entry, got: "conformant".to_owned() };
                let stale = is_stale.then_some(stale).into_iter().collect();
                let summary = Summary { stale, ..summary(&profile, &results, &baseline) };
                let text = junit(&summary, false);
                let document = roxmltree::Document::parse(&text).expect("XML");
                assert_eq!(wrong(&document), Vec::<String>::new(), "{text}");
                let fails = |node: roxmltree::Node<'_, '_>| {
                    node.has_tag_name("failure") || node.has_tag_name("error")
                };
                let code = summary.exit_code();
                assert_eq!(document.descendants().any(fails), code != 0, "exit {code}: {text}");
                codes.insert(code);
            }
        }
    }
    assert_eq!(codes, BTreeSet::from([0, 1, 2, 69, 70]));
}

/// What a failure says of itself, tabs kept and what XML cannot hold made harmless.
#[test]
fn its_message_is_what_was_expected_and_what_came() {
    let profile = Profile::default();
    let results = [result("a/d", violation(Party::Interface))];
    let baseline = Baseline::default();
    let summary = summary(&profile, &results, &baseline);
    let text = junit(&summary, true);
    let document = roxmltree::Document::parse(&text).expect("XML");
    let find = |name: &str| {
        document
            .descendants()
            .find(|node| node.has_tag_name(name))
            .unwrap_or_else(|| panic!("{text}"))
    };
    let message = "expected nothing \"else\"; got a <\ttab> & \u{FFFD}";
    assert_eq!(find("failure").attribute("message"), Some(message));
    assert_eq!(find("failure").attribute("type"), Some(CLAUSES[0].id));
    assert_eq!(find("testsuite").attribute("file"), Some("scenarios/a"));
    let stderr = find("system-err").text().unwrap_or_default();
    assert_eq!(stderr, "␛[1mbold␛[0m\ta tab\u{FFFD}\u{FFFD}␀]]>");
}

/// The rules notice what the schema does not take.
#[test]
fn the_rules_can_fail() {
    for text in [
        "<testsuites skipped='0'/>",
        "<testsuites><testsuite name='a' tests='0' failures='0' errors='0'/></testsuites>",
        "<testsuites time='1e3'/>",
        "<testsuites><testcase name='a'/></testsuites>",
        "<testcase name='a' file='b'/>",
        "<testsuite name='' tests='0' failures='0' errors='0' skipped='0'/>",
    ] {
        let document = roxmltree::Document::parse(text).expect("XML");
        assert!(!wrong(&document).is_empty(), "{text}");
    }
}
