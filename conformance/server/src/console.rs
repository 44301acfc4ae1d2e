//! What a server says, printed in the shape that `sqlcmd` gives it.

use std::io::{self, Write};
use std::sync::Mutex;

use super::error::ServeError;
use super::execute::Done;
use super::messages::{Failed, Message};
use super::outcomes::report_outcome;
use super::server::Server;
use super::sqlcmd::Batch;
use super::statement::{Order, Statement, parse};
use super::sync::lock;
use super::verb::What;

/// Prints a line.
pub(super) type Print<'a> = &'a (dyn Fn(&str) -> io::Result<()> + Sync);

/// What is written to from many threads, a line at a time.
pub(super) struct Lines<'a>(Mutex<&'a mut (dyn Write + Send)>);

impl<'a> Lines<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self(Mutex::new(out))
    }

    /// Prints a line at once.
    pub(super) fn print(&self, text: &str) -> io::Result<()> {
        let mut out = lock(&self.0);
        writeln!(out, "{text}")?;
        out.flush()
    }
}

/// Where it is printed what a server says, in the shape that `sqlcmd` gives it.
pub(super) struct Console<'a> {
    pub(super) print: Print<'a>,
    /// What the server is called.
    pub(super) server: &'a str,
}

impl Console<'_> {
    /// Carries out batches; how many statements failed at whose failure all was to end.
    pub(super) fn run(&self, server: &Server, batches: &[Batch]) -> Result<usize, ServeError> {
        for batch in batches {
            for _ in 0..batch.count {
                let failures = match parse(&batch.text) {
                    Ok(orders) => self.carry_out(server, &orders)?,
                    Err(bad) => {
                        // Syntax is of level 15; what a statement asks for, of level 16.
                        let level = if bad.number < 3000 { 15 } else { 16 };
                        let message = Message { number: bad.number, level, text: bad.message };
                        self.report(&message, bad.line)?;
                        1
                    }
                };
                if batch.stop && failures > 0 {
                    return Ok(failures);
                }
                if server.stop.is_asked() {
                    return Ok(0);
                }
            }
        }
        Ok(0)
    }

    fn report(&self, message: &Message, line: usize) -> io::Result<()> {
        let Message { number, level, text } = message;
        let server = self.server;
        (self.print)(&format!(
            "Msg {number}, Level {level}, State 1, Server {server}, Line {line}\n{text}"
        ))
    }

    /// Carries out one statement after the other; how many failed. A failed one does not
    /// keep the next from being tried.
    pub(super) fn carry_out(&self, server: &Server, batch: &[Order]) -> Result<usize, ServeError> {
        let mut failures = 0;
        for order in batch {
            if server.stop.is_asked() {
                break;
            }
            match order {
                Order::Set => {}
                Order::Use(name) => {
                    (self.print)(&format!("Changed database context to '{name}'."))?;
                }
                Order::Version => {
                    let version = env!("CARGO_PKG_VERSION");
                    (self.print)(&format!("The stand-in for SQL Server {version}"))?;
                }
                Order::Create(name) => {
                    failures += self.besides(server.databases.create(name))?;
                }
                Order::Drop(name) => failures += self.besides(server.databases.remove(name))?,
                Order::Run(statement) => {
                    // Told to nobody if it cannot be printed.
                    let say = |text: &str| drop((self.print)(text));
                    let result = server.execute(statement, &say);
                    report_outcome(statement, &result)?;
                    match result {
                        Ok(done) => self.done(statement, &done)?,
                        Err(failed) => {
                            failures += 1;
                            for message in &failed.messages {
                                self.report(message, statement.line)?;
                            }
                        }
                    }
                }
            }
        }
        Ok(failures)
    }

    /// What became of a statement that moves no data: 1 if it failed.
    fn besides(&self, result: Result<(), Failed>) -> io::Result<usize> {
        let Err(failed) = result else { return Ok(0) };
        for message in &failed.messages {
            self.report(message, 1)?;
        }
        Ok(1)
    }

    fn done(&self, statement: &Statement, done: &Done) -> io::Result<()> {
        let (pages, database) = (done.pages(), &statement.database);
        let log = statement.what == What::Log;
        let file = if log { format!("{database}_log") } else { database.clone() };
        (self.print)(&format!(
            "Processed {pages} pages for database '{database}', file '{file}' on file 1."
        ))?;
        let took = done.took.as_secs_f64().max(0.001);
        let rate = done.bytes as f64 / took / f64::from(1 << 20);
        let title = statement.title();
        (self.print)(&format!(
            "{title} successfully processed {pages} pages in {took:.3} seconds ({rate:.3} MB/sec)."
        ))
    }
}
