//! Serving an implementation in this process to a suite in another.

use std::io::{self, BufRead, Write};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

use super::inprocess::{Implementation, InProcess, InProcessConnection};
use super::protocol::{Answer, Request};
use super::{Connection, Limits};
use crate::locked::locked;

/// Serves an implementation on standard input and output, one JSON object a line, until
/// the input ends or says so.
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
    Ok(())
}

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
