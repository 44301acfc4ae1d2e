//! A step as it stands in a file, before it is known which action it is.

use serde::{Deserialize, Deserializer};
use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{
    Args, Found, Function, HowEnded, LaneName, Presence, Process, Reported, Statement, owned_args,
};

use super::{Action, Await, Combination, Pinned, Step, Times, Truth, Unblocked};

/// Every field that a step of any kind may have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[derive(Default)]
struct Raw {
    when: Option<String>,
    times: Option<Times>,
    call: Option<Function>,
    start: Option<Function>,
    #[serde(rename = "await")]
    awaits: Option<Await>,
    blocked: Option<Vec<LaneName>>,
    resume: Option<String>,
    together: Option<Vec<Step>>,
    combinations: Option<Vec<Combination>>,
    touch: Option<String>,
    wrote: Option<String>,
    expire: Option<LaneName>,
    after: Option<u32>,
    statement: Option<Statement>,
    devices: Option<u32>,
    report: Option<Reported>,
    exit: Option<Process>,
    unload: Option<Process>,
    lane: Option<LaneName>,
    on: Option<String>,
    #[serde(rename = "as")]
    creates: Option<String>,
    #[serde(deserialize_with = "some_args")]
    args: Option<Box<Args<'static>>>,
    expect: Option<Pinned<HResult>>,
    gives: Option<String>,
    unblocked_by: Option<Unblocked>,
    tells: Option<Pinned<Truth>>,
    of: Option<String>,
    completion: Option<Pinned<Win32>>,
    bytes: Option<u32>,
    found: Option<String>,
    how: Option<HowEnded>,
}

fn some_args<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<Args<'static>>>, D::Error> {
    owned_args(from).map(Some)
}

/// The kinds of step, each with the fields it may have besides `when` and `times`.
const KINDS: &[(&str, &[&str])] = &[
    ("call", &["call", "lane", "on", "as", "args", "expect", "gives", "tells"]),
    ("start", &["start", "lane", "on", "as", "args"]),
    ("await", &["await", "lane", "expect", "gives", "unblockedBy", "of", "completion", "bytes"]),
    ("blocked", &["blocked"]),
    ("resume", &["resume", "lane"]),
    ("together", &["together", "combinations"]),
    ("touch", &["touch", "lane", "found"]),
    ("wrote", &["wrote", "lane"]),
    ("expire", &["expire", "after"]),
    ("statement", &["statement", "lane", "on", "devices"]),
    ("report", &["report", "lane", "on"]),
    ("exit", &["exit", "how"]),
    ("unload", &["unload", "found"]),
];

