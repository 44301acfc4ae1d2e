//! Buffers that are allocated and freed at once: one order is enough, but where it decides
//! whether there is memory left.

use vdi_check::{Checker, Verdict, check_trace_with};
use vdi_spec::clauses::Profile;
use vdi_trace::Trace;

use crate::overlaps::told;
use crate::reduction::{Lines, assert_cheap, server};

const BEGIN: &str = r#""call":"BeginConfiguration","on":"sset","args":{"features":["WriteMedia"],"blockSize":512,"maxTransferSize":65536}"#;

/// A configured set for which two buffers were requested and allocated, and so many more were
/// requested.
fn requested(count: usize) -> Lines {
    let lines = Lines::configured(1);
    let count = count + 2;
    let request =
        format!(r#""call":"RequestBuffers","on":"sset","args":{{"size":65536,"count":{count}}}"#);
    let answer = "\n{\"lane\":\"server.main\",\"return\":\"NOERROR\"}\n";
    let before = format!("{{\"lane\":\"server.main\",{BEGIN}}}{answer}");
    let after = format!("{before}{{\"lane\":\"server.main\",{request}}}{answer}");
    assert!(lines.text.contains(&before), "{}", lines.text);
    let mut lines = lines.with(lines.text.replace(&before, &after));
    for buffer in ["x", "y"] {
        lines.line("server.main", &allocation(65536, buffer));
        lines.line("server.main", &given(if buffer == "x" { 1 } else { 2 }));
    }
    lines
}

fn allocation(size: usize, buffer: &str) -> String {
    format!(r#""call":"AllocateBuffer","on":"sset","args":{{"size":{size}}},"as":"{buffer}""#)
}

/// The answer of an AllocateBuffer that gives the buffer of this number.
fn given(number: usize) -> String {
    format!(r#""return":"NOERROR","out":{{"address":{}}}"#, number * 1_048_576)
}

fn free(buffer: &str) -> String {
    format!(r#""call":"FreeBuffer","on":"sset","args":{{"buffer":"{buffer}"}}"#)
}

/// All are allocated at once, and then freed.
fn at_once(buffers: usize) -> Lines {
    let mut lines = requested(buffers);
    for buffer in 1..=buffers {
        lines.line(&server(buffer), &allocation(65536, &format!("b{buffer}")));
    }
    (1..=buffers).rev().for_each(|buffer| lines.line(&server(buffer), &given(buffer + 2)));
    (1..=buffers).for_each(|buffer| lines.line(&server(buffer), &free(&format!("b{buffer}"))));
    (1..=buffers).rev().for_each(|buffer| lines.returns(&server(buffer), "NOERROR"));
    lines
}

#[test]
fn buffers_at_once_are_tried_in_one_order() {
    for buffers in [1, 2, 8, 24, 64] {
        assert_cheap(&at_once(buffers), 2);
    }
}

/// What is called at once with others, as it may be answered.
const CALLS: [&str; 8] = ["same", "same", "other", "free x", "free x", "free y", "query", "abort"];

fn call(kind: &str, at: usize) -> String {
    match kind {
        "same" => allocation(65536, &format!("b{at}")),
        "other" => allocation(4096, &format!("b{at}")),
        "free x" => free("x"),
        "free y" => free("y"),
        "query" => r#""call":"QueryAvailableBuffers","on":"sset","args":{"size":65536}"#.to_owned(),
        "abort" => r#""call":"SignalAbort","on":"sset""#.to_owned(),
        other => panic!("{other}"),
    }
}

fn answer(kind: &str, at: usize, which: usize) -> String {
    match (kind, which) {
        ("same" | "other", 0) => given(at + 3),
        ("same" | "other", 1) => r#""return":"VD_E_MEMORY""#.to_owned(),
        ("query", 0 | 1) => format!(r#""return":"NOERROR","out":{{"count":{which}}}"#),
        (_, 0) => r#""return":"NOERROR""#.to_owned(),
        (_, 1) => r#""return":"VD_E_INVALID""#.to_owned(),
        _ => r#""return":"VD_E_ABORT""#.to_owned(),
    }
}

/// Any three of these calls, each with any answer, are judged as by the search that tries every
/// order.
#[test]
fn nothing_is_lost_among_buffers() {
    let mut counts = [0; 2];
    for chosen in 0..CALLS.len().pow(3) {
        let places = [chosen % 8, chosen / 8 % 8, chosen / 64];
        if places[0] >= places[1] || places[1] >= places[2] {
            continue;
        }
        for answers in 0..27 {
            for count in 0..3 {
                let mut lines = requested(count);
                for (at, place) in places.into_iter().enumerate() {
                    lines.line(&server(at), &call(CALLS[place], at));
                }
                for (at, place) in places.into_iter().enumerate() {
                    let which = answers / 3_usize.pow(at as u32) % 3;
                    lines.line(&server(at), &answer(CALLS[place], at, which));
                }
                let trace = Trace::read(lines.text.as_bytes()).expect("a trace");
                let judge = || Checker::new(&trace.header, Profile::default());
                let every = check_trace_with(judge().in_every_order(), &trace);
                let reduced = check_trace_with(judge().putting_off_from(0), &trace);
                assert_eq!(told(&every), told(&reduced), "{}", lines.text);
                counts[usize::from(!matches!(every.verdict, Verdict::Conformant))] += 1;
            }
        }
    }
    let [conformant, violations] = counts;
    assert!(conformant > 500 && violations > 500, "{counts:?}");
}
