//! `vdi serve` and `vdi sqlcmd`: statements carried out by the stand-in server.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clap::Parser;
use serde_json::json;
use vdi_sim::check::exit_code;
use vdi_sim::runtime::{Machine, Options};

use super::args::ServeArgs;
use super::sqlcmd::{Sqlcmd, UNKNOWN};
use super::standing::{self, Handed, Request, Say, Standing};
use super::{Failure, Patient};
use crate::engine::{
    Databases, Done, Engine, Failed, Faults, Message, Order, Statement, Stop, Verb, parse,
};

/// How long a client may take to open its devices.
const PATIENCE: Duration = Duration::from_secs(60);

/// The environment that a server runs in, as far as options do not say.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn prefix() -> String {
    variable("VDI_PREFIX").unwrap_or_default()
}

fn group() -> bool {
    variable("VDI_GROUP").is_some_and(|value| value == "1")
}

fn machine(named: Option<&str>, group_too: bool) -> Machine {
    let prefix = named.map_or_else(prefix, str::to_owned);
    let group = group_too || group();
    let machine = Machine::shared_memory(Options { prefix, group, ..Options::default() });
    machine.sweep();
    machine
}

fn faults(text: Option<&str>) -> Result<Faults, Failure> {
    text.unwrap_or_default().parse().map_err(Failure::Usage)
}

fn databases(folder: Option<&Path>) -> Databases {
    let folder = folder.map(Path::to_owned).or_else(|| variable("VDI_DATA").map(PathBuf::from));
    folder.map_or_else(Databases::default, Databases::in_folder)
}

/// A length of time in seconds; what is too long for a clock is for ever.
fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX)
}

/// `vdi serve`: the statements given, or whatever `sqlcmd` hands over.
pub(super) fn serve(args: &ServeArgs, out: &mut (dyn Write + Send)) -> Result<u8, Failure> {
    let out = Mutex::new(out);
    let say = |text: &str| line(&out, text);
    // First, so that nobody waits for what cannot be.
    let faulty = args.faults.clone().or_else(|| variable("VDI_FAULTS"));
    faults(faulty.as_deref())?;
    if args.statements.is_empty() {
        return stand(args, faulty.as_deref(), &say);
    }
    let text = args.statements.join("\n");
    let batch = parse(&text).map_err(|bad| Failure::Usage(bad.to_string()))?;
    let engine = Engine {
        wait: args.wait.map_or(Duration::MAX, seconds),
        ..engine(args, faulty.as_deref(), args.trace.clone(), Arc::default())?
    };
    tell_ignored(&batch, &say)?;
    let failures = Console { say: &say, server: "localhost" }.carry_out(&engine, &batch)?;
    Ok(if failures == 0 { exit_code::CONFORMANT } else { exit_code::VIOLATION })
}

fn engine(
    args: &ServeArgs,
    faulty: Option<&str>,
    trace: Option<String>,
    stop: Arc<Stop>,
) -> Result<Engine, Failure> {
    Ok(Engine {
        machine: machine(args.prefix.as_deref(), args.group),
        databases: databases(args.data.as_deref()),
        faults: faults(faulty)?,
        trace: trace.or_else(|| variable("VDI_TRACE")),
        wait: args.wait.map_or(Duration::ZERO, seconds),
        patience: PATIENCE,
        stop,
    })
}

/// Waits for statements, and carries them out, until the process is ended.
fn stand(args: &ServeArgs, faulty: Option<&str>, say: Say<'_>) -> Result<u8, Failure> {
    let prefix = args.prefix.clone().unwrap_or_else(prefix);
    let socket = args.socket.clone().or_else(|| standing::place(&prefix));
    let socket = socket.ok_or_else(|| {
        Failure::Usage("VDI_SERVER is `none`: there is no place to listen at".to_owned())
    })?;
    let standing = Standing::begin(&socket, args.group || group())?;
    let place = socket.clone();
    ctrlc::set_handler(move || {
        let _ = fs::remove_file(&place);
        std::process::exit(exit_code::CONFORMANT.into());
    })
    .map_err(|error| Failure::Internal(error.to_string()))?;
    say(&format!("listening at {}", socket.display()))?;
    let machine = machine(args.prefix.as_deref(), args.group);
    thread::spawn(move || sweep_for_ever(&machine));
    standing.serve(|request, stop, to| {
        // Told here, too. Neither end need be looking any more: that stops the statement, and
        // what came of that is told all the same.
        let both = |text: &str| {
            let _ = say(text);
            let _ = to(text);
            Ok(())
        };
        // What is wrong with the text is told to whoever has sent it.
        let _ = parse(&request.text).map(|batch| tell_ignored(&batch, say));
        let faulty = request.faults.as_deref().or(faulty);
        let trace = request.trace.as_ref().map(|path| path.display().to_string());
        let mut engine = engine(args, faulty, trace.or_else(|| args.trace.clone()), stop)
            .map_err(|failure| failure.to_string())?;
        engine.wait = request.wait.map_or(engine.wait, seconds);
        let console = Console { say: &both, server: &request.server };
        console.run(&engine, &request.text).map_err(|failure| failure.to_string())
    });
    Ok(exit_code::CONFORMANT)
}

