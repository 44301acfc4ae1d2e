//! `sqlcmd`: its command line, its scripts, and what it does with them. They are handed over
//! to the server that stands, if one does; else the server is played here.

mod arguments;
mod script;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vdi_recorder::settings::{FAULTS, GROUP, PREFIX, TRACE, WAIT, check_all};
use vdi_trace::{LONGEST_DOCUMENT, files};

use super::console::{Console, Lines};
use super::error::ServeError;
use super::serving::{ServeOptions, read_faults};
use super::standing::{self, HandedOver, Request};
use super::stop::Stop;

use arguments::{Arguments, complaint};
pub(super) use script::{Batch, Reader, Script, decoded};

/// Does what this command line says, the first word of which is the name of the tool, and
/// gives the exit code. `stop` stops it while it carries something out.
///
/// # Errors
/// The environment cannot be understood, or nothing can be printed. What the tool itself
/// complains of is printed.
pub fn sqlcmd(
    words: &[OsString],
    stop: &Arc<Stop>,
    out: &mut (dyn Write + Send),
) -> Result<u8, ServeError> {
    let arguments = match Arguments::read(words.iter().cloned()) {
        Ok(arguments) => arguments,
        Err(error) if !error.use_stderr() => {
            write!(out, "{error}")?;
            return Ok(0);
        }
        Err(error) => {
            writeln!(out, "{}", complaint(&error))?;
            return Ok(1);
        }
    };
    check_all()?;
    let (script, mut file) = match prepare(&arguments) {
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
    let lines = Lines::new(out);
    let print = |text: &str| lines.print(text);
    let handed_over = match standing::socket(&PREFIX.get().unwrap_or_default()) {
        Some(socket) => {
            let request = request(&arguments, &script.batches)?;
            standing::hand_over((&socket, GROUP.is("1")), &request, stop, &print)?
        }
        None => HandedOver::NoServer,
    };
    let failures = match handed_over {
        HandedOver::Ended(failures) => failures,
        HandedOver::Failed(why) => {
            print(&format!("Sqlcmd: Error: {why}."))?;
            return Ok(1);
        }
        HandedOver::NoServer => {
            let options = ServeOptions { wait: WAIT.seconds(), ..ServeOptions::default() };
            let server = options.server(FAULTS.get().as_deref(), None, stop.clone())?;
            let console = Console { print: &print, server: &arguments.server };
            console.run(&server, &script.batches)?
        }
    };
    match script.wrong {
        Some(why) if failures == 0 => {
            print(&format!("Sqlcmd: Error: {why}"))?;
            Ok(1)
        }
        // As the real tool: without -b it does not matter what became of the statements.
        _ => Ok(u8::from(failures > 0)),
    }
}

/// What is to be carried out, and the file for what is printed; why that cannot be had.
fn prepare(arguments: &Arguments) -> Result<(Script, Option<File>), String> {
    let script = script(arguments)?;
    let create = |path: &PathBuf| files::written(path).map_err(|error| unusable(path, &error));
    Ok((script, arguments.output.as_ref().map(create).transpose()?))
}

/// What a server that stands is asked for: with the environment as it is here.
fn request(arguments: &Arguments, batches: &[Batch]) -> Result<Request, ServeError> {
    let faults = FAULTS.get();
    read_faults(faults.as_deref())?;
    Ok(Request {
        server: arguments.server.clone(),
        batches: batches.to_vec(),
        faults,
        trace: TRACE.get().map(std::path::absolute).transpose()?,
        wait: WAIT.seconds(),
    })
}

/// What is said of a text that has more bytes than is read of one.
const TOO_LONG: &str = "it is too long for a text of statements";

/// What is to be carried out: of the command line, of files, or of standard input; what keeps
/// it from being read.
fn script(arguments: &Arguments) -> Result<Script, String> {
    let mut reader = Reader::new(arguments.terminator.clone(), arguments.exit_on_error);
    let variables = arguments.variables()?;
    reader.variables = (!arguments.no_variables).then_some(variables);
    let mut script = Script::default();
    if let Some(query) = arguments.query.as_ref().or(arguments.initial.as_ref()) {
        reader.read(query, None, &mut script);
        return Ok(script);
    }
    for file in &arguments.input {
        let name = file.display().to_string();
        reader.read(&file_text(file)?, Some(&name), &mut script);
    }
    if arguments.input.is_empty() {
        let mut text = Vec::new();
        let input = std::io::stdin().lock();
        let read = input.take(LONGEST_DOCUMENT + 1).read_to_end(&mut text);
        read.map_err(|error| format!("Sqlcmd: Error: standard input: {error}."))?;
        if text.len() as u64 > LONGEST_DOCUMENT {
            return Err(format!("Sqlcmd: Error: standard input: {TOO_LONG}."));
        }
        let text =
            script::decoded(&text).ok_or("Sqlcmd: Error: standard input is not UTF-8 text.")?;
        reader.read(&text, None, &mut script);
    }
    Ok(script)
}

/// The text of a file of statements.
fn file_text(file: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let opened = fs::File::open(file);
    let read = opened.and_then(|file| file.take(LONGEST_DOCUMENT + 1).read_to_end(&mut bytes));
    read.map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!("Sqlcmd: '{}': Invalid filename.", file.display()),
        _ => unusable(file, &error),
    })?;
    if bytes.len() as u64 > LONGEST_DOCUMENT {
        return Err(unusable(file, &TOO_LONG));
    }
    script::decoded(&bytes).ok_or_else(|| unusable(file, &"it is neither UTF-8 nor UTF-16 text"))
}

/// What is said of a file that cannot be used.
fn unusable(file: &Path, why: &dyn std::fmt::Display) -> String {
    format!(
        "Sqlcmd: Error: Error occurred while opening or operating on file {} (Reason: {why}).",
        file.display()
    )
}
