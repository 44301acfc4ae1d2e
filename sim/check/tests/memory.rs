//! Memory does not grow with the length of a trace that is streamed.

use std::io::{BufReader, Read};

use peak_alloc::PeakAlloc;
use vdi_check::{Verdict, check_reader};
use vdi_spec::clauses::Profile;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// A backup that never ends, made line by line: nothing of it is kept.
struct Backup {
    round: u64,
    rounds: u64,
    pending: Vec<u8>,
}

const OPENING: &str = concat!(
    r#"{"vdi":"trace/1"}"#,
    "\n",
    r#"{"lane":"primary.main","call":"Create","on":"cset","args":{"name":"S","config":{"deviceCount":1}}}"#,
    "\n",
    r#"{"lane":"primary.main","return":"NOERROR"}"#,
    "\n",
    r#"{"lane":"server.main","call":"Open","on":"sset","args":{"name":"S"}}"#,
    "\n",
    r#"{"lane":"server.main","return":"NOERROR"}"#,
    "\n",
    r#"{"lane":"server.main","call":"BeginConfiguration","on":"sset","args":{"blockSize":512,"maxTransferSize":65536}}"#,
    "\n",
    r#"{"lane":"server.main","return":"NOERROR"}"#,
    "\n",
    r#"{"lane":"server.main","call":"EndConfiguration","on":"sset"}"#,
    "\n",
    r#"{"lane":"server.main","return":"NOERROR"}"#,
    "\n",
    r#"{"lane":"primary.main","call":"GetConfiguration","on":"cset","args":{"timeout":"infinite"}}"#,
    "\n",
    r#"{"lane":"primary.main","return":"NOERROR"}"#,
    "\n",
    r#"{"lane":"server.agent","call":"ExecuteCompletionAgent","on":"sset"}"#,
    "\n",
    r#"{"lane":"server.main","call":"OpenDevice","on":"sset","as":"sdev","args":{"name":"S"}}"#,
    "\n",
    r#"{"lane":"server.main","return":"NOERROR"}"#,
    "\n",
    r#"{"lane":"primary.main","call":"OpenDevice","on":"cset","as":"cdev","args":{"name":"S"}}"#,
    "\n",
    r#"{"lane":"primary.main","return":"NOERROR"}"#,
    "\n",
);

impl Read for Backup {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.pending.is_empty() && self.round < self.rounds {
            self.round += 1;
            let c = format!("c{}", self.round);
            let lines = [
                format!(
                    r#"{{"lane":"server.main","call":"SendCommand","on":"sdev","as":"{c}","args":{{"code":"Write","size":65536}}}}"#
                ),
                r#"{"lane":"server.main","return":"NOERROR"}"#.to_owned(),
                r#"{"lane":"primary.main","call":"GetCommand","on":"cdev","args":{"timeout":0}}"#
                    .to_owned(),
                format!(
                    r#"{{"lane":"primary.main","return":"NOERROR","out":{{"command":"{c}"}}}}"#
                ),
                format!(
                    r#"{{"lane":"primary.main","call":"CompleteCommand","on":"cdev","args":{{"command":"{c}","code":"ERROR_SUCCESS","bytes":65536}}}}"#
                ),
                r#"{"lane":"primary.main","return":"NOERROR"}"#.to_owned(),
                format!(
                    r#"{{"lane":"server.agent","callback":"{c}","completion":"ERROR_SUCCESS","bytes":65536}}"#
                ),
                String::new(),
            ];
            self.pending = lines.join("\n").into_bytes();
        }
        let count = self.pending.len().min(into.len());
        into[..count].copy_from_slice(&self.pending[..count]);
        self.pending.drain(..count);
        Ok(count)
    }
}

/// Bytes at the peak, above what there was before.
fn peak(rounds: u64) -> usize {
    let backup = Backup { round: 0, rounds, pending: OPENING.as_bytes().to_vec() };
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let judged = check_reader(BufReader::new(backup), &Profile::default());
    assert_eq!((judged.verdict, judged.error), (Verdict::Conformant, None));
    assert_eq!(judged.events as u64, 15 + 7 * rounds);
    ALLOCATOR.peak_usage() - before
}

#[test]
fn ten_times_the_events_take_the_same_memory() {
    // The first run is long enough for every bounded store to fill up.
    let (long, longer) = (peak(10_000), peak(100_000));
    assert!(longer <= long + long / 20, "{long} bytes for 70,000 events, {longer} for 700,000");
}