/// Clears away what clients leave that are killed while no server has their set.
#[expect(clippy::disallowed_methods, reason = "nobody tells when a client dies")]
fn sweep_for_ever(machine: &Machine) {
    loop {
        thread::sleep(Duration::from_secs(1));
        machine.sweep();
    }
}

/// Says which options of the statements are accepted and do nothing.
fn tell_ignored(batch: &[Order], say: Say<'_>) -> std::io::Result<()> {
    for order in batch {
        let Order::Run(statement) = order else { continue };
        if !statement.without_effect.is_empty() {
            say(&format!("without effect here: {}", statement.without_effect.join(", ")))?;
        }
    }
    Ok(())
}

/// `vdi sqlcmd`, with the words of a command line, the first of which is a name.
pub(super) fn sqlcmd(
    words: &[std::ffi::OsString],
    out: &mut (dyn Write + Send),
) -> Result<u8, Failure> {
    let args = match Sqlcmd::try_parse_from(words) {
        Ok(args) => args,
        Err(error) if !error.use_stderr() => {
            write!(out, "{error}")?;
            return Ok(0);
        }
        Err(error) => {
            let context = error.get(clap::error::ContextKind::InvalidArg);
            let option = context.map(ToString::to_string).unwrap_or_default();
            writeln!(out, "Sqlcmd: '{option}': {UNKNOWN}")?;
            return Ok(1);
        }
    };
    let text = query(&args)?;
    let mut file = args.output.as_ref().map(fs::File::create).transpose()?;
    let out: &mut (dyn Write + Send) = match &mut file {
        Some(file) => file,
        None => out,
    };
    let out = Mutex::new(out);
    let say = |text: &str| line(&out, text);
    let handed = match standing::place(&prefix()) {
        Some(socket) => standing::hand_over(&socket, group(), &request(&args, &text)?, &say)?,
        None => Handed::Nobody,
    };
    let failures = match handed {
        Handed::Ended(failures) => failures,
        Handed::Failed(why) => {
            say(&format!("Sqlcmd: Error: {why}."))?;
            return Ok(1);
        }
        Handed::Nobody => {
            let console = Console { say: &say, server: &args.server };
            console.run(&own_engine()?, &text)?
        }
    };
    // As the real tool: without -b it does not matter what became of the statements.
    Ok(u8::from(args.exit_on_error && failures > 0))
}

/// The server that is played when none stands anywhere.
fn own_engine() -> Result<Engine, Failure> {
    Ok(Engine {
        machine: machine(None, false),
        databases: databases(None),
        faults: faults(variable("VDI_FAULTS").as_deref())?,
        trace: variable("VDI_TRACE"),
        wait: wait().map_or(Duration::ZERO, seconds),
        patience: PATIENCE,
        stop: Arc::default(),
    })
}

/// What a server that stands is asked for: with the environment as it is here.
fn request(args: &Sqlcmd, text: &str) -> Result<Request, Failure> {
    let here = |path: String| std::path::absolute(path);
    let faulty = variable("VDI_FAULTS");
    faults(faulty.as_deref())?;
    Ok(Request {
        server: args.server.clone(),
        text: text.to_owned(),
        faults: faulty,
        trace: variable("VDI_TRACE").map(here).transpose()?,
        wait: wait(),
    })
}

fn wait() -> Option<f64> {
    variable("VDI_WAIT").and_then(|text| text.parse().ok())
}

