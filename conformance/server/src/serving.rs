//! `vdi serve`: statements carried out as they are given, or as `sqlcmd` hands them over.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use vdi_recorder::settings::{DATA, FAULTS, GROUP, PREFIX, SERVER, TRACE, check_all};
use vdi_runtime::{Machine, Options};

use super::batch::carry_out;
use super::console::{Console, Lines, Print};
use super::context::Context;
use super::database::Databases;
use super::door::TdsOptions;
#[cfg(not(feature = "tds"))]
use super::door::tds::Door;
use super::error::ServeError;
use super::faults::Faults;
use super::order::{Order, parse};
use super::outcomes::report_fault;
use super::parser::BadStatement;
use super::server::Server;
use super::sqlcmd::{Batch, Reader, Script};
use super::standing::{self, Listener, Request};
use super::stop::{Stop, Stops};
use super::sync::sleep;
#[cfg(feature = "tds")]
use super::tds::Door;

/// How long a client may take to open its devices.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a server is played. What is `None` or false is as the environment says it.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    /// The folder of its databases.
    pub data: Option<PathBuf>,
    /// What goes wrong on purpose.
    pub faults: Option<String>,
    /// Where its calls are recorded; `%s` in the name is the name of the set.
    pub trace: Option<String>,
    /// Seconds that a set that does not exist yet is waited for.
    pub wait: Option<f64>,
    /// What the names of shared memory objects begin with.
    pub prefix: Option<String>,
    /// Whether sets of the same group are used, not only of the same user.
    pub group: bool,
    /// Where it listens.
    pub socket: Option<PathBuf>,
    /// Where drivers connect, if they can.
    pub tds: Option<TdsOptions>,
    /// Stops the statements that are given.
    pub stop: Arc<Stop>,
}

impl ServeOptions {
    /// Carries out statements, and prints what becomes of them: how many failed.
    ///
    /// # Errors
    /// They cannot be understood, or nothing can be printed.
    pub fn carry_out(
        &self,
        statements: &[String],
        out: &mut (dyn Write + Send),
    ) -> Result<usize, ServeError> {
        let faults = self.checked_faults()?;
        let batches = batches(&statements.join("\n"))?;
        let server = Server {
            wait: self.wait.map_or(Duration::MAX, seconds),
            ..self.server(faults.as_deref(), None, self.stop.clone())?
        };
        let lines = Lines::new(out);
        let print = |text: &str| lines.print(text);
        batches.iter().try_for_each(|(orders, _)| report_ignored(orders, &print))?;
        let console = Console { print: &print, server: "localhost" };
        let mut context = Context::default();
        let mut failures = 0;
        for (orders, count) in &batches {
            for _ in 0..*count {
                if self.stop.is_asked() {
                    break;
                }
                failures += carry_out(&server, &mut context, orders, &console)?;
            }
        }
        Ok(failures)
    }

    /// Begins to listen to what `sqlcmd` hands over.
    ///
    /// # Errors
    /// The options cannot be understood, or there is no place to listen at.
    pub fn listen(&self) -> Result<StandingServer, ServeError> {
        let faults = self.checked_faults()?;
        let socket = self.socket.clone().or_else(|| standing::socket(&self.prefix()));
        let socket = socket.ok_or_else(|| {
            ServeError::Usage("VDI_SERVER is `none`: there is no place to listen at".to_owned())
        })?;
        let may_create = self.socket.is_none() && SERVER.get().is_none();
        let listener = Listener::new(&socket, may_create, self.is_of_group())?;
        let certificate = socket.with_extension("pem");
        let door = self.tds.as_ref().map(|tds| Door::new(tds, certificate)).transpose();
        // Nobody listens there then.
        let door = door.inspect_err(|_| drop(std::fs::remove_file(&socket)))?;
        Ok(StandingServer {
            door,
            options: Self { faults, ..self.clone() },
            socket,
            listener,
            stops: Arc::default(),
        })
    }

    /// What goes wrong on purpose, and is understood: asked first, so that nobody waits for
    /// what cannot be.
    fn checked_faults(&self) -> Result<Option<String>, ServeError> {
        check_all()?;
        let faults = self.faults.clone().or_else(|| FAULTS.get());
        read_faults(faults.as_deref()).map(|_| faults)
    }

    fn prefix(&self) -> String {
        self.prefix.clone().or_else(|| PREFIX.get()).unwrap_or_default()
    }

    fn is_of_group(&self) -> bool {
        self.group || GROUP.is("1")
    }

    fn machine(&self) -> Machine {
        let (prefix, group) = (self.prefix(), self.is_of_group());
        let machine = Machine::shared_memory(Options { prefix, group, ..Options::default() });
        machine.sweep();
        machine
    }

