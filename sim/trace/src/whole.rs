//! A whole trace in memory: for scenarios, which are short.

use std::io::BufRead;

use serde::Serialize;

use super::{Event, Header, TraceError, TraceReader};

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

    /// Reads a whole file.
    ///
    /// # Errors
    /// A line that is none of a trace, or cannot be read.
    pub fn read(input: impl BufRead) -> Result<Self, TraceError> {
        let mut reader = TraceReader::new(input)?;
        let mut trace = Self::new(reader.header().clone());
        while let Some(line) = reader.next_line()? {
            trace.push(line.event.into_owned());
        }
        Ok(trace)
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
        for index in self.canonical_order() {
            canonical.push(self.events[index].clone());
        }
        canonical
    }

    /// The places of the events, counted from 0, in canonical order.
    #[must_use]
    pub fn canonical_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = Vec::new();
        let mut window: Vec<usize> = Vec::new();
        for (index, event) in self.events.iter().enumerate() {
            let driven = !matches!(
                event,
                Event::Return { .. } | Event::Callback { .. } | Event::Blocked { .. }
            );
            if driven {
                order.append(&mut self.by_lane(window));
                window = Vec::new();
            }
            window.push(index);
        }
        order.append(&mut self.by_lane(window));
        order
    }

    /// Events between two steps of the driver by lane, the driven lane first.
    fn by_lane(&self, mut window: Vec<usize>) -> Vec<usize> {
        let lane = |index: usize| self.events[index].lane().unwrap_or_default();
        let driven = window.first().map(|first| lane(*first)).unwrap_or_default();
        window.sort_by_key(|index| {
            let rest = matches!(self.events[*index], Event::Blocked { .. });
            (rest, lane(*index) != driven, lane(*index))
        });
        window
    }
}

fn line(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string(value).expect("a trace's types serialise");
    text.push('\n');
    text
}
