//! A whole trace in memory: for scenarios, which are short.

use serde::Serialize;

use super::{Event, Header};

/// A header and its events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The first line.
    pub header: Header,
    /// The events, numbered from 1.
    pub events: Vec<Event<'static>>,
}

impl Trace {
    /// An empty trace.
    #[must_use]
    pub const fn new(header: Header) -> Self {
        Self { header, events: Vec::new() }
    }

    /// Appends an event and numbers it.
    pub fn push(&mut self, mut event: Event<'static>) -> &Event<'static> {
        event.set_seq(self.events.len() as u64 + 1);
        self.events.push(event);
        &self.events[self.events.len() - 1]
    }

    /// The file: JSON Lines.
    #[must_use]
    pub fn to_json_lines(&self) -> String {
        let mut text = line(&self.header);
        for event in &self.events {
            text.push_str(&line(event));
        }
        text
    }

    /// The same history in a form that does not depend on which of several
    /// lanes was observed first: between two steps of the driver, events are
    /// ordered by lane, the driven lane first. Each lane keeps its own order. For comparing
    /// and for snapshots; a verdict is passed on the trace as observed.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let mut canonical = Self::new(self.header.clone());
        let mut window: Vec<Event<'static>> = Vec::new();
        let flush = |window: &mut Vec<Event<'static>>, into: &mut Self| {
            let driven = window.first().and_then(|e| e.lane()).unwrap_or_default().to_owned();
            let key = |event: &Event<'_>| {
                let lane = event.lane().unwrap_or_default();
                let rest = matches!(event, Event::Blocked { .. });
                (rest, lane != driven, lane.to_owned())
            };
            window.sort_by_cached_key(key);
            window.drain(..).for_each(|event| {
                into.push(event);
            });
        };
        for event in &self.events {
            let driven = !matches!(
                event,
                Event::Return { .. } | Event::Callback { .. } | Event::Blocked { .. }
            );
            if driven {
                flush(&mut window, &mut canonical);
            }
            window.push(event.clone());
        }
        flush(&mut window, &mut canonical);
        canonical
    }
}

fn line(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string(value).expect("a trace's types serialise");
    text.push('\n');
    text
}