    /// The server, with these faults, and recorded there rather than where the options say.
    pub(super) fn server(
        &self,
        faults: Option<&str>,
        trace: Option<String>,
        stop: Arc<Stop>,
    ) -> Result<Server, ServeError> {
        let folder = self.data.clone().or_else(|| DATA.path());
        Ok(Server {
            machine: self.machine(),
            databases: folder.map_or_else(Databases::default, Databases::in_folder),
            faults: read_faults(faults)?,
            trace: trace.or_else(|| self.trace.clone()).or_else(|| TRACE.get()),
            wait: self.wait.map_or(Duration::ZERO, seconds),
            patience: PATIENCE,
            stop,
        })
    }
}

/// Faults, each of which is reported when it happens.
pub(super) fn read_faults(text: Option<&str>) -> Result<Faults, ServeError> {
    let faults: Faults = text.unwrap_or_default().parse().map_err(ServeError::Usage)?;
    Ok(faults.reporting_to(report_fault))
}

/// A length of time in seconds; what is too long for a clock is for ever.
fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX)
}

/// All statements of a text, whose batches may be parted by GO, with how often each batch is
/// carried out.
fn batches(text: &str) -> Result<Vec<(Vec<Order>, u32)>, ServeError> {
    let mut script = Script::default();
    Reader::new("GO".to_owned(), false).read(text, None, &mut script);
    if let Some(why) = script.wrong {
        return Err(ServeError::Usage(why));
    }
    let wrong = |bad: BadStatement| ServeError::Usage(bad.to_string());
    let read = |batch: Batch| parse(&batch.text).map(|orders| (orders, batch.count));
    script.batches.into_iter().map(read).collect::<Result<_, _>>().map_err(wrong)
}

/// Says which options of the statements are accepted and do nothing.
fn report_ignored(orders: &[Order], print: Print<'_>) -> io::Result<()> {
    for order in orders {
        let Order::Run(statement) = order else { continue };
        if !statement.without_effect.is_empty() {
            print(&format!("without effect here: {}", statement.without_effect.join(", ")))?;
        }
    }
    Ok(())
}

/// A server that stands: every `sqlcmd` of the same user hands its statements over to it.
#[derive(Debug)]
pub struct StandingServer {
    options: ServeOptions,
    socket: PathBuf,
    listener: Listener,
    door: Option<Door>,
    stops: Arc<Stops>,
}

impl StandingServer {
    /// What it leaves behind: where it listens, its certificate. Who ends the process removes
    /// that.
    #[must_use]
    pub fn left(&self) -> Vec<PathBuf> {
        let certificate = self.door.as_ref().map(Door::certificate);
        [self.socket.clone()].into_iter().chain(certificate).collect()
    }

    /// Stops all that it carries out. Who ends the process does that before.
    #[must_use]
    pub fn stops(&self) -> Arc<Stops> {
        self.stops.clone()
    }

    /// Waits for statements, and carries them out, until the process is ended. What becomes
    /// of them is printed here, too.
    ///
    /// # Errors
    /// Nothing can be printed.
    pub fn serve(&self, out: &mut (dyn Write + Send)) -> Result<(), ServeError> {
        let lines = Lines::new(out);
        let print = |text: &str| lines.print(text);
        print(&format!("listening at {}", self.socket.display()))?;
        let machine = self.options.machine();
        thread::spawn(move || sweep_for_ever(&machine));
        let said = self.door.as_ref().map(Door::said).transpose()?;
        said.iter().try_for_each(|said| print(said))?;
        thread::scope(|scope| {
            if let Some(door) = &self.door {
                let server = |stop| {
                    let faults = self.options.faults.as_deref();
                    self.options.server(faults, None, stop)
                };
                scope.spawn(move || door.serve(&self.stops, &print, server));
            }
            self.listener.serve(&self.stops, |request, stop, to| {
                let served = self.attend(request, stop, (&print, to));
                served.map_err(|error| error.to_string())
            });
        });
        Ok(())
    }

    /// Carries out a request; `here` and `there` are told what becomes of it.
    fn attend(
        &self,
        request: &Request,
        stop: Arc<Stop>,
        (here, there): (Print<'_>, Print<'_>),
    ) -> Result<usize, ServeError> {
        // Neither end need be looking any more: that stops the statement, and what came of
        // that is printed all the same.
        let both = |text: &str| {
            let _ = here(text);
            let _ = there(text);
            Ok(())
        };
        for batch in &request.batches {
            // What is wrong with the text is told to whoever has sent it.
            let _ = parse(&batch.text).map(|orders| report_ignored(&orders, here));
        }
        let faults = request.faults.as_deref().or(self.options.faults.as_deref());
        let trace = request.trace.as_ref().map(|path| path.display().to_string());
        let mut server = self.options.server(faults, trace, stop)?;
        server.wait = request.wait.map_or(server.wait, seconds);
        let console = Console { print: &both, server: &request.server };
        console.run(&server, &request.batches)
    }
}

/// Clears away what clients leave that are killed while no server has their set: nobody tells
/// when a client dies.
fn sweep_for_ever(machine: &Machine) {
    loop {
        sleep(Duration::from_secs(1));
        machine.sweep();
    }
}
