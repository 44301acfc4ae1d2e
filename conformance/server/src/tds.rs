//! `vdi serve --tds`: statements that drivers send. The protocol is that of `vdi_tds`; here
//! is what it comes to.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use vdi_tds::{
    Answer, Column, Engine, Halt, Identity, Listener, Login, Refusal, Request, Shape, Told,
    TransactionRequest, Type, Why,
};
use vdi_trace::files;

use super::answers::{Answers, Change};
use super::batch::{carry_out_text, transact};
use super::console::{Console, Print};
use super::context::Context;
use super::door::TdsOptions;
use super::error::ServeError;
use super::messages::Message;
use super::order::Transact;
use super::rows::{Kind, Rows, Value};
use super::server::Server;
use super::stop::{Stop, Stops};

/// What the server is called in messages.
const NAME: &str = "localhost";

/// Procedures that drivers call and want nothing of.
const SWALLOWED: [&str; 2] = ["sp_datatype_info", "sp_reset_connection"];

/// Where drivers connect.
#[derive(Debug)]
pub(super) struct Door {
    listener: Listener,
    password: Option<String>,
    certificate: PathBuf,
}

impl Door {
    /// Begins to listen, and writes its certificate down.
    pub(super) fn new(options: &TdsOptions, certificate: PathBuf) -> Result<Self, ServeError> {
        let TdsOptions { address, password, anywhere, ends } = options;
        if !address.ip().is_loopback() && !anywhere {
            return Err(ServeError::Usage(format!(
                "--tds {address}: others than this machine could connect; --tds-anywhere if they may"
            )));
        }
        let unusable = |path: &PathBuf, error: &dyn std::fmt::Display| {
            ServeError::Unavailable(format!("{}: {error}", path.display()))
        };
        let read =
            |path: &PathBuf| fs::read_to_string(path).map_err(|error| unusable(path, &error));
        let password = password.as_ref().map(read).transpose()?;
        let password = password.map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
        let identity =
            Identity::new().map_err(|error| ServeError::Unavailable(error.to_string()))?;
        files::replace(&certificate, |file| file.write_all(identity.certificate().as_bytes()))
            .map_err(|error| unusable(&certificate, &error))?;
        let shape = if *ends { Shape::MessagesWithEnds } else { Shape::Messages };
        let options = vdi_tds::Options { identity, shape, server: NAME.to_owned() };
        let listener = Listener::new(*address, options)
            .map_err(|error| ServeError::Unavailable(format!("{address}: {error}")))?;
        Ok(Self { listener, password, certificate })
    }

    /// Where its certificate lies.
    pub(super) fn certificate(&self) -> PathBuf {
        self.certificate.clone()
    }

    /// What is said when it listens.
    pub(super) fn said(&self) -> Result<String, ServeError> {
        let address = self.listener.address()?;
        Ok(format!("listening for TDS at {address}, certificate {}", self.certificate.display()))
    }

    /// Serves all drivers, until the process ends. `server` makes what carries out what is
    /// stopped so.
    pub(super) fn serve(
        &self,
        stops: &Stops,
        print: Print<'_>,
        server: impl Fn(Arc<Stop>) -> Result<Server, ServeError> + Sync,
    ) {
        let password = self.password.as_deref();
        let number = AtomicU16::new(50);
        self.listener.serve(&Statements { server, stops, print, password, number });
    }
}

/// What carries out what drivers send.
struct Statements<'a, S> {
    server: S,
    stops: &'a Stops,
    print: Print<'a>,
    password: Option<&'a str>,
    /// That of the last session.
    number: AtomicU16,
}

impl Halt for Stop {
    fn halt(&self, why: Why) {
        self.because(match why {
            Why::Attention => "ended by attention",
            Why::Gone => "ended by the closed connection",
        });
        self.now();
    }
}

impl<S: Fn(Arc<Stop>) -> Result<Server, ServeError> + Sync> Engine for Statements<'_, S> {
    type Session = Context;
    type Halt = Stop;

    /// Source: SQL Server documentation, Database engine events and errors, 18456.
    fn login(&self, login: &Login) -> Result<Context, Refusal> {
        let is_known = self.password.is_none_or(|password| login.password == password);
        if login.is_integrated || !is_known {
            let text = format!("Login failed for user '{}'.", login.user);
            return Err(Refusal { number: 18456, class: 14, text });
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        Ok(Context { user: login.user.clone(), number, ..Context::default() })
    }

    fn halt(&self) -> Arc<Stop> {
        Arc::default()
    }

    fn reset(&self, session: &mut Context) {
        let Context { user, number, .. } = session.clone();
        *session = Context { user, number, ..Context::default() };
    }

    fn carry_out(
        &self,
        session: &mut Context,
        request: &Request,
        halt: &Arc<Stop>,
        answer: &Answer<'_>,
    ) -> io::Result<()> {
        // Whoever looks at the server need not be there; the client must.
        let driver = Driver(answer);
        let console = Console { print: self.print, server: NAME };
        let both = Both(&console, &driver);
        let done = match request {
            Request::Text(text, values) => {
                let values = values.iter();
                let variables = values.map(|(name, value)| (name.to_ascii_lowercase(), of(value)));
                let text = (text.as_str(), variables.collect());
                let run = || {
                    let server = (self.server)(halt.clone())?;
                    carry_out_text(&server, session, text, &both).map(drop)
                };
                self.stops
                    .run(halt, run)
                    .unwrap_or_else(|| Err(ServeError::Unavailable("the server ends".to_owned())))
            }
            Request::Transaction(request) => transaction(session, *request, &driver),
            Request::Procedure(name) => procedure(name, &driver),
        };
        match done {
            Ok(()) => Ok(()),
            Err(ServeError::Output(error)) => Err(error),
            Err(ServeError::Usage(text) | ServeError::Unavailable(text)) => {
                driver.tell(&Message { number: 50_000, level: 16, text }, 1)?;
                driver.ended(true, None)
            }
        }
    }
}

