//! Lines: of traces, of adapters, of client programs.

use serde_json::Value;
use vdi_campaign::messages::FromClient;
use vdi_suite::adapter::protocol::Answer;
use vdi_suite::adapter::read_answer;
use vdi_trace::{Event, Trace, TraceReader};

/// Bytes of a line, at most.
const LONGEST: usize = 4096;

/// A trace, read line by line: what is read in one pass is what serde reads of the line, and
/// what is written of a trace is that trace again.
pub(super) fn trace(input: &[u8]) {
    let Ok(mut reader) = TraceReader::with_longest_line(input, LONGEST) else { return };
    let mut trace = Trace::new(reader.header().clone());
    let lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
    let wrong = loop {
        match reader.next_line() {
            Ok(Some(line)) => {
                let mut plain: serde_json::Map<String, Value> =
                    vdi_trace::from_slice(lines[line.number - 1]).expect("an object");
                let elapsed = plain.remove("elapsed").and_then(|elapsed| elapsed.as_u64());
                assert_eq!(elapsed, line.elapsed);
                let text = Value::Object(plain).to_string();
                let event: Event<'_> = serde_json::from_str(&text).expect("an event");
                assert_eq!(event, line.event);
                trace.push_timed(line.event.into_owned(), line.elapsed);
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    if let Some(error) = wrong {
        let place = usize::from(error.line > 0);
        assert!(place == 1 && error.line <= lines.len() && error.text.len() <= LONGEST, "{error}");
        return;
    }
    let text = trace.to_json_lines();
    let again = Trace::read(text.as_bytes()).expect("what is written can be read");
    assert_eq!(again, trace, "{text}");
    assert!(again.times().eq(trace.times()), "{text}");
    let _ = trace.canonical();
}

/// A line of an adapter: it is told what is wrong with it, or it is an answer, which is the
/// same once it is written and read again.
pub(super) fn answer(input: &[u8]) {
    match read_answer(input) {
        Err(why) => assert!(!why.is_empty()),
        Ok(answer) => {
            let line = serde_json::to_vec(&answer).expect("an answer serialises");
            let again: Answer = read_answer(&line).expect("what is written can be read");
            assert_eq!(again, answer);
        }
    }
}

/// A line of a client program.
pub(super) fn client(input: &[u8]) {
    let Ok(message) = vdi_trace::from_slice::<FromClient>(input) else { return };
    let line = serde_json::to_vec(&message).expect("a message serialises");
    let again: FromClient = vdi_trace::from_slice(&line).expect("what is written can be read");
    assert_eq!(again, message);
}
