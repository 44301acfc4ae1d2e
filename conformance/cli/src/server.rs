//! `vdi serve` and `vdi sqlcmd`: statements carried out by the stand-in server.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clap::Parser;
use serde_json::json;
use vdi_check::exit_code;
use vdi_runtime::{Machine, Options};

use super::args::ServeArgs;
use super::environment::{self, group, prefix, seconds, variable, wait};
use super::script::{Batch, Reader, Script};
use super::sqlcmd::{Sqlcmd, complaint, unusable};
use super::standing::{self, Handed, Request, Say, Standing};
use super::{Failure, Patient};
use vdi_server::{
    Databases, Done, Engine, Failed, Fault, Faults, Message, Order, Statement, Stop, Verb, parse,
};

/// How long a client may take to open its devices.
const PATIENCE: Duration = Duration::from_secs(60);

fn machine(named: Option<&str>, group_too: bool) -> Machine {
    let prefix = named.map_or_else(prefix, str::to_owned);
    let group = group_too || group();
    let machine = Machine::shared_memory(Options { prefix, group, ..Options::default() });
    machine.sweep();
    machine
}

fn faults(text: Option<&str>) -> Result<Faults, Failure> {
    let faults: Faults = text.unwrap_or_default().parse().map_err(Failure::Usage)?;
    Ok(faults.telling(note_fault))
}

fn databases(folder: Option<&Path>) -> Databases {
    let folder = folder.map(Path::to_owned).or_else(|| variable("VDI_DATA").map(PathBuf::from));
    folder.map_or_else(Databases::default, Databases::in_folder)
}

/// `vdi serve`: the statements given, or whatever `sqlcmd` hands over.
pub(super) fn serve(args: &ServeArgs, out: &mut (dyn Write + Send)) -> Result<u8, Failure> {
    let out = Mutex::new(out);
    let say = |text: &str| line(&out, text);
    // First, so that nobody waits for what cannot be.
    environment::check()?;
    let faulty = args.faults.clone().or_else(|| variable("VDI_FAULTS"));
    faults(faulty.as_deref())?;
    if args.statements.is_empty() {
        return stand(args, faulty.as_deref(), &say);
    }
    let batch = statements(&args.statements.join("\n"))?;
    let engine = Engine {
        wait: args.wait.map_or(Duration::MAX, seconds),
        ..engine(args, faulty.as_deref(), args.trace.clone(), Arc::default())?
    };
    tell_ignored(&batch, &say)?;
    let failures = Console { say: &say, server: "localhost" }.carry_out(&engine, &batch)?;
    Ok(if failures == 0 { exit_code::CONFORMANT } else { exit_code::VIOLATION })
}

/// All statements of a text, whose batches may be parted by GO.
fn statements(text: &str) -> Result<Vec<Order>, Failure> {
    let mut script = Script::default();
    Reader::new("GO".to_owned(), false).read(text, None, &mut script);
    if let Some(why) = script.wrong {
        return Err(Failure::Usage(why));
    }
    let mut all = Vec::new();
    for batch in script.batches {
        let orders = parse(&batch.text).map_err(|bad| Failure::Usage(bad.to_string()))?;
        (0..batch.count).for_each(|_| all.extend(orders.iter().cloned()));
    }
    Ok(all)
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
    let own = args.socket.is_none() && variable("VDI_SERVER").is_none();
    let standing = Standing::begin(&socket, own, args.group || group())?;
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
        for batch in &request.batches {
            // What is wrong with the text is told to whoever has sent it.
            let _ = parse(&batch.text).map(|orders| tell_ignored(&orders, say));
        }
        let faulty = request.faults.as_deref().or(faulty);
        let trace = request.trace.as_ref().map(|path| path.display().to_string());
        let mut engine = engine(args, faulty, trace.or_else(|| args.trace.clone()), stop)
            .map_err(|failure| failure.to_string())?;
        engine.wait = request.wait.map_or(engine.wait, seconds);
        let console = Console { say: &both, server: &request.server };
        console.run(&engine, &request.batches).map_err(|failure| failure.to_string())
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
            writeln!(out, "{}", complaint(&error))?;
            return Ok(1);
        }
    };
    environment::check()?;
    let (script, mut file) = match prepared(&args) {
        Ok(prepared) => prepared,
        Err(why) => {
            writeln!(out, "{why}")?;
            return Ok(1);
        }
    };
    let out: &mut (dyn Write + Send) = match &mut file {
        Some(file) => file,
        None => out,
    };
    let out = Mutex::new(out);
    let say = |text: &str| line(&out, text);
    let handed = match standing::place(&prefix()) {
        Some(socket) => {
            let request = request(&args, &script.batches)?;
            standing::hand_over(&socket, group(), &request, &say)?
        }
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
            console.run(&own_engine()?, &script.batches)?
        }
    };
    match script.wrong {
        Some(why) if failures == 0 => {
            say(&format!("Sqlcmd: Error: {why}"))?;
            Ok(1)
        }
        // As the real tool: without -b it does not matter what became of the statements.
        _ => Ok(u8::from(failures > 0)),
    }
}

