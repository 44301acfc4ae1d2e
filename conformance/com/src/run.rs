//! What is asked for on the command line.

use std::io::{self, stdin, stdout};
use std::process::ExitCode;
use std::sync::Arc;

use vdi_suite::adapter::body::{ImplementationSession, Interfaces};
use vdi_suite::adapter::inprocess::{Host, Implementation, InProcess, Session};
use vdi_suite::adapter::protocol::{self, Hello, Offer, VERSION};
use vdi_suite::adapter::{Adapter as _, Limits, Processes, serve, serve_connection};
use vdi_trace::{Declares, Interfaces as SetInterfaces};

use crate::contract;
use crate::library::Library;
use crate::objects::{ClientSet, ComObjects, ServerSet};

/// The words of the command line.
struct Words {
    dll: Option<String>,
    processes: bool,
    contract: bool,
    /// One thing of the contract, here.
    tried: Option<String>,
    depth: Option<u32>,
    /// It is a process of another's.
    prefix: Option<String>,
}

impl Words {
    fn read() -> Result<Self, String> {
        let (mut dll, mut prefix, mut depth, mut tried) = (None, None, None, None);
        let (mut processes, mut contract) = (false, false);
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut next = || words.next().ok_or_else(|| format!("{word} what?"));
            match word.as_str() {
                "--dll" => dll = Some(next()?),
                "--try" => tried = Some(next()?),
                "--prefix" => prefix = Some(next()?),
                "--queue-depth" => {
                    depth = Some(next()?.parse().map_err(|_| "--queue-depth NUMBER".to_owned())?);
                }
                "--processes" => processes = true,
                "--contract" => contract = true,
                _ => return Err(format!("{word} is no option of this program")),
            }
        }
        Ok(Self { dll, processes, contract, tried, depth, prefix })
    }

    /// As a process of this one is to have them.
    fn again(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(dll) = &self.dll {
            words.extend(["--dll".to_owned(), dll.clone()]);
        }
        words
    }
}

/// Which library it is.
#[derive(Clone)]
struct ByCom(Arc<Library>, Hello);

fn hello(words: &Words) -> Hello {
    let mut offers =
        vec![Offer::Server, Offer::Client, Offer::Unload, Offer::Hold, Offer::Together];
    if words.processes {
        offers.push(Offer::Exit);
    }
    let name =
        if words.dll.is_some() { "sqlvdi.dll by its path" } else { "sqlvdi.dll as registered" };
    Hello {
        protocol: VERSION,
        implementation: protocol::Implementation {
            name: name.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            language: Some("COM".to_owned()),
        },
        offers,
        functions: None,
        declares: Declares { queue_depth: words.depth },
    }
}

impl Implementation for ByCom {
    fn hello(&self) -> Hello {
        self.1.clone()
    }

    fn session(&self, host: Arc<Host>, interfaces: &SetInterfaces) -> Arc<dyn Session> {
        let world = ComObjects::default();
        let sets = Interfaces::<ComObjects>::new(
            interfaces,
            |process| ServerSet::new(&self.0, process, &world),
            |process| ClientSet::new(&self.0, process, &world),
        );
        ImplementationSession::far(world, host, sets)
    }
}

fn adapter(words: &Words) -> io::Result<()> {
    let hello = hello(words);
    if let Some(prefix) = &words.prefix {
        let library = Arc::new(Library::open(words.dll.as_deref(), prefix)?);
        let adapter = InProcess::new(ByCom(library, hello), "");
        return serve(&adapter, stdin().lock(), stdout());
    }
    let program = std::env::current_exe()?;
    let processes = Processes::of(program, words.again(), hello);
    let mut connection = processes
        .connect(Limits::default())
        .map_err(|refused| io::Error::other(refused.to_string()))?;
    serve_connection(&mut *connection, io::BufReader::new(stdin()), stdout())
}

#[expect(clippy::print_stderr, clippy::print_stdout, reason = "the words of this program")]
pub(crate) fn run() -> ExitCode {
    let done = Words::read().map_err(io::Error::other).and_then(|words| {
        if !words.contract && words.tried.is_none() {
            return adapter(&words).map(|()| Vec::new());
        }
        let path = words.dll.as_deref();
        let path = path.ok_or_else(|| io::Error::other("the contract is tried of --dll PATH"))?;
        let wrong = match (&words.prefix, &words.tried) {
            (Some(prefix), Some(tried)) => {
                crate::library::name_sets(prefix);
                contract::one(tried, path)?
            }
            (_, tried) => contract::broken(path, tried.as_deref())?,
        };
        wrong.iter().for_each(|one| println!("{one}"));
        Ok(wrong)
    });
    match done {
        Ok(wrong) if wrong.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("vdi-com-adapter: {error}");
            ExitCode::from(2)
        }
    }
}
