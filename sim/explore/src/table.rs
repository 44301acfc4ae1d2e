//! A table of functions by phases, its cells, and what it looks like.

use std::fmt;
use std::fmt::Write;

/// One status of a cell, and where the call leads then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The status; `any` where every one is allowed, empty where nobody called.
    pub status: String,
    /// The phase it leads to, if another one.
    pub to: Option<String>,
}

/// One cell: what the call may answer, and where it leads. Empty if the call
/// cannot be made there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// What it may answer, NOERROR first.
    pub entries: Vec<Entry>,
}

/// A transition table: functions by phases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What the first column holds.
    pub function: &'static str,
    /// The names of the phases.
    pub phases: Vec<String>,
    /// A function with its cells.
    pub rows: Vec<(String, Vec<Cell>)>,
}

impl Cell {
    /// The cell with this text.
    pub(super) fn of(text: &str) -> Self {
        let mut cell = Self::default();
        for entry in text.split('|') {
            match entry.split_once("->") {
                Some((status, to)) => cell.add(status.to_owned(), Some(to.to_owned())),
                None => cell.add(entry.to_owned(), None),
            }
        }
        cell
    }

    /// Adds what was found in one situation: a status leads to another phase if
    /// it does so in any situation.
    pub(super) fn add(&mut self, status: String, to: Option<String>) {
        let same = |entry: &&mut Entry| {
            entry.status == status && (entry.to.is_none() || to.is_none() || entry.to == to)
        };
        match self.entries.iter_mut().find(same) {
            Some(entry) => entry.to = entry.to.take().or(to),
            None => self.entries.push(Entry { status, to }),
        }
        self.entries.sort_by_key(|entry| entry.status != "NOERROR");
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            return f.pad("-");
        }
        for (index, entry) in self.entries.iter().enumerate() {
            let or = if index == 0 { "" } else { "|" };
            write!(f, "{or}{}", entry.status)?;
            if let Some(to) = &entry.to {
                write!(f, "->{to}")?;
            }
        }
        Ok(())
    }
}

impl Table {
    /// The cell of a function in a phase.
    #[must_use]
    pub fn cell(&self, function: &str, phase: &str) -> Option<&Cell> {
        let column = self.phases.iter().position(|name| name == phase)?;
        let (_, cells) = self.rows.iter().find(|(name, _)| name == function)?;
        cells.get(column)
    }

    /// The table as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = format!("| {} | {} |\n", self.function, self.phases.join(" | "));
        let _ = writeln!(out, "| --- |{}", " --- |".repeat(self.phases.len()));
        for (function, cells) in &self.rows {
            let cells: Vec<String> =
                cells.iter().map(|cell| cell.to_string().replace('|', " or ")).collect();
            let _ = writeln!(out, "| {function} | {} |", cells.join(" | "));
        }
        out
    }

    /// The table as comma-separated values, a line a function.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut out = format!("{},{}\n", self.function, self.phases.join(","));
        for (function, cells) in &self.rows {
            let cells: Vec<String> = cells.iter().map(ToString::to_string).collect();
            let _ = writeln!(out, "{function},{}", cells.join(","));
        }
        out
    }

    /// The arrows of the table as a state diagram in Mermaid, which begins in the first
    /// phase. A status that is not NOERROR stands behind the function.
    #[must_use]
    pub fn mermaid(&self) -> String {
        self.mermaid_from(&self.phases[0])
    }

    /// The same, beginning in another phase.
    pub(super) fn mermaid_from(&self, begin: &str) -> String {
        let mut out = format!("stateDiagram-v2\n    [*] --> {begin}\n");
        for (from, to, labels) in self.arrows() {
            let (from, to) = (&self.phases[from], &self.phases[to]);
            let _ = writeln!(out, "    {from} --> {to}: {}", labels.join(", "));
        }
        out
    }

    /// The arrows of the state diagram: from the phase of one number to that of another, and what
    /// leads there.
    #[must_use]
    pub fn arrows(&self) -> Vec<(usize, usize, Vec<String>)> {
        let mut arrows = Vec::new();
        for from in 0..self.phases.len() {
            for (to, phase) in self.phases.iter().enumerate() {
                let labels = self.labels(from, phase);
                if !labels.is_empty() {
                    arrows.push((from, to, labels));
                }
            }
        }
        arrows
    }

    /// What leads from the phase of a column to `to`.
    fn labels(&self, column: usize, to: &str) -> Vec<String> {
        let mut labels = Vec::new();
        for (function, cells) in &self.rows {
            let arrows = cells[column].entries.iter().filter(|e| e.to.as_deref() == Some(to));
            labels.extend(arrows.map(|entry| match entry.status.as_str() {
                "NOERROR" | "" => function.clone(),
                status => format!("{function} ({status})"),
            }));
        }
        labels
    }
}
