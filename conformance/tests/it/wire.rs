//! The reference implementation as its adapter carries it: secondary clients, buffer
//! handles, addresses and time, judged by the oracle alone, without and with each
//! defect that is to be seen there.

use vdi_conformance::adapter::{Limits, Reference};
use vdi_conformance::reference::Mutant;
use vdi_conformance::run::{ScenarioResult, SuiteOptions, Verdict, run_suite};
use vdi_conformance::scenario::parse;
use vdi_sim::clauses::Profile;

fn run(given: &str, steps: &str, defect: Option<Mutant>) -> ScenarioResult {
    let text = format!(
        r#"{{ "id": "wire", "title": "A history", "clauses": ["client.close.status"],
            "parties": ["interface"], {given} "steps": [{steps}] }}"#
    );
    let scenario = parse("wire", &text).unwrap_or_else(|bad| panic!("{bad:?}"));
    let adapter = defect.map_or_else(Reference::adapter, Reference::mutant);
    let options = SuiteOptions {
        profile: Profile::default(),
        limits: Limits::default(),
        jobs: 1,
        max_fail: None,
    };
    run_suite(&adapter, &[&scenario], &options, &|_| {}).remove(0)
}

/// The interface is blamed for nothing without a defect, and for a clause that fits with
/// each of these. What the steps do not say, callbacks for one, is left to the oracle.
#[track_caller]
fn judged(given: &str, steps: &str, defects: &[Mutant]) {
    let sound = run(given, steps, None).verdict;
    assert!(matches!(sound, Verdict::Conformant | Verdict::Disagreement(_)), "{sound:?}");
    for defect in defects {
        let verdict = run(given, steps, Some(*defect)).verdict;
        let Verdict::Violation(violation) = &verdict else { panic!("{defect}: {verdict:?}") };
        let clause = violation.clause.info().id;
        assert!(defect.info().clauses.contains(&clause), "{defect}: {clause}");
    }
}

#[test]
fn secondaries_open_what_is_there_for_them() {
    judged(
        r#""given": { "phase": "Connected" },"#,
        r#"{ "call": "OpenInSecondary", "on": "x1set", "args": { "name": "T" } },
           { "call": "OpenInSecondary", "on": "x1set", "args": { "name": "s" } },
           { "call": "OpenInSecondaryEx", "on": "x1set", "args": { "name": "S" } }"#,
        &[Mutant::SecondaryEarly, Mutant::SecondaryWithoutSet],
    );
    judged(
        r#""given": { "phase": "Initializing" },"#,
        r#"{ "call": "OpenInSecondary", "on": "x1set", "args": { "name": "S" } },
           { "call": "GetConfiguration", "on": "x1set", "args": { "timeout": 0 } },
           { "call": "OpenInSecondary", "on": "x1set", "args": { "name": "S" } },
           { "call": "SignalAbort", "on": "x1set" },
           { "call": "OpenInSecondary", "on": "x2set", "args": { "name": "S" } }"#,
        &[Mutant::SecondaryAgain, Mutant::SecondaryAborted],
    );
}

const SHARED: &str = r#""given": { "phase": "Active", "devices": 2, "secondaries": 1,
    "buffers": ["b1"],
    "commands": [{ "as": "c1", "code": "Write", "buffer": "b1", "size": 65536,
                   "at": "queued" }] },"#;

#[test]
fn buffers_are_shared_by_handle() {
    judged(
        SHARED,
        r#"{ "call": "GetBufferHandle", "on": "cset", "as": "h0", "args": { "buffer": "b1" } },
           { "call": "GetBufferHandle", "on": "cset", "as": "h1", "args": { "buffer": null } },
           { "call": "GetCommand", "on": "cdev1", "args": { "timeout": 0 }, "gives": "c1" },
           { "call": "GetBufferHandle", "on": "cset", "as": "h2", "args": { "buffer": "b1" } },
           { "touch": "b1", "lane": "secondary1.main", "found": "gone" },
           { "call": "MapBufferHandle", "on": "x1set", "args": { "handle": "h2" } },
           { "touch": "b1", "lane": "secondary1.main", "found": "alive" }"#,
        &[Mutant::HandlesOfAnything, Mutant::MappingNotNeeded, Mutant::MapsNothing],
    );
    judged(
        SHARED,
        r#"{ "call": "GetCommand", "on": "cdev1", "args": { "timeout": 0 }, "gives": "c1" },
           { "call": "GetBufferHandle", "on": "cset", "as": "h1", "args": { "buffer": "b1" } },
           { "call": "CompleteCommand", "on": "cdev1",
             "args": { "command": "c1", "code": "ERROR_SUCCESS", "bytes": 65536 } },
           { "call": "FreeBuffer", "on": "sset", "args": { "buffer": "b1" } },
           { "call": "MapBufferHandle", "on": "x1set", "args": { "handle": "h1" } }"#,
        &[Mutant::MapsFreed],
    );
}

