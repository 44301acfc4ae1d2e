//! What a server says, printed in the shape that `sqlcmd` gives it.

use std::io::{self, Write};
use std::sync::Mutex;

use super::answers::{Answers, Change};
use super::batch::carry_out_text;
use super::context::Context;
use super::error::ServeError;
use super::messages::Message;
use super::parser::Variables;
use super::rows::{Rows, Value};
use super::server::Server;
use super::sqlcmd::Batch;
use super::sync::lock;

/// Prints a line.
pub(super) type Print<'a> = &'a (dyn Fn(&str) -> io::Result<()> + Sync);

/// What is written to from many threads, a line at a time.
pub(super) struct Lines<'a>(Mutex<&'a mut (dyn Write + Send)>);

impl<'a> Lines<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self(Mutex::new(out))
    }

    /// Prints a line at once.
    pub(super) fn print(&self, text: &str) -> io::Result<()> {
        let mut out = lock(&self.0);
        writeln!(out, "{text}")?;
        out.flush()
    }
}

/// Where it is printed what a server says, in the shape that `sqlcmd` gives it.
pub(super) struct Console<'a> {
    pub(super) print: Print<'a>,
    /// What the server is called.
    pub(super) server: &'a str,
}

impl Console<'_> {
    /// Carries out batches; how many statements failed at whose failure all was to end.
    pub(super) fn run(&self, server: &Server, batches: &[Batch]) -> Result<usize, ServeError> {
        let mut context = Context::default();
        for batch in batches {
            for _ in 0..batch.count {
                let text = (batch.text.as_str(), Variables::new());
                let failures = carry_out_text(server, &mut context, text, self)?;
                if batch.stop && failures > 0 {
                    return Ok(failures);
                }
                if server.stop.is_asked() {
                    return Ok(0);
                }
            }
        }
        Ok(0)
    }
}

impl Answers for Console<'_> {
    fn tell(&self, message: &Message, line: usize) -> io::Result<()> {
        let Message { number, level, text } = message;
        if *level <= 10 {
            return (self.print)(text);
        }
        let server = self.server;
        (self.print)(&format!(
            "Msg {number}, Level {level}, State 1, Server {server}, Line {line}\n{text}"
        ))
    }

    fn rows(&self, rows: &Rows) -> io::Result<()> {
        (self.print)(&table(rows))
    }

    fn ended(&self, _failed: bool, count: Option<u64>) -> io::Result<()> {
        count.map_or(Ok(()), |count| (self.print)(&format!("\n({count} rows affected)")))
    }

    fn changed(&self, _change: Change) -> io::Result<()> {
        Ok(())
    }
}

/// A result, each column as wide as it must be.
fn table(rows: &Rows) -> String {
    let columns = rows.columns.len();
    let head: Vec<String> = rows.columns.iter().map(|(name, _)| name.clone()).collect();
    let all: Vec<Vec<String>> =
        rows.rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    let length = |text: &String| text.chars().count();
    let widest = |column: usize| all.iter().map(|row| length(&row[column])).max().unwrap_or(0);
    let width: Vec<usize> =
        (0..columns).map(|column| widest(column).max(length(&head[column])).max(1)).collect();
    let line = |cells: &[String]| {
        let cells = cells.iter().zip(&width).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join(" ")
    };
    let dashes: Vec<String> = width.iter().map(|width| "-".repeat(*width)).collect();
    let lines = [&head, &dashes].into_iter().chain(&all);
    lines.map(|cells| line(cells)).collect::<Vec<_>>().join("\n")
}

/// A value, as it is printed.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.replace(['\n', '\r', '\t'], " "),
        Value::Bytes(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            format!("0x{digits}")
        }
        Value::Time(days, ticks) => {
            let (seconds, thousandths) = (ticks / 300, ticks % 300 * 10 / 3);
            format!(
                "{} {:02}:{:02}:{:02}.{thousandths:03}",
                date(*days),
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60
            )
        }
    }
}

/// The date so many days after the first of 1900.
fn date(days: i32) -> String {
    // Days of the proleptic calendar whose years begin in March, from the year 0 on.
    let days = i64::from(days) + 693_901;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + 400 * era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Kind;

    #[test]
    fn a_result_is_a_table() {
        let rows = Rows {
            columns: vec![("name".into(), Kind::Text(9)), ("n".into(), Kind::Int)],
            rows: vec![vec!["longer".into(), Value::Int(-12)], vec![Value::Null, Value::Int(3)]],
        };
        assert_eq!(table(&rows), "name   n  \n------ ---\nlonger -12\nNULL   3  ");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (days, expected) in
            [(0, "1900-01-01"), (59, "1900-03-01"), (36_583, "2000-02-29"), (46_354, "2026-11-30")]
        {
            assert_eq!(date(days), expected);
        }
        assert_eq!(shown(&Value::Time(0, 300 * 3661 + 150)), "1900-01-01 01:01:01.500");
        assert_eq!(shown(&Value::Bytes(vec![1, 0xAB])), "0x01AB");
    }
}