/// What is to be carried out, and the file that is told of it; why that cannot be had.
fn prepared(args: &Sqlcmd) -> Result<(Script, Option<fs::File>), String> {
    let script = args.script()?;
    let create = |path: &PathBuf| fs::File::create(path).map_err(|error| unusable(path, &error));
    Ok((script, args.output.as_ref().map(create).transpose()?))
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
fn request(args: &Sqlcmd, batches: &[Batch]) -> Result<Request, Failure> {
    let here = |path: String| std::path::absolute(path);
    let faulty = variable("VDI_FAULTS");
    faults(faulty.as_deref())?;
    Ok(Request {
        server: args.server.clone(),
        batches: batches.to_vec(),
        faults: faulty,
        trace: variable("VDI_TRACE").map(here).transpose()?,
        wait: wait(),
    })
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

    /// Carries out batches; how many statements failed at whose failure all was to end.
    fn run(&self, engine: &Engine, batches: &[Batch]) -> Result<usize, Failure> {
        for batch in batches {
            for _ in 0..batch.count {
                let failures = match parse(&batch.text) {
                    Ok(orders) => self.carry_out(engine, &orders)?,
                    Err(bad) => {
                        // Syntax is of level 15; what a statement asks for, of level 16.
                        let level = if bad.number < 3000 { 15 } else { 16 };
                        let message = Message { number: bad.number, level, text: bad.message };
                        self.tell(&message, bad.line)?;
                        1
                    }
                };
                if batch.stop && failures > 0 {
                    return Ok(failures);
                }
                if engine.stop.is_asked() {
                    return Ok(0);
                }
            }
        }
        Ok(0)
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
        let log = statement.what == vdi_server::What::Log;
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
    let messages: Vec<_> = match result {
        Ok(_) => Vec::new(),
        Err(failed) => failed.messages.iter().map(|message| &message.text).collect(),
    };
    let done = result.as_ref().ok();
    Ok(note(&json!({
        "statement": statement.title(),
        "restore": statement.verb == Verb::Restore,
        "database": statement.database,
        "devices": statement.devices,
        "succeeded": done.is_some(),
        "bytes": done.map(|done| done.bytes),
        "checksum": done.and_then(|done| done.checksum),
        "withoutEffect": statement.without_effect,
        "messages": messages,
    }))?)
}

/// The same for a fault that was asked for, when it happens.
fn note_fault(fault: Fault) {
    // The statement goes on, or ends, as it was to.
    let _ = note(&json!({ "fault": fault.to_string() }));
}

fn note(row: &serde_json::Value) -> std::io::Result<()> {
    let Some(path) = variable("VDI_OUTCOME") else { return Ok(()) };
    let mut file = fs::File::options().create(true).append(true).open(path)?;
    file.write_all(format!("{row}\n").as_bytes())
}

/// Standard output, from whichever thread.
pub(super) fn console() -> Patient<std::io::Stdout> {
    Patient(std::io::stdout())
}
