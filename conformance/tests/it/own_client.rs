//! A client program in the place of ours in a world: a sound one comes to no harm, a deviant
//! one is found, and one that breaks down is told from one that deviates.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::support::{told, vdi};
use vdi_conformance::adapter::{Limits, Trouble};
use vdi_conformance::campaign::{
    BackendKind, CampaignConfig, CannotRun, ClientProgram, Seeds, Shard, Share,
};
use vdi_sim::simulate::{Campaign, Problem, Watch};

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/adapters/python/backup_client.py");

fn worlds(command: &str, timeout: Duration, backend: BackendKind) -> CampaignConfig {
    let limits = Limits { timeout, ..Limits::default() };
    let client = Some(ClientProgram::new(command, limits).expect("a command line"));
    CampaignConfig { backend, client, ..CampaignConfig::on_model() }
}

fn campaign(worlds: &CampaignConfig, seeds: u64) -> Result<Campaign, CannotRun> {
    let share = Share { seeds: Seeds { from: 0, to: seeds }, shard: Shard::WHOLE };
    let stop = AtomicBool::new(false);
    worlds.campaign("documented-pages", share, 2, &stop, &|_| {})
}

fn python(deviation: Option<&str>, backend: BackendKind) -> CampaignConfig {
    let deviate = deviation.map(|name| format!(" --deviate {name}")).unwrap_or_default();
    worlds(&format!("python3 '{PYTHON}'{deviate}"), Duration::from_secs(60), backend)
}

/// A word of a command line.
fn quoted(text: &str) -> String {
    shlex::try_quote(text).expect("no null character").into_owned()
}

/// A client in a few lines of Python that answers the greeting, then does as it is told to.
fn small(then: &str) -> String {
    let greeting = r#"{"op":"hello","protocol":1,"client":{"name":"small","version":"1"}}"#;
    let code = format!(
        "import sys,time\ninput()\nprint('{greeting}',flush=True)\ninput()\n\
         print('{{\"op\":\"ready\"}}',flush=True)\ninput()\n{then}"
    );
    format!("python3 -c {}", quoted(&code))
}

#[test]
fn a_sound_program_comes_to_no_harm() {
    let found = campaign(&python(None, BackendKind::Model), 200).expect("it runs");
    assert_eq!(found.failures, []);
    assert!(found.totals.restores > 80, "{:?}", found.totals);
    let met = |what: &str| found.coverage.outcomes.keys().any(|known| known.contains(what));
    assert!(["OneThread", "ThreadPerDevice", "ProcessPerDevice"].into_iter().all(met));
    assert!(
        ["server-death", "primary-death", "client-abort", "secondary-death"]
            .into_iter()
            .all(|fault| found.coverage.faults.contains_key(fault))
    );
}