/// What a driver asks of a transaction by itself.
fn transaction(
    session: &mut Context,
    request: TransactionRequest,
    answers: &dyn Answers,
) -> Result<(), ServeError> {
    let (ends, begins) = match request {
        TransactionRequest::Begin => (None, true),
        TransactionRequest::Commit(anew) => (Some(Transact::Commit), anew),
        TransactionRequest::Rollback(anew) => (Some(Transact::Rollback), anew),
        TransactionRequest::Other(number) => {
            let text = format!("Request {number} for transactions is not carried out here.");
            return Err(ServeError::Usage(text));
        }
    };
    let well = match ends {
        Some(what) => transact(session, what, answers)?,
        None => true,
    };
    if well && begins {
        transact(session, Transact::Begin, answers)?;
    }
    answers.ended(!well, None)?;
    Ok(())
}

/// A procedure that is called by its name.
///
/// Source: SQL Server documentation, Database engine events and errors, 2812.
fn procedure(name: &str, answers: &dyn Answers) -> Result<(), ServeError> {
    let bare = name.rsplit('.').next().unwrap_or_default().trim_matches(['[', ']']);
    let known = SWALLOWED.iter().any(|known| bare.to_ascii_lowercase().starts_with(known));
    if !known {
        let text = format!("Could not find stored procedure '{name}'.");
        answers.tell(&Message { number: 2812, level: 16, text }, 1)?;
    }
    answers.ended(!known, None)?;
    Ok(())
}

/// A driver at the other end.
struct Driver<'a>(&'a Answer<'a>);

impl Answers for Driver<'_> {
    fn tell(&self, message: &Message, line: usize) -> io::Result<()> {
        let Message { number, level: class, text } = message;
        self.0.tell(&Told { number: *number, state: 1, class: *class, line, text })
    }

    fn rows(&self, rows: &Rows) -> io::Result<()> {
        let column =
            |(name, kind): &(String, Kind)| Column { name: name.clone(), kind: type_of(*kind) };
        let columns: Vec<Column> = rows.columns.iter().map(column).collect();
        let row = |row: &Vec<Value>| row.iter().map(to).collect();
        self.0.rows(&columns, &rows.rows.iter().map(row).collect::<Vec<_>>())
    }

    fn ended(&self, failed: bool, count: Option<u64>) -> io::Result<()> {
        self.0.ended(failed, count)
    }

    fn changed(&self, change: Change) -> io::Result<()> {
        match change {
            Change::Begun => self.0.begins_transaction(),
            Change::Committed => self.0.ends_transaction(true),
            Change::RolledBack => self.0.ends_transaction(false),
        }
    }
}

/// Two who are told the same. The first need not be there any more.
struct Both<'a>(&'a dyn Answers, &'a dyn Answers);

impl Answers for Both<'_> {
    fn tell(&self, message: &Message, line: usize) -> io::Result<()> {
        let _ = self.0.tell(message, line);
        self.1.tell(message, line)
    }

    fn rows(&self, rows: &Rows) -> io::Result<()> {
        let _ = self.0.rows(rows);
        self.1.rows(rows)
    }

    fn ended(&self, failed: bool, count: Option<u64>) -> io::Result<()> {
        let _ = self.0.ended(failed, count);
        self.1.ended(failed, count)
    }

    fn changed(&self, change: Change) -> io::Result<()> {
        self.1.changed(change)
    }
}

const fn type_of(kind: Kind) -> Type {
    match kind {
        Kind::Bit => Type::Bit,
        Kind::TinyInt => Type::TinyInt,
        Kind::SmallInt => Type::SmallInt,
        Kind::Int => Type::Int,
        Kind::BigInt => Type::BigInt,
        Kind::Numeric(digits) => Type::Numeric(digits),
        Kind::Text(characters) => Type::Text(characters),
        Kind::Bytes(bytes) => Type::Bytes(bytes),
        Kind::Guid => Type::Guid,
        Kind::Time => Type::DateTime,
    }
}

fn to(value: &Value) -> vdi_tds::Value {
    match value {
        Value::Null => vdi_tds::Value::Null,
        Value::Int(number) => vdi_tds::Value::Int(*number),
        Value::Text(text) => vdi_tds::Value::Text(text.clone()),
        Value::Bytes(bytes) => vdi_tds::Value::Bytes(bytes.clone()),
        Value::Time(days, ticks) => vdi_tds::Value::DateTime(*days, *ticks),
    }
}

fn of(value: &vdi_tds::Value) -> Value {
    match value {
        vdi_tds::Value::Null => Value::Null,
        vdi_tds::Value::Int(number) => Value::Int(*number),
        vdi_tds::Value::Text(text) => Value::Text(text.clone()),
        vdi_tds::Value::Bytes(bytes) => Value::Bytes(bytes.clone()),
        vdi_tds::Value::DateTime(days, ticks) => Value::Time(*days, *ticks),
    }
}
