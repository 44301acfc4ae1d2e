//! Documents: scenarios, baselines, profiles, headers of traces.

use miette::{GraphicalReportHandler, GraphicalTheme};
use vdi_spec::clauses::Profile;
use vdi_suite::baseline::Baseline;
use vdi_suite::scenario::{self, BadFile, expand, file_text};
use vdi_trace::{Header, TraceReader};

/// The message of a file that is not understood, drawn as on a terminal.
fn drawn(bad: &BadFile) {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    handler.render_report(&mut text, bad).expect("drawn");
    assert!(text.contains("input"), "{text}");
}

fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// A scenario is the same once it is written and read again, and its steps can be told.
pub(super) fn scenario(input: &[u8]) {
    let Some(text) = text(input) else { return };
    match scenario::parse("input", text) {
        Err(bad) => drawn(&bad),
        Ok(scenario) => {
            let (steps, own) = expand(&scenario);
            assert!(own <= steps.len());
            let written = file_text(&scenario);
            let again = scenario::parse("input", &written);
            let again = again.unwrap_or_else(|bad| panic!("{bad}\n{written}"));
            assert_eq!(again, scenario, "{written}");
        }
    }
}

/// A baseline.
pub(super) fn baseline(input: &[u8]) {
    let Some(text) = text(input) else { return };
    match Baseline::parse("input", text) {
        Err(bad) => drawn(&bad),
        Ok(baseline) => {
            let written = serde_json::to_string(&baseline).expect("a baseline serialises");
            let again = Baseline::parse("input", &written);
            assert_eq!(again.unwrap_or_else(|bad| panic!("{bad}\n{written}")), baseline);
        }
    }
}

/// A profile.
pub(super) fn profile(input: &[u8]) {
    let Some(text) = text(input) else { return };
    match scenario::parse_profile("input", text) {
        Err(bad) => drawn(&bad),
        Ok(profile) => {
            let mut again = Profile::default();
            profile.differences().for_each(|reading| again.choose(reading));
            assert_eq!(again, profile);
        }
    }
}

/// The first line of a trace.
pub(super) fn header(input: &[u8]) {
    let Ok(reader) = TraceReader::new(input) else { return };
    let header: &Header = reader.header();
    let written = serde_json::to_vec(header).expect("a header serialises");
    let again = TraceReader::new(written.as_slice()).expect("what is written can be read");
    assert_eq!(again.header(), header);
    let _ = vdi_check::check_reader(input, &Profile::default());
}
