//! How a SQL statement may end, told by the client or by the server, of one set or of
//! several; half histories too.

use vdi_check::{Judged, Verdict, check_reader};
use vdi_spec::clauses::{Clause, Party, Profile};

const BOTH: &str = r#"{"vdi":"trace/1"}"#;
const CLIENT_ALONE: &str = r#"{"vdi":"trace/1","unseen":["server"]}"#;
const TWO_SETS: &str = r#"{"vdi":"trace/1","interfaces":{"c2set":"primary","s2set":"server"}}"#;

/// Lines of a trace.
#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn of(header: &str) -> Self {
        Self(vec![header.to_owned()])
    }

    fn event(mut self, text: &str) -> Self {
        self.0.push(format!("{{{text}}}"));
        self
    }

    /// A call that returns at once.
    fn call(self, lane: &str, call: &str, returns: &str) -> Self {
        let begun = self.event(&format!(r#""lane":"{lane}",{call}"#));
        begun.event(&format!(r#""lane":"{lane}",{returns}"#))
    }

    fn good(self, lane: &str, call: &str) -> Self {
        self.call(lane, call, r#""return":"NOERROR""#)
    }

    /// A set of one device that is created, configured, opened and active; the names of its
    /// interfaces are `c…` and `s…`.
    fn active(self, mark: &str) -> Self {
        let (server, client) = ("server.main", "primary.main");
        let on =
            |side: &str, function: &str| format!(r#""call":"{function}","on":"{side}{mark}set""#);
        let name = format!(r#""args":{{"name":"S{mark}"}}"#);
        self.good(
            client,
            &format!(
                r#"{},"args":{{"name":"S{mark}","config":{{"deviceCount":1}}}}"#,
                on("c", "CreateEx")
            ),
        )
        .good(server, &format!("{},{name}", on("s", "Open")))
        .good(
            server,
            &format!(
                r#"{},"args":{{"features":["WriteMedia"],"blockSize":512,"maxTransferSize":65536}}"#,
                on("s", "BeginConfiguration")
            ),
        )
        .good(server, &on("s", "EndConfiguration"))
        .good(client, &format!(r#"{},"args":{{"timeout":0}}"#, on("c", "GetConfiguration")))
        .event(&format!(r#""lane":"server.agent{mark}",{}"#, on("s", "ExecuteCompletionAgent")))
        .good(server, &format!(r#"{},"as":"s{mark}dev",{name}"#, on("s", "OpenDevice")))
        .good(client, &format!(r#"{},"as":"c{mark}dev",{name}"#, on("c", "OpenDevice")))
    }

    /// Every device of it is closed, and the agent comes back.
    fn closed(self, mark: &str) -> Self {
        self.good("server.main", &format!(r#""call":"CloseDevice","on":"s{mark}dev""#))
            .event(&format!(r#""lane":"server.agent{mark}","return":"NOERROR""#))
    }

    fn read(&self) -> Judged {
        check_reader(self.0.join("\n").as_bytes(), &Profile::default())
    }

    fn judged(&self) -> Judged {
        let judged = self.read();
        assert_eq!(judged.verdict, Verdict::Conformant, "{}", self.0.join("\n"));
        judged
    }

    /// The clauses of what was found.
    fn found(&self) -> Vec<Clause> {
        let judged = self.judged();
        assert_eq!(judged.error, None, "{}", self.0.join("\n"));
        judged.findings.iter().map(|finding| finding.clause).collect()
    }
}

/// A client that is seen alone: it is given a Write or another command, and answers so.
fn half(code: &str, more: &str, answer: &str) -> Lines {
    let client = "primary.main";
    let create = r#""call":"Create","on":"cset","args":{"name":"S","config":{"deviceCount":1}}"#;
    let configuration = r#""return":"NOERROR","out":{"config":{"deviceCount":1,"features":["WriteMedia"],"blockSize":512,"alignment":512,"maxIODepth":4,"maxTransferSize":65536,"bufferAreaSize":262144}}"#;
    Lines::of(CLIENT_ALONE)
        .good(client, create)
        .call(
            client,
            r#""call":"GetConfiguration","on":"cset","args":{"timeout":"infinite"}"#,
            configuration,
        )
        .good(client, r#""call":"OpenDevice","on":"cset","as":"cdev","args":{"name":"S"}"#)
        .call(
            client,
            r#""call":"GetCommand","on":"cdev","args":{"timeout":"infinite"}"#,
            &format!(r#""return":"NOERROR","out":{{"command":"c1","code":"{code}"{more}}}"#),
        )
        .good(
            client,
            &format!(
                r#""call":"CompleteCommand","on":"cdev","args":{{"command":"c1","code":"{answer}","bytes":0}}"#
            ),
        )
}

const SUCCEEDED: &str = r#""lane":"primary.main","statement":"succeeded""#;
const FAILED: &str = r#""lane":"primary.main","statement":"failed""#;
const BUFFER: &str = r#","size":512,"buffer":"b1""#;

#[test]
fn what_a_client_alone_has_answered_binds_the_server() {
    let full = half("Write", BUFFER, "ERROR_DISK_FULL").event(SUCCEEDED);
    assert_eq!(full.found(), [Clause::ServerStatementDeviceFull]);
    let flush = half("Flush", "", "ERROR_WRITE_FAULT").event(SUCCEEDED);
    assert_eq!(flush.found(), [Clause::ServerStatementFlush]);
    let judged = flush.judged();
    assert_eq!(judged.exit_code(&[Party::Server]), 1);
    assert_eq!(half("Flush", "", "ERROR_SUCCESS").event(SUCCEEDED).found(), []);
    assert_eq!(half("Write", BUFFER, "ERROR_DISK_FULL").event(FAILED).found(), []);
}

/// The server may have closed its devices before a client that is seen alone aborts; that
/// it was told of an abort of the server's is another thing.
#[test]
fn an_abort_binds_as_far_as_it_was_seen() {
    let command = half("Flush", "", "ERROR_SUCCESS");
    let client = command.good("primary.main", r#""call":"SignalAbort","on":"cset""#);
    assert_eq!(client.event(SUCCEEDED).found(), []);
    let told = half("Flush", "", "ERROR_SUCCESS").call(
        "primary.main",
        r#""call":"GetCommand","on":"cdev","args":{"timeout":"infinite"}"#,
        r#""return":"VD_E_ABORT""#,
    );
    assert_eq!(told.event(SUCCEEDED).found(), [Clause::ServerStatementAborted]);
}

#[test]
fn a_failure_that_nothing_explains_is_noted_and_no_fault() {
    let judged = Lines::of(BOTH).active("").closed("").event(FAILED).judged();
    assert_eq!((judged.notes.len(), judged.findings.len()), (1, 0));
    assert_eq!(judged.exit_code(&[Party::Interface, Party::Server, Party::Client]), 0);
    // What comes after may explain it.
    let aborted = Lines::of(BOTH)
        .active("")
        .event(FAILED)
        .good("server.main", r#""call":"SignalAbort","on":"sset""#);
    assert_eq!(aborted.judged().notes, []);
    let created = r#""call":"CreateEx","on":"cset","args":{"name":"S","config":{"deviceCount":1}}"#;
    let refused = Lines::of(BOTH).good("primary.main", created).event(FAILED);
    assert_eq!(refused.judged().notes, []);
}

#[test]
fn one_success_is_one_finding_whoever_tells_of_it() {
    let servers = r#""lane":"server.main","statement":"succeeded""#;
    let aborted =
        || Lines::of(BOTH).active("").good("primary.main", r#""call":"SignalAbort","on":"cset""#);
    let expected = [Clause::ServerStatementAborted];
    assert_eq!(aborted().event(servers).found(), expected);
    assert_eq!(aborted().event(servers).event(SUCCEEDED).found(), expected);
    // That the client succeeded, what it learned itself says.
    let reported = r#""lane":"primary.main","report":"success""#;
    let told = aborted().event(servers).event(reported);
    assert_eq!(told.found(), [Clause::ServerStatementAborted, Clause::ClientSuccess]);
}

#[test]
fn each_set_is_judged_by_its_own_statement() {
    let both = || {
        Lines::of(TWO_SETS)
            .active("")
            .active("2")
            .closed("")
            .good("server.main", r#""call":"SignalAbort","on":"s2set""#)
    };
    let told = |on: &str, what: &str| format!(r#""lane":"primary.main","on":"{on}",{what}"#);
    let succeeded = r#""statement":"succeeded""#;
    assert_eq!(both().event(&told("cset", succeeded)).found(), []);
    let second = both().event(&told("cset", succeeded)).event(&told("c2set", succeeded));
    assert_eq!(second.found(), [Clause::ServerStatementAborted]);
    let report = r#""report":"success""#;
    let reported = both().event(&told("cset", succeeded)).event(&told("c2set", report));
    assert_eq!(reported.found(), [Clause::ClientSuccess]);
    // One that is not the process's is no set interface of it.
    let others = both().event(&told("sset", succeeded)).read();
    assert!(others.error.is_some_and(|error| error.message.contains("no set interface")));
}

/// The statements of two sets, issued before either set is made: each has its own. Of one set a
/// second one is a second one.
#[test]
fn statements_before_their_sets() {
    let issued = |on: &str, devices: &str| {
        format!(r#""lane":"primary.sql","on":"{on}","statement":"issued"{devices}"#)
    };
    let create = |on: &str, name: &str| {
        format!(
            r#""call":"CreateEx","on":"{on}","args":{{"name":"{name}","config":{{"deviceCount":1}}}}"#
        )
    };
    for devices in ["", r#","devices":1"#] {
        let both = Lines::of(TWO_SETS)
            .event(&issued("cset", devices))
            .event(&issued("c2set", devices))
            .good("primary.main", &create("cset", "S"))
            .good("primary.main", &create("c2set", "T"));
        assert_eq!(both.found(), Vec::new());
    }
    let twice = Lines::of(TWO_SETS)
        .event(&issued("cset", ""))
        .event(&issued("cset", ""))
        .good("primary.main", &create("cset", "S"));
    assert_eq!(twice.found(), [Clause::ClientCreateOneStatement]);
}

#[test]
fn who_asks_for_a_configuration_that_is_there_does_not_wait_in_vain() {
    let asks = r#""lane":"primary.t2","call":"GetConfiguration","on":"cset","args":{"timeout":"infinite"}"#;
    let failed = r#""lane":"primary.main","on":"cset","statement":"failed""#;
    let killed = r#""process":"primary","exit":"killed""#;
    // It is there: whoever is ended meanwhile had only not returned yet.
    for events in [[asks, failed, killed], [failed, asks, killed]] {
        let lines = events.into_iter().fold(Lines::of(BOTH).active(""), Lines::event);
        assert_eq!(lines.found(), [], "{events:?}");
    }
    // It is not: nobody will give it any more.
    let create = r#""call":"CreateEx","on":"cset","args":{"name":"S","config":{"deviceCount":1}}"#;
    for events in [[asks, failed, killed], [failed, asks, killed]] {
        let created = Lines::of(BOTH).good("primary.main", create);
        let lines = events.into_iter().fold(created, Lines::event);
        let after = Clause::ClientGetConfigurationAfterFailure;
        assert!(lines.found().contains(&after), "{events:?}: {:?}", lines.found());
    }
}
