//! What comes from elsewhere: messages of drivers, files of logs.

use vdi_diagnose::diagnose;
use vdi_diagnose::read::{offset, read};
use vdi_tds::inputs::messages;

/// What drivers send: read the same way however often, and never longer than it came.
pub(super) fn packets(input: &[u8]) {
    let told = messages(input);
    assert_eq!(messages(input), told);
    // A character of a message is two bytes; its words around it are ours.
    let length: usize = told.0.iter().map(String::len).sum();
    assert!(length <= 4096 + 64 * input.len(), "{length} of {}", input.len());
}

/// Two logs, parted by a line of `====`, looked at together.
pub(super) fn log(input: &[u8]) {
    let cut = input.windows(6).position(|line| line == b"\n====\n");
    let parts = cut.map_or([input, &[]], |cut| [&input[..cut + 1], &input[cut + 6..]]);
    let local = offset("+02:00");
    let mut files = Vec::new();
    for (name, bytes) in ["one", "other"].into_iter().zip(parts) {
        match read(name, bytes, local) {
            Ok(file) => files.push(file),
            Err(bad) => assert!(bad.line > 0 && !bad.message.is_empty()),
        }
    }
    let diagnosis = diagnose(&files, None);
    assert_eq!(diagnosis.text(), diagnose(&files, None).text());
    for file in &files {
        assert!(file.records.windows(2).all(|pair| pair[0].place < pair[1].place));
    }
}
