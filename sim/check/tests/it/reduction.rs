//! What does not bear on an event is put off: nothing is lost by it, against the search that
//! tries every order, and what it costs, counted in configurations and not in seconds.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use vdi_check::{Checker, Judged, Verdict, check_trace_with};
use vdi_simulate::{Overlaps, overlapping};
use vdi_spec::clauses::{GetCommandBeforeActive, Profile, QUESTIONS};
use vdi_trace::{Trace, TraceReader};

use crate::overlaps::{corrupted, first_seed, profile, seeds, told};

/// More lanes and devices than where everything is tried, and less of each.
fn wide(seed: u64) -> Overlaps {
    Overlaps {
        devices: 1 + (seed % 4) as u8,
        server_lanes: 1 + (seed / 4 % 4) as u8,
        client_lanes: 1 + (seed / 16 % 4) as u8,
        events: 14 + (seed % 50) as usize,
        trouble: 3 + (seed % 30) as usize,
        from_active: !seed.is_multiple_of(3),
        thread_per_device: seed % 5 < 2,
        drained: seed.is_multiple_of(7),
        deaths: seed % 4 == 1,
        time_told: seed % 5 == 2,
    }
}

pub(crate) fn in_every_order(trace: &Trace, profile: &Profile) -> Judged {
    let judge = Checker::new(&trace.header, profile.clone());
    check_trace_with(judge.in_every_order().with_budget(5_000), trace)
}

/// What server and client are said to have broken, with the lines.
fn faults(judged: &Judged) -> BTreeSet<(usize, &'static str)> {
    judged.findings.iter().map(|finding| (finding.line, finding.clause.info().id)).collect()
}

/// Judges it both ways; gives the kind of verdict, if both reached one. Nobody is said to have
/// broken anything that is not broken in every order.
fn agree(seed: u64, trace: &Trace, profile: &Profile) -> Option<u8> {
    let every_order = in_every_order(trace, profile);
    let (found, broken) = (told(&every_order), faults(&every_order));
    if found.0 == 2 {
        return None;
    }
    let judge = Checker::new(&trace.header, profile.clone()).putting_off_from(0);
    let reduced = check_trace_with(judge, trace);
    let text = || trace.to_json_lines();
    assert_eq!(told(&reduced), found, "seed {seed}: search, every order\n{}", text());
    let accused: Vec<_> = faults(&reduced).difference(&broken).copied().collect();
    assert!(found.0 != 0 || accused.is_empty(), "seed {seed}: {accused:?}\n{}", text());
    Some(found.0)
}

/// On histories that are conformant, and on those that are not any more, the search finds what
/// the one in every order finds. `VDI_SEEDS=20000` makes it 100,000 histories.
#[test]
fn what_is_put_off_is_not_lost() {
    let mut counts = [0_u64; 3];
    for seed in first_seed()..seeds(250) {
        let profile = if seed % 3 == 0 { Profile::default() } else { profile(seed) };
        let trace = overlapping(seed, wide(seed), &profile);
        let mut count = |kind: Option<u8>| counts[usize::from(kind.unwrap_or(2))] += 1;
        count(agree(seed, &trace, &profile));
        for kind in 0..4 {
            let at = seed as usize * 11 + usize::from(kind) * 17;
            let wrong = corrupted(&trace, at, (seed as u8 / 4).wrapping_add(kind * 5) % 16);
            count(agree(seed, &wrong, &profile));
        }
    }
    let [conformant, violations, too_large] = counts;
    let few = first_seed() > 0;
    assert!(few || (conformant > violations && violations > 0), "{counts:?}");
    assert!(few || too_large * 5 < conformant + violations, "{counts:?}");
}

/// A history in the making.
pub(crate) struct Lines {
    pub(crate) text: String,
    events: usize,
}

impl Lines {
    /// The same with another text.
    pub(crate) fn with(&self, text: String) -> Self {
        Self { text, events: self.events }
    }

