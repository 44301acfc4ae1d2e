//! One process of a backup or a restore is killed, at any moment: how soon the others end,
//! and what they say.
//!
//! `VDI_KILLS=100 cargo test --release -p vdi_conformance --test it killed -- --nocapture`
//! kills so many of each kind, and prints how long it took.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::time::{Duration, Instant};

use super::stage::{self, Stage};

/// How long the others may take at most: much longer than they do, on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(60);

/// Within what time half of them are over: a hundred of the intervals at which they look.
const HALF: Duration = Duration::from_secs(5);

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    /// The process that created the set.
    Client,
    /// The process that plays sqlcmd, and the server.
    Server,
    /// A process of the client's that opened the set as a secondary.
    Secondary,
}

/// What one kill led to.
struct Seen {
    took: Duration,
    /// What those who were left said.
    said: &'static str,
}

/// Moments within a length of time, the same in every run.
struct Moments(u64);

impl Moments {
    fn next(&mut self, within: Duration) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        within.mul_f64((self.0 >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

#[expect(clippy::disallowed_methods, reason = "how soon is what is tested")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a moment is chosen, not waited for")]
fn wait(time: Duration) {
    std::thread::sleep(time);
}

/// The client with its server, begun; what they say goes into the files `out` and `told`.
fn begin(stage: &Stage, client: &str, verb: &str) -> std::process::Child {
    let mut command = stage.command(client, &[verb, "x", "MEDIUM"]);
    let file = |name: &str| File::create(stage.path(name)).expect("created");
    command.stdout(file("out")).stderr(file("told")).env("DEVICES", "2");
    command.env("VDI_FAULTS", "slow=1").spawn().expect("it starts")
}

/// Bytes of all media.
fn media(stage: &Stage) -> u64 {
    let entries = fs::read_dir(stage.path(".")).expect("a folder").flatten();
    let media = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("medium"));
    media.map(|entry| entry.metadata().map_or(0, |medium| medium.len())).sum()
}

/// What nobody has disturbed.
struct Whole {
    took: Duration,
    media: u64,
}

/// Kills once; `None` if at that moment there is nobody to be killed.
fn kill(
    stage: &Stage,
    (client, verb, killed): (&str, &str, Killed),
    (at, whole): (Duration, &Whole),
) -> Option<Seen> {
    let mut primary = begin(stage, client, verb);
    wait(at);
    let victim = match killed {
        Killed::Client => Some(primary.id()),
        Killed::Server => stage.processes().into_iter().find(|(_, n)| n == "sqlcmd").map(|p| p.0),
        Killed::Secondary => {
            let all = stage.processes().into_iter().map(|(number, _)| number);
            all.filter(|number| stage::has_words(*number, "secondary")).max()
        }
    };
    let alive = victim.filter(|victim| {
        primary.try_wait().expect("a child").is_none() && stage::try_kill(*victim)
    });
    let begun = now();
    // Whoever plays sqlcmd at this moment has to say what became of its statement.
    let has_server = stage.processes().iter().any(|(_, name)| name == "sqlcmd");
    let mut ended = None;
    while begun.elapsed() < LIMIT {
        ended = ended.or_else(|| primary.try_wait().expect("a child"));
        if ended.is_some() && stage.processes().is_empty() {
            break;
        }
        wait(Duration::from_millis(1));
    }
    let took = begun.elapsed();
    let left = stage.processes();
    let read = |name: &str| fs::read_to_string(stage.path(name)).expect("written");
    let (out, told) = (read("out"), read("told"));
    if alive.is_none() && left.is_empty() {
        return None;
    }
    let what = format!("{client} {verb}, {killed:?} after {at:?}");
    assert!(left.is_empty(), "{what}: {left:?} live on: {out}{told}");
    if killed == Killed::Client && (out.is_empty() || out.contains("successfully processed")) {
        // The server was not there yet, or no more, to take away what it leaves: whoever
        // comes next does.
        stage.sqlcmd(&["-Q", "USE x"]);
    }
    let stays = stage.left();
    assert!(stays.is_empty(), "{what}: {stays:?} stays: out: {out}told: {told}");
    let code = ended.and_then(|status| status.code());
    let all_written = verb == "restore" || media(stage) == whole.media;
    let said = said(killed, code, (&out, &told)).filter(|said| match *said {
        "nothing yet" => !has_server,
        // Its server was killed when it had closed the last device, and not before.
        "the statement failed" => all_written,
        _ => true,
    });
    let said = said.unwrap_or_else(|| panic!("{what}: exit {code:?}: out: {out}told: {told}"));
    Some(Seen { took, said })
}

/// Which of the right things was said; `None` if none was.
fn said(killed: Killed, code: Option<i32>, (out, told): (&str, &str)) -> Option<&'static str> {
    let failed = |reason: &str| out.contains(reason) && out.contains("terminating abnormally");
    let server = match () {
        () if failed("995(The I/O operation has been aborted") => Some("995, aborted"),
        () if failed("Cannot open backup device") => Some("cannot open the device"),
        () if out.contains("successfully processed") => Some("done already"),
        () if out.is_empty() => Some("nothing yet"),
        () => None,
    };
    let client = match () {
        () if told.contains("0x80770004") => Some("VD_E_ABORT"),
        () if told.contains("the statement ended before it began") => Some("the statement ended"),
        // Its devices were closed before that.
        () if told.contains("the statement failed") => Some("the statement failed"),
        () => None,
    };
    match killed {
        Killed::Client => server,
        // Who is killed when it has said all that there is to say has done everything.
        Killed::Server if code == Some(0) => server.filter(|said| *said == "done already"),
        Killed::Server => client.filter(|_| code == Some(1)),
        Killed::Secondary => {
            // Who is killed when its device is done has done everything.
            let done = out.contains("successfully processed");
            server.filter(|said| done || code == Some(1) && *said == "995, aborted")
        }
    }
}

#[expect(clippy::print_stdout, reason = "what was measured is wanted")]
fn report(what: &str, mut seen: Vec<Seen>) {
    seen.sort_by_key(|seen| seen.took);
    let at = |part: f64| seen[((seen.len() - 1) as f64 * part).round() as usize].took;
    let mut said: BTreeMap<&str, usize> = BTreeMap::new();
    seen.iter().for_each(|seen| *said.entry(seen.said).or_default() += 1);
    println!(
        "{what:28} {:4} kills: the others ended after {:?} in the middle, {:?} nine in ten, \
         {:?} at most; {said:?}",
        seen.len(),
        at(0.5),
        at(0.9),
        at(1.0),
    );
}

/// Kills of one kind, and says how long the others took.
fn kills(client: &str, verb: &str, killed: Killed) {
    let kills = std::env::var("VDI_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    // Not on a disk, whose own pauses are none of ours.
    let stage = Stage::in_memory();
    stage.database("x", 4 << 20);
    // Compiled before the clock runs.
    assert!(stage.program(client).is_file());
    let undisturbed = |verb: &str| {
        let begun = now();
        assert!(begin(&stage, client, verb).wait().expect("it ends").success(), "undisturbed");
        begun.elapsed()
    };
    let took = undisturbed("backup").max(undisturbed(verb));
    let whole = Whole { took, media: media(&stage) };
    let mut moments = Moments(1);
    let mut seen = Vec::new();
    for _ in 0..kills * 20 {
        if seen.len() < kills {
            let at = moments.next(whole.took);
            seen.extend(kill(&stage, (client, verb, killed), (at, &whole)));
            // Whatever became of it, the next finds its data.
            stage.database("x", 4 << 20);
        }
    }
    assert!(seen.len() == kills, "only {} of {kills} could be killed", seen.len());
    let slow = seen.iter().filter(|seen| seen.took > HALF).count();
    assert!(slow * 2 <= kills, "{client} {verb}, {killed:?}: {slow} of {kills} took over {HALF:?}");
    report(&format!("{client} {verb}, {killed:?}"), seen);
}

#[test]
fn a_killed_client_or_server_of_a_backup() {
    for client in ["single", "threads", "processes"] {
        kills(client, "backup", Killed::Client);
        kills(client, "backup", Killed::Server);
    }
}

#[test]
fn a_killed_client_or_server_of_a_restore() {
    for client in ["single", "threads", "processes"] {
        kills(client, "restore", Killed::Client);
        kills(client, "restore", Killed::Server);
    }
}

/// Nobody but the primary client notices, which then aborts.
#[test]
fn a_killed_secondary() {
    kills("processes", "backup", Killed::Secondary);
    kills("processes", "restore", Killed::Secondary);
}