#[test]
fn it_runs_on_the_implementations_too() {
    for backend in [BackendKind::Runtime, BackendKind::Reference(None)] {
        let found = campaign(&python(None, backend), 60).expect("it runs");
        assert_eq!(found.failures, [], "{}", backend.name());
        assert!(found.totals.restores > 15, "{:?}", found.totals);
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let worlds = python(None, BackendKind::Model);
    let bytes = |seeds: &[u64]| {
        let mut runner = worlds.runner().expect("it starts");
        let run = |seed: &u64| {
            let options = runner.options(*seed).expect("options");
            let outcome = runner.run(*seed, &options, Watch { judge: true, keep: true });
            outcome.log.expect("kept").to_trace().to_json_lines()
        };
        seeds.iter().map(run).collect::<Vec<_>>()
    };
    // A world does not depend on those that the program was in before.
    let (forth, mut back) = (bytes(&[1, 2, 3, 4, 5, 6]), bytes(&[6, 5, 4, 3, 2, 1]));
    back.reverse();
    assert!(forth == back);
}

#[test]
fn a_deviation_is_found() {
    let known = [
        ("leaves-open", &["fault against client.close.devices-open"][..]),
        ("short-write", &["fault against client.write.short", "loss of data"]),
        ("close-is-success", &["fault against client.success", "false success"]),
        ("no-flush", &["fault against client.command.mandatory"]),
    ];
    for (deviation, wanted) in known {
        let found = campaign(&python(Some(deviation), BackendKind::Model), 80).expect("it runs");
        let mut classes: Vec<String> = found
            .failures
            .iter()
            .flat_map(|failure| &failure.problems)
            .map(Problem::class)
            .collect();
        classes.sort();
        classes.dedup();
        for wanted in wanted {
            let found = classes.iter().any(|class| class.starts_with(wanted));
            assert!(found, "{deviation}: {classes:?}");
        }
    }
}

/// What is told of the first world of a program.
fn first_problem(then: &str, timeout: Duration) -> String {
    // Without faults, that nothing else ends it before.
    let overrides = vec![("faults".to_owned(), serde_json::json!({}))];
    let worlds = CampaignConfig { overrides, ..worlds(&small(then), timeout, BackendKind::Model) };
    let found = campaign(&worlds, 2).expect("it runs");
    assert_eq!(found.failed, 2, "it is started again for the next world");
    assert!(!found.interrupted);
    match &found.failures[0].problems[0] {
        Problem::Broken { what } => what.clone(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_program_that_breaks_down_is_told() {
    let long = Duration::from_secs(60);
    let ended = first_problem("sys.exit('out of tapes')", long);
    assert!(ended.contains("ended (exit status: 1)") && ended.contains("out of tapes"), "{ended}");
    let rubbish = first_problem("print('hello?',flush=True)\ninput()", long);
    assert!(rubbish.contains("no answer") && rubbish.contains("hello?"), "{rubbish}");
    let silent = first_problem("time.sleep(60)", Duration::from_secs(4));
    assert!(silent.contains("gave no answer to `turn of "), "{silent}");
    let trouble =
        first_problem(r#"print('{"op":"trouble","message":"no tapes"}',flush=True)"#, long);
    assert!(trouble.contains("no tapes"), "{trouble}");
    let call = |call: &str| {
        first_problem(&format!("print('{{\"op\":\"call\",{call}}}',flush=True)\ninput()"), long)
    };
    for (wrong, why) in [
        (r#""call":"GetComand","on":"S1","args":{"timeout":0}"#, "GetCommand"),
        (r#""call":"GetCommand","args":{"timeout":0}"#, "needs `on`"),
        (r#""call":"GetCommand","on":"S1","args":{"timeout":0}"#, "has not opened"),
        (r#""call":"GetCommand","on":"S9","args":{"timeout":0}"#, "no device `S9`"),
        (r#""call":"OpenDevice","args":{"name":"S1","code":1}"#, "no argument `code`"),
        (r#""call":"SendCommand","on":"S1","args":{"code":"Flush"}"#, "a client has no function"),
        (r#""call":"CreateEx","args":{"name":"T","config":{"deviceCount":1}}"#, "as told"),
    ] {
        let told = call(wrong);
        assert!(told.contains(why), "{wrong}: {told}");
    }
}

/// A client of one device in Python that takes its time: `with_command` says what it does once
/// it has been given the command `held`.
fn slow(with_command: &str) -> String {
    let code = format!(
        r#"
import json, sys
step, begun, held = 0, {{}}, None
def say(op, **more): print(json.dumps(dict(more, op=op)), flush=True)
def call(call, on=None, **args): say("call", call=call, on=on, args=args)
for line in sys.stdin:
    told = json.loads(line)
    if told["op"] == "hello":
        wanted = {{"plan": "backup", "like": "pipe", "devices": 1, "removable": False}}
        client = {{"name": "slow", "version": "1"}}
        say("hello", protocol=1, client=client, options=wanted)
    elif told["op"] == "world": say("ready")
    elif told["op"] == "bye": break
    elif told.get("lane", "primary.main") != "primary.main": say("end")
    elif told.get("told") == "begins":
        begun, step = told, 1
        call("CreateEx", name=told["set"], config=told["config"])
    elif step == 1: step = 2; say("issue")
    elif step == 2: step = 3; call("GetConfiguration", timeout="infinite")
    elif step == 3: step = 4; call("OpenDevice", name=begun["devices"][0])
    elif step == 4: step = 5; call("GetCommand", on=begun["devices"][0], timeout="infinite")
    elif step == 5 and told["status"] == "NOERROR":
        step, held = 6, told["out"]; say("sleep", milliseconds=10)
    elif step == 5: step = 7; call("Close")
    elif step == 6:
        {with_command}
    else: say("end")
"#
    );
    format!("python3 -c {}", quoted(&code))
}

/// A command may be held from one turn to another, whoever has a turn in between.
#[test]
fn commands_may_be_held_over_turns() {
    let refuses = r#"step = 4; call("CompleteCommand", on=begun["devices"][0],
            command=held["command"], code="ERROR_SUCCESS", bytes=held["size"])"#;
    let overrides = vec![
        ("faults".to_owned(), serde_json::json!({})),
        ("arrangement".to_owned(), "one-thread".into()),
    ];
    let worlds = worlds(&slow(refuses), Duration::from_secs(60), BackendKind::Model);
    let found = campaign(&CampaignConfig { overrides, ..worlds }, 60).expect("it runs");
    let broken = found.problems.keys().find(|class| class.contains("broken"));
    // That it moves no data is a fault of its own.
    assert_eq!((broken, found.worlds), (None, 60), "{:?}", found.failures.first());
    assert!(found.totals.commands > 100, "{:?}", found.totals);
}

/// Reads and writes without an end are a breakdown, too.
#[test]
fn a_turn_without_an_end_is_told() {
    let worlds = worlds(
        &slow(r#"say("read", command=held["command"])"#),
        Duration::from_secs(60),
        BackendKind::Model,
    );
    let overrides = vec![
        ("faults".to_owned(), serde_json::json!({})),
        ("arrangement".to_owned(), "one-thread".into()),
        // Commands without bytes: how often is what counts.
        ("data".to_owned(), 0.into()),
        ("metadata".to_owned(), 0.into()),
    ];
    let found = campaign(&CampaignConfig { overrides, ..worlds }, 1).expect("it runs");
    let problem = found.failures[0].problems[0].to_string();
    assert!(problem.contains("after so many reads and writes"), "{problem}");
}

#[test]
fn a_program_that_does_not_start_ends_everything() {
    let start = |command: &str| {
        let long = Duration::from_secs(60);
        match campaign(&worlds(command, long, BackendKind::Model), 3) {
            Err(CannotRun::Client(failed)) => failed.trouble,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(start("/no/such/program"), Trouble::NotStarted(_)));
    assert!(matches!(start("true"), Trouble::Crashed(_)));
    let other = r#"python3 -c 'print("{\"op\":\"hello\",\"protocol\":2}")'"#;
    assert_eq!(start(other), Trouble::WrongVersion(2));
    let output = vdi(&["simulate", "--seed", "1", "--client", "/no/such/program"]);
    assert_eq!(output.status.code(), Some(69));
    let output = vdi(&["simulate", "--seeds", "0..9", "--client", "true"]);
    assert_eq!(output.status.code(), Some(69));
}

#[test]
fn a_program_says_what_its_worlds_must_be_like() {
    let hello = |options: &str| {
        let worlds = worlds(
            &format!(
                "python3 -c {}",
                quoted(&format!(
                    "print('{{\"op\":\"hello\",\"protocol\":1,\"client\":{{\"name\":\"a\",\
                     \"version\":\"1\"}},\"options\":{options}}}',flush=True)\ninput()\ninput()"
                ))
            ),
            Duration::from_secs(60),
            BackendKind::Model,
        );
        let runner = worlds.runner().expect("it starts");
        let all = (0..20).map(|seed| runner.options(seed)).collect::<Result<Vec<_>, _>>();
        all.map_err(|unfit| unfit.to_string())
    };
    let all = hello(r#"{"devices":1,"like":["tape","disk"]}"#).expect("options");
    assert!(all.iter().all(|options| options.devices == 1));
    let pipes = all.iter().filter(|options| format!("{:?}", options.like) == "Pipe").count();
    assert_eq!(pipes, 0);
    assert!(hello(r#"{"colour":1}"#).is_err_and(|why| why.contains("no option `colour`")));
    assert!(
        hello(r#"{"devices":3,"arrangement":"one-thread"}"#)
            .is_err_and(|why| why.contains("does not go with"))
    );
    assert!(hello(r#"{"devices":[]}"#).is_err_and(|why| why.contains("no value")));
}

/// The example of the README.
#[test]
fn the_command_runs_a_program() {
    let client = "python3 conformance/adapters/python/backup_client.py";
    let words = ["simulate", "--seeds", "0..40", "--jobs", "2", "--client", client];
    assert!(vdi(&words).status.success(), "{}", told(&words));
    let deviant = format!("{client} --deviate short-write");
    let words = ["simulate", "--seeds", "0..40", "--jobs", "2", "--client", &deviant];
    let output = vdi(&words);
    assert_eq!(output.status.code(), Some(1), "{}", told(&words));
    // The command that is told makes the failure again.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let again = text.lines().find_map(|line| line.trim().strip_prefix("again     vdi "));
    let (verb, rest) = again.expect("a command").split_once(" --client ").expect("the client");
    let mut words: Vec<&str> = verb.split(' ').collect();
    words.extend(["--client", rest.trim_matches('\'')]);
    assert_eq!(vdi(&words).status.code(), Some(1), "{}", told(&words));
}

/// A seed that fails is shrunk, and the command that is told makes it fail again.
#[test]
fn a_seed_is_shrunk() {
    let defect = ["--on", "reference", "--defect", "forgets-delivered"];
    let failing = (0..400).map(|seed| seed.to_string()).find(|seed| {
        let words = [&["simulate", "--seed", seed][..], &defect].concat();
        vdi(&words).status.code() == Some(1)
    });
    let seed = failing.expect("a world that shows the defect");
    let words = [&["shrink", "--seed", &seed][..], &defect].concat();
    let output = vdi(&words);
    assert!(output.status.success(), "{}", told(&words));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let again = text.lines().find_map(|line| line.strip_prefix("again     vdi "));
    let again = again.expect("a command").replace('\'', "");
    let words: Vec<&str> = again.split(' ').collect();
    assert!(words.contains(&"--set"), "nothing is simpler: {again}");
    assert_eq!(vdi(&words).status.code(), Some(1), "{}", told(&words));
}

#[test]
fn wrong_words_are_told() {
    for (words, code, why) in [
        (&["shrink", "--seed", "3"][..], 64, "does not fail"),
        (&["shrink", "--seed", "3", "--output", "small.json"], 64, "--trace"),
        (&["shrink"], 64, "Usage"),
        (&["shrink", "README.md", "--set", "devices=1"], 64, "cannot be used with"),
        (&["replay", "--seed", "3", "--plain"], 64, "--on"),
        (&["simulate", "--seed", "1", "--client", "'"], 64, "no command line"),
        (&["simulate", "--seed", "1", "--client", "/no/such/program"], 69, "cannot be started"),
    ] {
        let output = vdi(words);
        let told = told(words);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn results_that_do_not_belong_together_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let run = |name: &str, more: &[&str]| {
        let output = file(name);
        let words = [&["simulate", "--jobs", "1", "--output", &output][..], more].concat();
        assert!(vdi(&words).status.success(), "{}", told(&words));
        output
    };
    let first = run("1.json", &["--seeds", "0..40", "--shard", "1/2"]);
    let second = run("2.json", &["--seeds", "0..40", "--shard", "2/2"]);
    let overlap = run("3.json", &["--seeds", "30..50"]);
    let other = run("4.json", &["--seeds", "50..60", "--set", "devices=1"]);
    assert!(vdi(&["merge", &second, &first]).status.success());
    // What did not run leaves it open whether all is as it should be.
    let half = vdi(&["merge", &second]);
    assert_eq!(half.status.code(), Some(2));
    let half = String::from_utf8(half.stdout).expect("UTF-8");
    assert!(half.contains("missing of 0..40: 20 seeds, shards 1/2"), "{half}");
    let whole: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&first).expect("written")).expect("JSON");
    let broken = |name: &str, pointer: &str, value: serde_json::Value| {
        let mut broken = whole.clone();
        *broken.pointer_mut(pointer).expect("it is there") = value;
        std::fs::write(file(name), broken.to_string()).expect("written");
        file(name)
    };
    let newer = broken("5.json", "/vdi", "campaign/2".into());
    let ranges = broken("6.json", "/seeds/0", "some".into());
    let cut = broken("10.json", "/interrupted", true.into());
    assert_eq!(vdi(&["merge", &second, &cut]).status.code(), Some(2));
    let counted = broken("7.json", "/worlds", "many".into());
    std::fs::write(file("8.json"), "{}").expect("written");
    for (with, why) in [
        (&overlap, "30..50 1/1 are in it a second time"),
        (&first, "a second time"),
        (&other, "--set"),
        (&newer, "`campaign/2`, expected `campaign/1`"),
        (&ranges, "`some` is no share of seeds"),
        (&counted, "invalid type: string \"many\""),
        (&file("8.json"), "missing field"),
        (&file("9.json"), "No such file"),
    ] {
        let words = ["merge", first.as_str(), with.as_str()];
        let output = vdi(&words);
        let told = told(&words);
        assert_eq!(output.status.code(), Some(65), "{told}");
        assert!(told.contains(why) && told.contains(with.as_str()), "{told}");
    }
}
