//! Completion routines that are held, and what is in progress meanwhile.

use vdi_check::Verdict;

use crate::reduction::{Lines, counted, server};

/// Two commands are completed, and the routine of the first is held. A call begins; the routine
/// ends, and that of the second is invoked.
fn beside_two_routines(call: (&str, &str)) -> Lines {
    let mut lines = Lines::active(1);
    for command in [1, 2] {
        lines.sends(1, command);
        lines.returns(&server(1), "NOERROR");
        let given = format!(r#""return":"NOERROR","out":{{"command":"k{command}"}}"#);
        lines.fetches(1);
        lines.line("primary.t1", &given);
        let completes = format!(
            r#""call":"CompleteCommand","on":"c1","args":{{"command":"k{command}","code":"ERROR_SUCCESS","bytes":0}}"#
        );
        lines.whole("primary.t1", &completes);
    }
    let held = r#""callback":"k1","completion":"ERROR_SUCCESS","bytes":0,"held":true"#;
    lines.line("server.agent", held);
    lines.line(call.0, call.1);
    lines.line("server.agent", r#""ended":"k1""#);
    lines.callback(2, "ERROR_SUCCESS");
    lines
}

/// A routine that follows another says nothing of a call in progress: it may take effect later.
#[test]
fn a_routine_after_another_orders_no_call() {
    let polls = ("primary.t1", r#""call":"GetCommand","on":"c1","args":{"timeout":0}"#);
    let sends = |lines: &mut Lines| {
        lines.sends(1, 3);
        lines.returns(&server(1), "NOERROR");
    };
    let aborts = |lines: &mut Lines| lines.whole("server.x", r#""call":"SignalAbort","on":"sset""#);
    let judged = |first: &dyn Fn(&mut Lines), end: &str| {
        let mut lines = beside_two_routines(polls);
        first(&mut lines);
        lines.line("primary.t1", end);
        counted(&lines).0
    };
    let gives = |command: &str| format!(r#""return":"NOERROR","out":{{"command":"{command}"}}"#);
    let nothing = |_: &mut Lines| {};
    for (first, end) in [
        (&nothing as &dyn Fn(&mut Lines), r#""return":"VD_E_TIMEOUT""#.to_owned()),
        (&sends, gives("k3")),
        (&sends, r#""return":"VD_E_TIMEOUT""#.to_owned()),
        (&aborts, r#""return":"VD_E_ABORT""#.to_owned()),
        (&aborts, r#""return":"VD_E_TIMEOUT""#.to_owned()),
    ] {
        assert_eq!(judged(first, &end), Verdict::Conformant, "{end}");
    }
    for (first, end) in [
        (&nothing as &dyn Fn(&mut Lines), r#""return":"VD_E_ABORT""#.to_owned()),
        (&nothing, r#""return":"VD_E_CLOSE""#.to_owned()),
        (&sends, r#""return":"VD_E_ABORT""#.to_owned()),
    ] {
        assert!(matches!(judged(first, &end), Verdict::Violation(_)), "{end}");
    }
    let allocates = r#""call":"AllocateBuffer","on":"sset","as":"b9","args":{"size":512}"#;
    for (end, conforms) in [("NOERROR", true), ("VD_E_ABORT", true), ("VD_E_PROTOCOL", false)] {
        let mut lines = beside_two_routines(("server.t2", allocates));
        aborts(&mut lines);
        lines.returns("server.t2", end);
        assert_eq!(counted(&lines).0 == Verdict::Conformant, conforms, "{end}");
    }
}