#[test]
fn secondaries_have_devices_of_their_own() {
    judged(SHARED, r#"{ "call": "Close", "on": "x1set" }"#, &[Mutant::SecondaryCloseQuiet]);
    judged(
        SHARED,
        r#"{ "call": "CloseDevice", "on": "sdev2" },
           { "call": "GetCommand", "on": "x1dev2", "args": { "timeout": 0 } },
           { "call": "Close", "on": "x1set" },
           { "call": "GetCommand", "on": "cdev1", "args": { "timeout": 0 }, "gives": "c1" }"#,
        &[Mutant::SecondaryCloseAborts],
    );
    judged(
        r#""given": { "phase": "Active", "devices": 2, "secondaries": 1 },"#,
        r#"{ "call": "OpenDevice", "on": "cset", "as": "cdev9", "args": { "name": "S2" } },
           { "call": "CloseDevice", "on": "sdev1" },
           { "call": "GetCommand", "on": "cdev1", "args": { "timeout": 0 } },
           { "call": "Close", "on": "cset" }"#,
        &[Mutant::SecondaryOpensTwice, Mutant::PrimaryForgetsSecondaries],
    );
    judged(
        SHARED,
        r#"{ "exit": "secondary1", "how": "killed" },
           { "call": "GetCommand", "on": "cdev1", "args": { "timeout": 0 }, "gives": "c1" }"#,
        &[Mutant::SecondaryDeathAborts],
    );
}

#[test]
fn time_passes_on_request() {
    judged(
        r#""given": { "phase": "Active" },"#,
        r#"{ "start": "GetCommand", "on": "cdev1", "args": { "timeout": 90 } },
           { "blocked": ["primary.main", "server.agent"] },
           { "expire": "primary.main", "after": 60 },
           { "blocked": ["primary.main", "server.agent"] },
           { "expire": "primary.main" },
           { "await": "return", "lane": "primary.main" }"#,
        &[],
    );
    let given = r#""config": { "deviceCount": 1, "serverTimeOut": 1000 }, "given": {
        "phase": "Active", "commands": [
            { "as": "c1", "code": "Flush", "at": "delivered" },
            { "as": "c2", "code": "Flush", "at": "queued" }] },"#;
    judged(
        given,
        r#"{ "expire": "server.agent" },
           { "call": "CompleteCommand", "on": "cdev1",
             "args": { "command": "c1", "code": "ERROR_SUCCESS" } },
           { "expire": "server.agent" },
           { "call": "GetCommand", "on": "cdev1", "args": { "timeout": 0 }, "gives": "c2" },
           { "expire": "server.agent" },
           { "call": "GetCommand", "on": "cdev1", "args": { "timeout": 0 } }"#,
        &[Mutant::ServerTimeoutIgnored, Mutant::ServerTimeoutEarly, Mutant::ServerTimeoutAlways],
    );
}

#[test]
fn buffers_have_an_address() {
    judged(
        r#""config": { "deviceCount": 1, "prefixZoneSize": 100 },
           "given": { "phase": "Configurable" },"#,
        r#"{ "call": "RequestBuffers", "on": "sset", "args": { "size": 65536, "count": 2 } },
           { "call": "RequestBuffers", "on": "sset",
             "args": { "size": 512, "count": 1, "alignment": 4096 } },
           { "call": "EndConfiguration", "on": "sset" },
           { "call": "QueryAvailableBuffers", "on": "sset", "args": { "size": 65536 } },
           { "call": "AllocateBuffer", "on": "sset", "as": "b1", "args": { "size": 65536 } },
           { "call": "AllocateBuffer", "on": "sset", "as": "b2",
             "args": { "size": 512, "alignment": 4096 } },
           { "call": "AllocateBuffer", "on": "sset", "as": "b3", "args": { "size": 65536 } },
           { "call": "IsSharedBuffer", "on": "sset", "args": { "buffer": "b1" } },
           { "call": "IsSharedBuffer", "on": "sset", "args": { "buffer": null } }"#,
        &[
            Mutant::AllocatesMisaligned,
            Mutant::PrefixZoneUncounted,
            Mutant::SharedNever,
            Mutant::SharedNull,
        ],
    );
}
