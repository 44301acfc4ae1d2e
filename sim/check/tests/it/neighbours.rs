//! Histories in which one life of a set overlaps the next, in many sizes, phases and orders:
//! the right verdict of each is known from how it is made.

use std::fmt::Write as _;

use vdi_check::{Verdict, check_reader};
use vdi_spec::clauses::Profile;

/// A history in the making.
#[derive(Clone)]
struct Story(String);

impl Story {
    fn new() -> Self {
        Self("{\"vdi\":\"trace/1\"}\n".to_owned())
    }

    fn begins(&mut self, lane: &str, call: &str, on: &str, rest: &str) {
        let _ = writeln!(self.0, r#"{{"lane":"{lane}","call":"{call}","on":"{on}"{rest}}}"#);
    }

    fn returns(&mut self, lane: &str, status: &str) {
        let _ = writeln!(self.0, r#"{{"lane":"{lane}","return":"{status}"}}"#);
    }

    fn call(&mut self, lane: &str, call: &str, on: &str, rest: &str) {
        self.begins(lane, call, on, rest);
        self.returns(lane, "NOERROR");
    }

    /// The set as far as this phase, with so many devices.
    fn to(&mut self, phase: usize, devices: usize) {
        let names = r#","args":{"name":"S"}"#;
        let begin =
            r#","args":{"blockSize":512,"maxTransferSize":65536,"features":["WriteMedia"]}"#;
        let agent = "server.agent";
        for step in 0..phase {
            match step {
                0 => self.call("primary.main", "CreateEx", "cset", &create("S", devices)),
                1 => self.call("server.main", "Open", "sset", names),
                2 => self.call("server.main", "BeginConfiguration", "sset", begin),
                3 => self.call("server.main", "EndConfiguration", "sset", ""),
                4 => self.call(
                    "primary.main",
                    "GetConfiguration",
                    "cset",
                    r#","args":{"timeout":"infinite"}"#,
                ),
                5 => self.begins(agent, "ExecuteCompletionAgent", "sset", ""),
                6 => {
                    for device in 1..=devices {
                        let named = device_name(device);
                        let handle = |party| {
                            format!(r#","as":"{party}{device}","args":{{"name":"{named}"}}"#)
                        };
                        self.call("server.main", "OpenDevice", "sset", &handle("sdev"));
                        self.call("primary.main", "OpenDevice", "cset", &handle("cdev"));
                    }
                }
                _ => {
                    for device in 1..=devices {
                        let sent = format!(r#","as":"k{device}","args":{{"code":"Flush"}}"#);
                        self.call("server.main", "SendCommand", &format!("sdev{device}"), &sent);
                    }
                }
            }
        }
    }

    fn verdict(&self) -> Verdict {
        let judged = check_reader(self.0.as_bytes(), &Profile::default());
        assert_eq!(judged.error, None, "{}", self.0);
        judged.verdict
    }

    fn is_conformant(&self) {
        self.is_answered_well(0);
    }

    /// The interface is not at fault, and so many calls are out of their order.
    fn is_answered_well(&self, misplaced: usize) {
        let judged = check_reader(self.0.as_bytes(), &Profile::default());
        assert_eq!(judged.verdict, Verdict::Conformant, "{}", self.0);
        let faults = judged.findings.iter().map(|finding| finding.clause.to_string());
        assert_eq!(faults.collect::<Vec<_>>(), vec!["client.order"; misplaced], "{}", self.0);
    }

    fn is_violation(&self) {
        let verdict = self.verdict();
        assert!(matches!(verdict, Verdict::Violation(_)), "{verdict:?}\n{}", self.0);
    }
}

fn device_name(device: usize) -> String {
    if device == 1 { "S".to_owned() } else { format!("S{device}") }
}

fn create(name: &str, devices: usize) -> String {
    format!(r#","args":{{"name":"{name}","config":{{"deviceCount":{devices}}}}}"#)
}

/// Of several calls that overlap one succeeds; the others are told so. In the second history
/// two succeed.
fn one_of(story: &Story, calls: usize, winner: usize, begins: impl Fn(&mut Story, usize)) {
    for second in [None, Some((winner + 1) % calls)] {
        let mut story = story.clone();
        (0..calls).for_each(|at| begins(&mut story, at));
        for at in (0..calls).rev() {
            let wins = at == winner || Some(at) == second;
            let lane = format!("{}.t{at}", lane_of(&story));
            story.returns(&lane, if wins { "NOERROR" } else { "VD_E_PROTOCOL" });
        }
        match second {
            None => story.is_conformant(),
            Some(_) => story.is_violation(),
        }
    }
}

/// The process that was in a call last.
fn lane_of(story: &Story) -> &'static str {
    let last = story.0.lines().last().unwrap_or_default();
    if last.contains("\"server.") {
        "server"
    } else if last.contains("\"secondary1.") {
        "secondary1"
    } else {
        "primary"
    }
}

#[test]
fn of_several_that_open_one_wins() {
    for calls in 2..=4 {
        for winner in 0..calls {
            for devices in [1, 3] {
                // Creates of different names and sizes.
                one_of(&Story::new(), calls, winner, |story, at| {
                    let arguments = create(&format!("S{at}"), devices + at);
                    story.begins(&format!("primary.t{at}"), "CreateEx", "cset", &arguments);
                });
                // Opens by one handle.
                let mut created = Story::new();
                created.to(1, devices);
                one_of(&created, calls, winner, |story, at| {
                    let names = r#","args":{"name":"S"}"#;
                    story.begins(&format!("server.t{at}"), "Open", "sset", names);
                });
                // Secondaries, once the set is configured.
                created.to(0, devices);
                let mut configured = Story::new();
                configured.to(5, devices);
                one_of(&configured, calls, winner, |story, at| {
                    let names = r#","args":{"name":"S"}"#;
                    story.begins(&format!("secondary1.t{at}"), "OpenInSecondary", "x1set", names);
                });
            }
        }
    }
}

/// While the set of this phase closes, Creates are in progress: one of them makes the next.
#[test]
fn a_set_is_made_while_the_last_one_closes() {
    let mut tried = 0;
    for phase in 1..=6 {
        for devices in [1, 2, 5] {
            for creates in 1..=3 {
                for late in [false, true] {
                    let mut before = Story::new();
                    before.to(phase, devices);
                    closes_and_creates(&before, devices, creates, late, phase >= 6);
                    tried += 1;
                }
            }
        }
    }
    assert!(tried >= 100);
}

fn closes_and_creates(before: &Story, devices: usize, creates: usize, late: bool, agent: bool) {
    for winners in 0..=2.min(creates) {
        let mut story = before.clone();
        if !late {
            story.begins("primary.close", "Close", "cset", "");
        }
        for at in 0..creates {
            let arguments = create("S", devices + 1);
            story.begins(&format!("primary.t{at}"), "CreateEx", "cset", &arguments);
        }
        if late {
            story.begins("primary.close", "Close", "cset", "");
        }
        for at in 0..creates {
            let status = if at < winners { "NOERROR" } else { "VD_E_PROTOCOL" };
            story.returns(&format!("primary.t{at}"), status);
        }
        story.returns("primary.close", "NOERROR");
        if agent {
            story.returns("server.agent", "NOERROR");
        }
        // Who creates before anybody closes could know that the set is open.
        let misplaced = if late { creates - winners } else { 0 };
        match winners {
            0 | 1 => story.is_answered_well(misplaced),
            _ => story.is_violation(),
        }
        if winners == 1 {
            let poll = r#","args":{"timeout":0}"#;
            let mut next = story.clone();
            next.begins("primary.close", "GetConfiguration", "cset", poll);
            next.returns("primary.close", "VD_E_TIMEOUT");
            next.is_answered_well(misplaced);
            story.begins("primary.close", "GetConfiguration", "cset", poll);
            story.returns("primary.close", "VD_E_ABORT");
            story.is_violation();
        }
    }
}

/// Commands of the old set are called back, while the next is made; its devices are gone.
#[test]
fn what_is_left_of_the_old_set() {
    for devices in 1..=4 {
        for abort in [false, true] {
            for late in 0..4 {
                let mut story = Story::new();
                story.to(8, devices);
                let mut begun = vec![("primary.t1", "CreateEx", create("S", 1))];
                begun.push(("primary.t3", "Close", String::new()));
                if abort {
                    begun.insert(1, ("primary.t2", "SignalAbort", String::new()));
                }
                let turns = late % begun.len();
                begun.rotate_left(turns);
                for (lane, call, rest) in &begun {
                    story.begins(lane, call, "cset", rest);
                }
                if abort {
                    story.returns("primary.t2", "NOERROR");
                }
                story.returns("primary.t3", if abort { "NOERROR" } else { "VD_E_OPEN" });
                story.returns("primary.t1", "NOERROR");
                for device in 1..=devices {
                    let _ = writeln!(
                        story.0,
                        r#"{{"lane":"server.agent","callback":"k{device}","completion":"ERROR_OPERATION_ABORTED","bytes":0}}"#
                    );
                }
                story.returns("server.agent", if abort { "NOERROR" } else { "VD_E_ABORT" });
                let done = r#","args":{"command":"k1","code":"ERROR_SUCCESS","bytes":0}"#;
                story.begins("primary.t1", "CompleteCommand", "cdev1", done);
                story.returns("primary.t1", "VD_E_PROTOCOL");
                let verdict = story.verdict();
                let agent = matches!(&verdict, Verdict::Violation(violation)
                    if violation.got.contains("server.agent returns"));
                assert!(verdict == Verdict::Conformant || agent, "{verdict:?}\n{}", story.0);
            }
        }
    }
}

/// Several interfaces of a client create one name at once: each makes its set when the one
/// before is closed, whose Close need not have returned. Without one of these Closes the next
/// cannot have made any.
#[test]
fn a_name_goes_from_one_interface_to_the_next() {
    for interfaces in 2..=5 {
        for unclosed in (0..interfaces - 1).map(Some).chain([None]) {
            let names = (2..=interfaces).map(|at| format!(r#""cset{at}":"primary""#));
            let names = names.collect::<Vec<_>>().join(",");
            let mut story = Story(format!("{{\"vdi\":\"trace/1\",\"interfaces\":{{{names}}}}}\n"));
            let on = |at: usize| match at {
                0 => "cset".to_owned(),
                _ => format!("cset{}", at + 1),
            };
            for at in 0..interfaces {
                story.begins(&format!("primary.t{at}"), "CreateEx", &on(at), &create("S", 1));
            }
            for at in 0..interfaces {
                story.returns(&format!("primary.t{at}"), "NOERROR");
                if Some(at) != unclosed {
                    story.begins(&format!("primary.t{at}"), "Close", &on(at), "");
                }
            }
            for at in (0..interfaces).rev().filter(|at| Some(*at) != unclosed) {
                story.returns(&format!("primary.t{at}"), "NOERROR");
            }
            match unclosed {
                None => story.is_conformant(),
                Some(_) => story.is_violation(),
            }
        }
    }
}