/// The text to be carried out: of the command line, of files, or of standard input.
fn query(args: &Sqlcmd) -> Result<String, Failure> {
    if let Some(query) = args.query.as_ref().or(args.initial.as_ref()) {
        return Ok(query.clone());
    }
    let mut text = String::new();
    for file in &args.input {
        let read = fs::read_to_string(file)
            .map_err(|error| Failure::Input(format!("Sqlcmd: '{}': {error}", file.display())))?;
        text.push_str(&read);
        text.push('\n');
    }
    if args.input.is_empty() {
        std::io::stdin().lock().read_to_string(&mut text)?;
    }
    Ok(text)
}

/// Prints a line at once.
fn line(out: &Mutex<&mut (dyn Write + Send)>, text: &str) -> std::io::Result<()> {
    let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(out, "{text}")?;
    out.flush()
}

/// Where it is printed what a server says, in the shape that `sqlcmd` gives it.
struct Console<'a> {
    say: Say<'a>,
    server: &'a str,
}

impl Console<'_> {
    fn line(&self, text: &str) -> std::io::Result<()> {
        (self.say)(text)
    }

    /// Carries out the statements of a text; how many failed.
    fn run(&self, engine: &Engine, text: &str) -> Result<usize, Failure> {
        match parse(text) {
            Ok(batch) => self.carry_out(engine, &batch),
            Err(bad) => {
                let message = Message { number: bad.number, level: 15, text: bad.message };
                self.tell(&message, bad.line)?;
                Ok(1)
            }
        }
    }

    fn tell(&self, message: &Message, line: usize) -> std::io::Result<()> {
        let Message { number, level, text } = message;
        let server = self.server;
        self.line(&format!(
            "Msg {number}, Level {level}, State 1, Server {server}, Line {line}\n{text}"
        ))
    }

    /// Carries out one statement after the other; how many failed. A failed one does not
    /// keep the next from being tried.
    fn carry_out(&self, engine: &Engine, batch: &[Order]) -> Result<usize, Failure> {
        let mut failures = 0;
        for order in batch {
            match order {
                Order::Set => {}
                Order::Use(name) => {
                    self.line(&format!("Changed database context to '{name}'."))?;
                }
                Order::Run(statement) => {
                    // Told to nobody if it cannot be printed.
                    let say = |text: &str| drop(self.line(text));
                    let result = engine.execute(statement, &say);
                    note_outcome(statement, &result)?;
                    match result {
                        Ok(done) => self.done(statement, &done)?,
                        Err(failed) => {
                            failures += 1;
                            for message in &failed.messages {
                                self.tell(message, statement.line)?;
                            }
                        }
                    }
                }
            }
        }
        Ok(failures)
    }

    fn done(&self, statement: &Statement, done: &Done) -> std::io::Result<()> {
        let (pages, database) = (done.pages(), &statement.database);
        let log = statement.what == crate::engine::What::Log;
        let file = if log { format!("{database}_log") } else { database.clone() };
        self.line(&format!(
            "Processed {pages} pages for database '{database}', file '{file}' on file 1."
        ))?;
        let took = done.took.as_secs_f64().max(0.001);
        let rate = done.bytes as f64 / took / f64::from(1 << 20);
        let title = statement.title();
        self.line(&format!(
            "{title} successfully processed {pages} pages in {took:.3} seconds ({rate:.3} MB/sec)."
        ))
    }
}

/// For whoever runs a client program and wants to know what became of its statements: a
/// line of JSON for each, into the file that `VDI_OUTCOME` names.
fn note_outcome(statement: &Statement, result: &Result<Done, Failed>) -> Result<(), Failure> {
    let Some(path) = variable("VDI_OUTCOME") else { return Ok(()) };
    let messages: Vec<_> = match result {
        Ok(_) => Vec::new(),
        Err(failed) => failed.messages.iter().map(|message| &message.text).collect(),
    };
    let done = result.as_ref().ok();
    let line = json!({
        "statement": statement.title(),
        "restore": statement.verb == Verb::Restore,
        "database": statement.database,
        "devices": statement.devices,
        "succeeded": done.is_some(),
        "bytes": done.map(|done| done.bytes),
        "checksum": done.and_then(|done| done.checksum),
        "withoutEffect": statement.without_effect,
        "messages": messages,
    });
    let mut file = fs::File::options().create(true).append(true).open(path)?;
    Ok(file.write_all(format!("{line}\n").as_bytes())?)
}

/// Standard output, from whichever thread.
pub(super) fn console() -> Patient<std::io::Stdout> {
    Patient(std::io::stdout())
}
