//! A whole trace in memory: for scenarios, which are short.

use std::io::BufRead;

use serde::Serialize;

use super::{Event, Header, TraceError, TraceReader};

/// A header and its events.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The first line.
    pub header: Header,
    /// The events, numbered from 1.
    pub events: Vec<Event<'static>>,
    /// Where those that were read stand in their file, and when they were written.
    places: Vec<(usize, Option<u64>)>,
}

/// Traces are equal if their headers and events are: wherever these stand in a file.
impl PartialEq for Trace {
    fn eq(&self, other: &Self) -> bool {
        self.header == other.header && self.events == other.events
    }
}

impl Eq for Trace {}

impl Trace {
    /// An empty trace.
    #[must_use]
    pub const fn new(header: Header) -> Self {
        Self { header, events: Vec::new(), places: Vec::new() }
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// A line that is none of a trace, or cannot be read.
    pub fn read(input: impl BufRead) -> Result<Self, TraceError> {
        Self::collect(TraceReader::new(input)?)
    }

    /// Reads what a reader has left, which has read the header.
    ///
    /// # Errors
    /// As [`Trace::read`].
    pub fn collect(mut reader: TraceReader<impl BufRead>) -> Result<Self, TraceError> {
        let mut trace = Self::new(reader.header().clone());
        while let Some(line) = reader.next_line()? {
            let place = (line.number, line.elapsed);
            trace.push(line.event.into_owned());
            trace.places.push(place);
        }
        Ok(trace)
    }

    /// The line of an event, counted from 1: that of the file it was read from, in which
    /// blank lines count, or else the one that it is written to. The header is in line 1.
    #[must_use]
    pub fn line(&self, index: usize) -> usize {
        match (self.places.get(index), self.places.last()) {
            (Some((line, _)), _) => *line,
            (None, Some((last, _))) => last + 1 + index - self.places.len(),
            (None, None) => index + 2,
        }
    }

    /// The place in `events` of the event that stands in this line, if one does.
    #[must_use]
    pub fn index(&self, line: usize) -> Option<usize> {
        self.lines().position(|(at, _)| at == line)
    }

    /// The events with their lines.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &Event<'static>)> {
        self.events.iter().enumerate().map(|(index, event)| (self.line(index), event))
    }

    /// Milliseconds from some moment, the same for the whole trace, to when these lines were
    /// written, for those that tell them.
    pub fn times(&self) -> impl Iterator<Item = (usize, u64)> {
        self.places.iter().filter_map(|(line, elapsed)| Some((*line, (*elapsed)?)))
    }

    /// Appends an event and numbers it.
    pub fn push(&mut self, mut event: Event<'static>) -> &Event<'static> {
        self.places.truncate(self.events.len());
        event.set_seq(self.events.len() as u64 + 1);
        self.events.push(event);
        &self.events[self.events.len() - 1]
    }

    /// Appends an event and numbers it, with the milliseconds that had elapsed when its line
    /// was written, if that is known.
    pub fn push_timed(&mut self, event: Event<'static>, elapsed: Option<u64>) {
        self.places.truncate(self.events.len());
        for index in self.places.len()..=self.events.len() {
            self.places.push((self.line(index), None));
        }
        let place = self.places.pop().map(|(line, _)| (line, elapsed));
        self.push(event);
        self.places.extend(place);
    }

    /// The file: JSON Lines, with the times that are known.
    #[must_use]
    pub fn to_json_lines(&self) -> String {
        let mut text = line(&self.header);
        for (index, event) in self.events.iter().enumerate() {
            text.push_str(&line(event));
            if let Some((_, Some(elapsed))) = self.places.get(index) {
                text.truncate(text.len() - "}\n".len());
                text.push_str(&format!(",\"elapsed\":{elapsed}}}\n"));
            }
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