    /// A set of so many devices, configured.
    pub(crate) fn configured(devices: usize) -> Self {
        let mut lines = Self { text: "{\"vdi\":\"trace/1\"}\n".to_owned(), events: 0 };
        let asked = format!(r#""args":{{"name":"S","config":{{"deviceCount":{devices}}}}}"#);
        lines.whole("primary.main", &format!(r#""call":"Create","on":"cset",{asked}"#));
        lines.whole("server.main", r#""call":"Open","on":"sset","args":{"name":"S"}"#);
        lines.whole(
            "server.main",
            r#""call":"BeginConfiguration","on":"sset","args":{"features":["WriteMedia"],"blockSize":512,"maxTransferSize":65536}"#,
        );
        lines.whole("server.main", r#""call":"EndConfiguration","on":"sset""#);
        lines
            .whole("primary.main", r#""call":"GetConfiguration","on":"cset","args":{"timeout":9}"#);
        lines
    }

    pub(crate) fn line(&mut self, lane: &str, what: &str) {
        let _ = writeln!(self.text, r#"{{"lane":"{lane}",{what}}}"#);
        self.events += 1;
    }

    pub(crate) fn returns(&mut self, lane: &str, status: &str) {
        self.line(lane, &format!(r#""return":"{status}""#));
    }

    pub(crate) fn whole(&mut self, lane: &str, call: &str) {
        self.line(lane, call);
        self.returns(lane, "NOERROR");
    }

    fn client_opens(&mut self, device: usize) {
        let what = open_device("cset", "c", device);
        self.line(&client(device), &what);
    }

    /// Active, with the agent.
    pub(crate) fn active(devices: usize) -> Self {
        let mut lines = Self::configured(devices);
        for device in 1..=devices {
            lines.whole("server.main", &open_device("sset", "s", device));
            lines.client_opens(device);
            lines.returns(&client(device), "NOERROR");
        }
        lines.line("server.agent", r#""call":"ExecuteCompletionAgent","on":"sset""#);
        lines
    }

    pub(crate) fn fetches(&mut self, device: usize) {
        let call =
            format!(r#""call":"GetCommand","on":"c{device}","args":{{"timeout":"infinite"}}"#);
        self.line(&client(device), &call);
    }

    pub(crate) fn sends(&mut self, device: usize, command: usize) {
        let call = format!(
            r#""call":"SendCommand","on":"s{device}","args":{{"code":"Flush","size":0}},"as":"k{command}""#
        );
        self.line(&server(device), &call);
    }

    pub(crate) fn callback(&mut self, command: usize, code: &str) {
        let call = format!(r#""callback":"k{command}","completion":"{code}","bytes":0"#);
        self.line("server.agent", &call);
    }
}

fn open_device(on: &str, given: &str, device: usize) -> String {
    let name = if device == 1 { "S".to_owned() } else { format!("S{device}") };
    format!(r#""call":"OpenDevice","on":"{on}","args":{{"name":"{name}"}},"as":"{given}{device}""#)
}

pub(crate) fn client(device: usize) -> String {
    format!("primary.t{device}")
}

pub(crate) fn server(device: usize) -> String {
    format!("server.t{device}")
}

/// The verdict, and how many configurations were looked at.
pub(crate) fn counted(lines: &Lines) -> (Verdict, usize) {
    counted_under(lines, Profile::default())
}

/// The same under a profile.
fn counted_under(lines: &Lines, profile: Profile) -> (Verdict, usize) {
    let mut reader = TraceReader::new(lines.text.as_bytes()).expect("a trace");
    let mut judge = Checker::new(reader.header(), profile).putting_off_from(0);
    while let Some(line) = reader.next_line().expect("an event") {
        if !judge.event(line.number, &line.event).expect("a sound event") {
            break;
        }
    }
    let examined = judge.examined();
    (judge.finish().verdict, examined)
}

/// It is conformant, and takes at most so many configurations an event.
pub(crate) fn assert_cheap(lines: &Lines, an_event: usize) {
    let (verdict, examined) = counted(lines);
    assert_eq!(verdict, Verdict::Conformant, "{}", lines.text);
    assert!(examined <= lines.events * an_event, "{examined} for {} events", lines.events);
}

/// Every thread of a client is in OpenDevice while the server opens its devices.
fn opens_at_once(devices: usize) -> Lines {
    let mut lines = Lines::configured(devices);
    (1..=devices).for_each(|device| lines.client_opens(device));
    lines.line("server.agent", r#""call":"ExecuteCompletionAgent","on":"sset""#);
    (1..=devices).for_each(|device| lines.whole("server.main", &open_device("sset", "s", device)));
    for device in (1..=devices).rev() {
        lines.returns(&client(device), "NOERROR");
        lines.fetches(device);
    }
    lines
}

#[test]
fn opens_of_different_devices_are_tried_in_one_order() {
    for devices in [1, 2, 14, 16, 33, 64] {
        assert_cheap(&opens_at_once(devices), 2);
    }
}

/// Both sides open all their devices at once, each by a thread of its own.
#[test]
fn opens_of_both_sides_are_tried_in_one_order() {
    for devices in [2, 16, 64] {
        let mut lines = Lines::configured(devices);
        for device in 1..=devices {
            lines.client_opens(device);
            lines.line(&server(device), &open_device("sset", "s", device));
        }
        lines.line("server.agent", r#""call":"ExecuteCompletionAgent","on":"sset""#);
        (1..=devices).rev().for_each(|device| lines.returns(&client(device), "NOERROR"));
        (1..=devices).for_each(|device| lines.returns(&server(device), "NOERROR"));
        assert_cheap(&lines, 3);
    }
}

/// One device too many is opened while the last is: only one of them can have it.
#[test]
fn the_last_open_is_still_one_of_two() {
    let tell = |one: &str, other: &str| {
        let mut lines = opens_at_once(3);
        lines.line("server.a", &open_device("sset", "x", 1));
        lines.line("server.b", &open_device("sset", "y", 2));
        lines.returns("server.a", one);
        lines.returns("server.b", other);
        counted(&lines).0
    };
    assert_eq!(tell("VD_E_OPEN", "VD_E_OPEN"), Verdict::Conformant);
    assert!(matches!(tell("NOERROR", "VD_E_OPEN"), Verdict::Violation(_)));
    let mut lines = Lines::configured(2);
    for (lane, device) in [("server.a", 1), ("server.b", 2), ("server.c", 2)] {
        lines.line(lane, &open_device("sset", lane, device));
    }
    ["server.c", "server.b"].iter().for_each(|lane| lines.returns(lane, "NOERROR"));
    lines.returns("server.a", "VD_E_OPEN");
    assert_eq!(counted(&lines).0, Verdict::Conformant);
}

/// The last device is opened before an abort that is seen first: what was sent before the abort
/// may have come when the set was not Active yet, or when it was.
#[test]
fn the_last_open_may_come_before_an_abort() {
    let tell = |sent: &[(&str, &str)]| {
        let mut lines = Lines::configured(1);
        lines.whole("server.main", &open_device("sset", "s", 1));
        lines.client_opens(1);
        lines.line("server.agent", r#""call":"ExecuteCompletionAgent","on":"sset""#);
        lines.line("server.a", r#""call":"SignalAbort","on":"sset""#);
        lines.sends(1, 1);
        lines.returns("server.a", "NOERROR");
        lines.returns(&client(1), "NOERROR");
        for (lane, what) in sent {
            lines.line(lane, what);
        }
        counted(&lines).0
    };
    let returned = |status: &str| format!(r#""return":"{status}""#);
    let back = |code: &str| format!(r#""callback":"k1","completion":"{code}","bytes":0"#);
    let (by, agent) = (server(1), "server.agent");
    let (good, dropped) = (returned("NOERROR"), back("ERROR_OPERATION_ABORTED"));
    let (early, refused) = (back("ERROR_INVALID_HANDLE"), returned("VD_E_PROTOCOL"));
    assert_eq!(tell(&[(&by, &good), (agent, &dropped)]), Verdict::Conformant);
    assert_eq!(tell(&[(&by, &early), (&by, &refused)]), Verdict::Conformant);
    assert_eq!(tell(&[(&by, &dropped), (&by, &returned("VD_E_ABORT"))]), Verdict::Conformant);
    // What was accepted is not completed with success by an abort.
    let success = back("ERROR_SUCCESS");
    assert!(matches!(tell(&[(&by, &good), (agent, &success)]), Verdict::Violation(_)));
}

/// A source of choices that a seed decides.
pub(crate) struct Choices(pub(crate) u64);

impl Choices {
    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % count
    }
}

/// Where a device is in a backup. Its two threads go on one after the other: what one waits for
/// has always happened before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Opening,
    Waiting,
    Sending(usize),
    Sent(usize),
    Delivered(usize),
    Completing(usize),
    Completed(usize),
    Closing,
    Closed,
    Seen,
}

/// A backup by two threads a device, all of them free to run, that succeeds.
fn backup(devices: usize, commands: usize, seed: u64) -> Lines {
    let mut lines = Lines::configured(devices);
    let mut choices = Choices(seed);
    (1..=devices).for_each(|device| lines.client_opens(device));
    let mut at = vec![At::Opening; devices];
    for device in 1..=devices {
        lines.whole("server.main", &open_device("sset", "s", device));
        if device == devices / 2 + 1 {
            lines.line("server.agent", r#""call":"ExecuteCompletionAgent","on":"sset""#);
        }
        // Some of the opens return while the server goes on.
        let early = choices.below(devices);
        if at[early] == At::Opening && choices.below(2) == 0 {
            lines.returns(&client(early + 1), "NOERROR");
            lines.fetches(early + 1);
            at[early] = At::Waiting;
        }
    }
    for device in (0..devices).filter(|device| at[*device] == At::Opening).collect::<Vec<_>>() {
        lines.returns(&client(device + 1), "NOERROR");
        lines.fetches(device + 1);
        at[device] = At::Waiting;
    }
    let mut done = vec![0; devices];
    while at.iter().any(|at| *at != At::Seen) {
        let device = choices.below(devices);
        at[device] = lines.goes_on(device + 1, at[device], &mut done[device], commands);
    }
    lines.returns("server.agent", "NOERROR");
    lines.whole("server.main", r#""call":"Close","on":"sset""#);
    lines.whole("primary.main", r#""call":"Close","on":"cset""#);
    lines
}

impl Lines {
    /// The next event of a device.
    fn goes_on(&mut self, device: usize, at: At, done: &mut usize, commands: usize) -> At {
        match at {
            At::Waiting if *done == commands => {
                let call = format!(r#""call":"CloseDevice","on":"s{device}""#);
                self.line(&server(device), &call);
                At::Closing
            }
            At::Waiting => {
                let command = device * 1000 + *done;
                self.sends(device, command);
                At::Sending(command)
            }
            At::Sending(command) => {
                self.returns(&server(device), "NOERROR");
                At::Sent(command)
            }
            At::Sent(command) => {
                let out = format!(r#""return":"NOERROR","out":{{"command":"k{command}"}}"#);
                self.line(&client(device), &out);
                At::Delivered(command)
            }
            At::Delivered(command) => {
                let args =
                    format!(r#"{{"command":"k{command}","code":"ERROR_SUCCESS","bytes":0}}"#);
                let call = format!(r#""call":"CompleteCommand","on":"c{device}","args":{args}"#);
                self.line(&client(device), &call);
                At::Completing(command)
            }
            At::Completing(command) => {
                self.callback(command, "ERROR_SUCCESS");
                At::Completed(command)
            }
            At::Completed(_) => {
                self.returns(&client(device), "NOERROR");
                self.fetches(device);
                *done += 1;
                At::Waiting
            }
            At::Closing => {
                self.returns(&server(device), "NOERROR");
                At::Closed
            }
            At::Closed => {
                self.returns(&client(device), "VD_E_CLOSE");
                At::Seen
            }
            At::Opening | At::Seen => at,
        }
    }
}

#[test]
fn backups_of_many_devices_are_judged_at_once() {
    for (devices, commands, seed) in [(2, 9, 1), (16, 4, 2), (40, 3, 3), (64, 3, 4), (64, 8, 5)] {
        assert_cheap(&backup(devices, commands, seed), 3);
    }
}

/// What is wrong at the end of such a backup is found, and costs about as much.
#[test]
fn what_is_wrong_among_many_devices_is_found() {
    let lines = backup(64, 3, 6);
    let (_, examined) = counted(&lines);
    let wrong = |from: &str, to: &str| {
        let at = lines.text.rfind(from).expect("a place");
        let text = format!("{}{to}{}", &lines.text[..at], &lines.text[at + from.len()..]);
        let (verdict, of_wrong) = counted(&Lines { text, events: lines.events });
        assert!(matches!(verdict, Verdict::Violation(_)), "{verdict:?}");
        assert!(of_wrong * 2 <= examined * 3, "{of_wrong} where {examined} are enough");
    };
    wrong(r#""return":"VD_E_CLOSE""#, r#""return":"VD_E_ABORT""#);
    wrong(r#""completion":"ERROR_SUCCESS""#, r#""completion":"ERROR_IO_DEVICE""#);
}

/// No reading leaves it out, but one: where GetCommand is refused before all is open, each call
/// of a thread that is early may have come before the last open, or after it.
#[test]
fn what_overlaps_is_tried_in_one_order_under_each_reading() {
    let lines = backup(16, 3, 7);
    for reading in QUESTIONS.iter().flat_map(|row| row.question.readings()) {
        let mut profile = Profile::default();
        profile.choose(reading);
        let early = profile.get_command_before_active == GetCommandBeforeActive::ProtocolError;
        let (verdict, examined) = counted_under(&lines, profile);
        let a_device = if early { 1 << 16 } else { 0 };
        let most = lines.events * 3 + a_device;
        assert!(!matches!(verdict, Verdict::Inconclusive(_)), "{reading:?}");
        assert!(examined <= most, "{reading:?}: {examined} for {} events", lines.events);
    }
}
