//! Serving an implementation in this process to a suite in another.

use std::io::{self, BufRead, Write};
use std::sync::mpsc::{TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::inprocess::{Implementation, InProcess, InProcessConnection};
use super::protocol::{Answer, Request};
use super::{Connection, Limits, Trouble};
use crate::locked::locked;

/// Serves an implementation on standard input and output, one JSON object a line, until
/// the input ends or says so. The process is expected to end then: a scenario that is still
/// running stays as it is, with whatever it has open.
///
/// # Errors
/// Input or output fails, or a line is no request.
pub fn serve<I: Implementation + Clone + 'static>(
    adapter: &InProcess<I>,
    input: impl BufRead,
    output: impl Write + Send + 'static,
) -> io::Result<()> {
    let output = Arc::new(Mutex::new(output));
    let mut driver = adapter.driver(Limits::default());
    for line in input.lines() {
        let request: Request = serde_json::from_str(&line?)?;
        match request {
            Request::Hello { newest, .. } => {
                write_line(&output, &Answer::Hello(driver.hello.in_version(newest)))?;
            }
            Request::Bye => break,
            request => {
                if let Err(trouble) = driver.send(&request) {
                    write_line(&output, &Answer::Trouble { message: trouble.to_string() })?;
                }
                if matches!(request, Request::Reset { .. }) {
                    pump(&mut driver, &output);
                }
            }
        }
    }
    // The process ends as it is. What a scenario has not closed is not closed for it: a set
    // that is let go of closes itself, and whether it came to that was a matter of speed.
    std::mem::forget(driver);
    Ok(())
}

/// The same for a connection to an implementation that is elsewhere.
///
/// # Errors
/// As for [`serve`].
pub fn serve_connection(
    connection: &mut dyn Connection,
    input: impl BufRead + Send + 'static,
    output: impl Write,
) -> io::Result<()> {
    let output = Mutex::new(output);
    let (sender, requests) = channel();
    thread::spawn(move || {
        for line in input.lines() {
            let request = line.and_then(|line| Ok(serde_json::from_str::<Request>(&line)?));
            let last = !matches!(request, Ok(ref request) if !matches!(request, Request::Bye));
            if sender.send(request).is_err() || last {
                return;
            }
        }
    });
    let trouble =
        |trouble: Trouble| write_line(&output, &Answer::Trouble { message: trouble.to_string() });
    loop {
        match requests.try_recv() {
            Ok(Ok(Request::Hello { newest, .. })) => {
                write_line(&output, &Answer::Hello(connection.hello().in_version(newest)))?;
            }
            Ok(Ok(Request::Bye)) | Err(TryRecvError::Disconnected) => return Ok(()),
            Ok(Ok(request)) => connection.send(&request).or_else(trouble)?,
            Ok(Err(error)) => return Err(error),
            // Whichever comes first is looked for in turn.
            Err(TryRecvError::Empty) => match connection.receive(TURN) {
                Ok(Some(answer)) => write_line(&output, &answer)?,
                Ok(None) => {}
                Err(wrong) => trouble(wrong)?,
            },
        }
    }
}

/// How long answers are waited for until requests are looked for.
const TURN: Duration = Duration::from_millis(1);

/// Writes the answers of a new scenario as they come.
fn pump(driver: &mut InProcessConnection, output: &Arc<Mutex<impl Write + Send + 'static>>) {
    let Some(running) = &mut driver.running else { return };
    // Nobody receives from the driver itself here.
    let answers = std::mem::replace(&mut running.answers, channel().1);
    let output = Arc::clone(output);
    thread::spawn(move || {
        for answer in answers {
            if write_line(&output, &answer).is_err() {
                return;
            }
        }
    });
}

fn write_line(output: &Mutex<impl Write>, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    let mut output = locked(output.lock());
    output.write_all(&line)?;
    output.flush()
}