impl Raw {
    fn fields(&self) -> Vec<&'static str> {
        let given = [
            ("call", self.call.is_some()),
            ("start", self.start.is_some()),
            ("await", self.awaits.is_some()),
            ("blocked", self.blocked.is_some()),
            ("resume", self.resume.is_some()),
            ("together", self.together.is_some()),
            ("combinations", self.combinations.is_some()),
            ("touch", self.touch.is_some()),
            ("wrote", self.wrote.is_some()),
            ("expire", self.expire.is_some()),
            ("after", self.after.is_some()),
            ("statement", self.statement.is_some()),
            ("devices", self.devices.is_some()),
            ("report", self.report.is_some()),
            ("exit", self.exit.is_some()),
            ("unload", self.unload.is_some()),
            ("lane", self.lane.is_some()),
            ("on", self.on.is_some()),
            ("as", self.creates.is_some()),
            ("args", self.args.is_some()),
            ("expect", self.expect.is_some()),
            ("gives", self.gives.is_some()),
            ("unblockedBy", self.unblocked_by.is_some()),
            ("tells", self.tells.is_some()),
            ("of", self.of.is_some()),
            ("completion", self.completion.is_some()),
            ("bytes", self.bytes.is_some()),
            ("found", self.found.is_some()),
            ("how", self.how.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    fn kind(&self) -> Result<&'static str, String> {
        let fields = self.fields();
        let names: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
        let Some((kind, allowed)) = KINDS.iter().find(|(kind, _)| fields.contains(kind)) else {
            return Err(format!("not a step: expected one of `{}`", names.join("`, `")));
        };
        match fields.iter().find(|field| !allowed.contains(field)) {
            None => Ok(kind),
            Some(field) => Err(format!(
                "a step `{kind}` has no `{field}`; it may have `{}`",
                allowed.join("`, `")
            )),
        }
    }

    /// The lane, or the usual one for this handle and function.
    fn lane(&self, function: Option<Function>) -> Result<LaneName, String> {
        if let Some(lane) = &self.lane {
            return Ok(lane.clone());
        }
        let usual = match (function, self.on.as_deref().map(Process::of_handle)) {
            (Some(Function::ExecuteCompletionAgent), _) | (None, None) => "server.agent".to_owned(),
            (_, Some(Some(process))) => format!("{process}.main"),
            _ => {
                return Err("which lane? `on` is not named like a handle of the server (s…), the \
                    client (c…) or a secondary client (x1…), so the step needs `lane`"
                    .to_owned());
            }
        };
        usual.parse().map_err(|error: vdi_spec::codes::UnknownName| error.to_string())
    }

    fn into_step(self) -> Result<Step, String> {
        let kind = self.kind()?;
        let need = |name: &'static str| move || format!("a step `{kind}` needs `{name}`");
        let (when, times) = (self.when.clone(), self.times);
        let action = match kind {
            "wrote" | "expire" | "statement" | "report" => self.into_note(kind)?,
            "call" => Action::Call {
                lane: self.lane(self.call)?,
                call: self.call.ok_or_else(need("call"))?,
                on: self.on.ok_or_else(need("on"))?,
                creates: self.creates,
                args: self.args.unwrap_or_default(),
                expect: self.expect,
                gives: self.gives,
                tells: self.tells,
            },
            "start" => Action::Start {
                lane: self.lane(self.start)?,
                start: self.start.ok_or_else(need("start"))?,
                on: self.on.ok_or_else(need("on"))?,
                creates: self.creates,
                args: self.args.unwrap_or_default(),
            },
            "await" => Action::Await {
                lane: self.lane(None)?,
                what: self.awaits.ok_or_else(need("await"))?,
                expect: self.expect,
                gives: self.gives,
                unblocked_by: self.unblocked_by,
                of: self.of,
                completion: self.completion,
                bytes: self.bytes,
            },
            "blocked" => Action::Blocked { blocked: self.blocked.ok_or_else(need("blocked"))? },
            "resume" => Action::Resume {
                lane: self.lane(None)?,
                resume: self.resume.ok_or_else(need("resume"))?,
            },
            "together" => Action::Together {
                together: racers(self.together.ok_or_else(need("together"))?)?,
                combinations: self.combinations,
            },
            _ => self.into_use(kind)?,
        };
        Ok(Step { when, times, action })
    }

    /// What is not of the interface itself: time, data, and what a client knows.
    fn into_note(self, kind: &'static str) -> Result<Action, String> {
        let need = |name: &'static str| move || format!("a step `{kind}` needs `{name}`");
        Ok(match kind {
            "wrote" => Action::Wrote {
                wrote: self.wrote.ok_or_else(need("wrote"))?,
                lane: self.lane.ok_or_else(need("lane"))?,
            },
            "expire" => Action::Expire {
                expire: self.expire.ok_or_else(need("expire"))?,
                after: self.after,
            },
            "statement" => Action::Statement {
                statement: self.statement.ok_or_else(need("statement"))?,
                lane: self.lane.map_or_else(client_main, Ok)?,
                on: self.on,
                devices: self.devices,
            },
            _ => Action::Report {
                report: self.report.ok_or_else(need("report"))?,
                lane: self.lane.map_or_else(client_main, Ok)?,
                on: self.on,
            },
        })
    }

    /// A thing is used, or a process ends or unloads.
    fn into_use(self, kind: &'static str) -> Result<Action, String> {
        let need = |name: &'static str| move || format!("a step `{kind}` needs `{name}`");
        let found = |text: Option<String>, expected: &str| {
            text.ok_or_else(need("found")).and_then(|text| {
                serde_json::from_value(text.clone().into())
                    .map_err(|_| format!("`found` is `{text}`, expected {expected}"))
            })
        };
        Ok(match kind {
            "touch" => Action::Touch {
                touch: self.touch.ok_or_else(need("touch"))?,
                lane: self.lane.ok_or_else(need("lane"))?,
                found: match found(self.found, "`alive` or `gone`")? {
                    Where::Alive => Found::Alive,
                    Where::Gone => Found::Gone,
                    Where::Idle | Where::Busy => {
                        return Err("`found` of a touch is `alive` or `gone`".to_owned());
                    }
                },
            },
            "exit" => Action::Exit {
                exit: self.exit.ok_or_else(need("exit"))?,
                how: self.how.ok_or_else(need("how"))?,
            },
            _ => Action::Unload {
                unload: self.unload.ok_or_else(need("unload"))?,
                found: match found(self.found, "`idle` or `busy`")? {
                    Where::Idle => Presence::Idle,
                    Where::Busy => Presence::Busy,
                    Where::Alive | Where::Gone => {
                        return Err("`found` of an unload is `idle` or `busy`".to_owned());
                    }
                },
            },
        })
    }
}

/// What races: begun at once, so nothing is expected of each of them alone.
fn racers(steps: Vec<Step>) -> Result<Vec<Action>, String> {
    let racer = |step: Step| {
        if step.when.is_some() || step.times.is_some() {
            return Err("what races has no `when` and no `times` of its own".to_owned());
        }
        match step.action {
            Action::Call { expect: None, gives: None, tells: None, .. }
            | Action::Exit { .. }
            | Action::Resume { .. } => Ok(step.action),
            Action::Call { .. } => Err("a call that races has no `expect`, `gives` or `tells`; \
                what comes of all together is in `combinations`"
                .to_owned()),
            Action::Start { .. }
            | Action::Await { .. }
            | Action::Blocked { .. }
            | Action::Together { .. }
            | Action::Touch { .. }
            | Action::Wrote { .. }
            | Action::Expire { .. }
            | Action::Statement { .. }
            | Action::Report { .. }
            | Action::Unload { .. } => Err("only `call`, `exit` and `resume` can race".to_owned()),
        }
    };
    steps.into_iter().map(racer).collect()
}

fn client_main() -> Result<LaneName, String> {
    "primary.main".parse().map_err(|error: vdi_spec::codes::UnknownName| error.to_string())
}

/// Every value of `found`, whatever the step.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Where {
    Alive,
    Gone,
    Idle,
    Busy,
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Raw::deserialize(from)?.into_step().map_err(serde::de::Error::custom)
    }
}
