//! A history as a picture: one column a lane, time downwards, and in each call the moment
//! at which it took effect. Where there is no room for columns, a lane is a line, and what
//! happens on it stands behind all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::RangeInclusive;

use comfy_table::{Table, presets};
use vdi_check::{Effect, Judged, Verdict};
use vdi_trace::{Event, Trace};

/// How many lines before a violation are drawn.
const BEFORE: usize = 40;

/// How many lines are drawn at most.
const MOST: usize = 2_000;

/// The widest that a cell may be, in characters.
const WIDEST: usize = 34;

/// Said of what everything has come to rest after.
const AT_REST: &str = " · at rest";

/// What is left at least of what happens, in characters.
const NARROWEST: usize = 16;

/// How a trace is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneView {
    /// Columns that there are.
    pub columns: usize,
    /// The lines to draw, counted with the header, in place of those that are drawn of themselves.
    pub lines: Option<RangeInclusive<usize>>,
}

impl Default for LaneView {
    fn default() -> Self {
        Self { columns: 80, lines: None }
    }
}

/// Draws a trace with the order of effects that explains it. Of one without an explanation
/// the last lines before the violation are drawn, with an order that explains those, and
/// the event that has none; of a long one with an explanation, the last lines. It is no wider
/// than the view has columns, but for more lanes than fit.
///
/// ```
/// use vdi_suite::report::{LaneView, lane_diagram};
/// use vdi_check::{Checker, check_trace_with};
/// use vdi_spec::clauses::Profile;
/// use vdi_trace::Trace;
///
/// let trace = Trace::read(concat!(
///     r#"{"vdi":"trace/1"}"#, "\n",
///     r#"{"lane":"primary.main","call":"CreateEx","on":"cset","args":{"name":"S","config":{"deviceCount":1,"features":[]}}}"#, "\n",
///     r#"{"lane":"primary.main","return":"NOERROR"}"#, "\n",
/// ).as_bytes())?;
/// let judge = Checker::new(&trace.header, Profile::default()).explaining();
/// let drawn = lane_diagram(&trace, &check_trace_with(judge, &trace), &LaneView::default());
/// assert!(drawn.contains("● returns NOERROR"), "{drawn}");
/// # Ok::<(), vdi_trace::TraceError>(())
/// ```
#[must_use]
pub fn lane_diagram(trace: &Trace, judged: &Judged, view: &LaneView) -> String {
    let end = match &judged.verdict {
        Verdict::Violation(violation) => violation.line,
        Verdict::Inconclusive(undecided) => undecided.line,
        Verdict::Conformant | Verdict::Unreadable { .. } => {
            let last = trace.line(trace.events.len()) - 1;
            judged.error.as_ref().map_or(last, |error| error.line - 1)
        }
    };
    let from = match &judged.verdict {
        Verdict::Conformant | Verdict::Unreadable { .. } => end.saturating_sub(MOST).max(2),
        _ => end.saturating_sub(BEFORE).max(2),
    };
    let asked = view.lines.as_ref().map(|lines| ((*lines.start()).max(2), end.min(*lines.end())));
    let (from, until) = asked.unwrap_or((from, end));
    let mut drawing = Drawing::new(trace, from, until);
    let mut effects: BTreeMap<usize, Vec<&Effect>> = BTreeMap::new();
    for effect in judged.order.iter().flatten() {
        effects.entry(effect.after).or_default().push(effect);
    }
    for (line, event) in trace.lines().take_while(|(line, _)| *line <= until) {
        let impossible = line == end && matches!(judged.verdict, Verdict::Violation(_));
        drawing.event(line, event, impossible);
        for effect in effects.get(&line).into_iter().flatten() {
            drawing.effect(line, effect);
        }
    }
    drawing.text((from, until), view.columns)
}

struct Drawing {
    lanes: Vec<String>,
    /// The depth of calls on each lane.
    inside: BTreeMap<String, usize>,
    from: usize,
    rows: Vec<Row>,
}

/// What happens at one moment.
struct Row {
    /// The line, or that it is none.
    line: String,
    /// The lane it happens on, by its column.
    lane: Option<usize>,
    /// Of each lane, whether it is inside a call.
    inside: Vec<bool>,
    /// What happens.
    text: String,
}

impl Drawing {
    fn new(trace: &Trace, from: usize, until: usize) -> Self {
        let shown = trace.lines().take_while(|(line, _)| *line <= until);
        let mut inside: BTreeMap<String, usize> = BTreeMap::new();
        let mut drawn: BTreeSet<String> = BTreeSet::new();
        let mut begun = false;
        for (line, event) in shown {
            if line >= from && !begun {
                begun = true;
                let busy = inside.iter().filter(|(_, depth)| **depth > 0);
                drawn.extend(busy.map(|(lane, _)| lane.clone()));
            }
            let Some(lane) = event.lane() else {
                continue;
            };
            let depth = inside.entry(lane.to_owned()).or_default();
            match event {
                Event::Call { .. } => *depth += 1,
                Event::Return { .. } => *depth = depth.saturating_sub(1),
                _ => {}
            }
            if line >= from {
                drawn.insert(lane.to_owned());
            }
        }
        let mut lanes: Vec<String> = drawn.into_iter().collect();
        lanes.sort_by_key(|lane| (!lane.starts_with("server"), lane.clone()));
        Self { lanes, inside: BTreeMap::new(), from, rows: Vec::new() }
    }

    fn event(&mut self, line: usize, event: &Event<'_>, impossible: bool) {
        if let (Event::Blocked { .. }, false) = (event, impossible) {
            return self.rest(line, &brief(event));
        }
        let lane = event.lane().map(str::to_owned);
        let inside = lane.as_ref().and_then(|lane| self.inside.get_mut(lane));
        let sign = if impossible { "✗ " } else { "" };
        let text = match event {
            Event::Call { .. } => format!("{sign}┌ {}", brief(event)),
            Event::Return { .. } => {
                if let Some(depth) = inside {
                    *depth = depth.saturating_sub(1);
                }
                format!("{sign}└ {}", brief(event))
            }
            Event::Callback { .. } => format!("{sign}◆ {}", brief(event)),
            _ => format!("{sign}{}", brief(event)),
        };
        self.row(line, Some(line), lane.as_deref(), &text);
        if let (Event::Call { .. }, Some(lane)) = (event, lane) {
            *self.inside.entry(lane).or_default() += 1;
        }
    }

    fn effect(&mut self, line: usize, effect: &Effect) {
        self.row(line, None, effect.lane.as_deref(), &format!("● {}", effect.what));
    }

    /// A row; other lanes that are inside a call show it.
    fn row(&mut self, line: usize, shown: Option<usize>, lane: Option<&str>, text: &str) {
        if line < self.from {
            return;
        }
        let inside =
            |known: &String| self.inside.get(known).is_some_and(|depth: &usize| *depth > 0);
        let row = Row {
            line: shown.map_or_else(|| "·".to_owned(), |line| line.to_string()),
            lane: lane.and_then(|lane| self.lanes.iter().position(|known| known == lane)),
            inside: self.lanes.iter().map(inside).collect(),
            text: text.to_owned(),
        };
        self.rows.push(row);
    }

    /// That everything rests, which is said behind what came before it.
    fn rest(&mut self, line: usize, text: &str) {
        match self.rows.last_mut() {
            Some(last) if last.text.ends_with(AT_REST) => {}
            Some(last) => last.text.push_str(AT_REST),
            None => self.row(line, Some(line), None, text),
        }
    }

    fn text(&self, (from, until): (usize, usize), columns: usize) -> String {
        let mut text = String::new();
        if from > 2 {
            text.push_str(&format!("  lines {from} to {until}; an order explains those before\n"));
        }
        let side_by_side = self.side_by_side();
        if side_by_side.lines().all(|line| line.chars().count() <= columns) {
            text.push_str(&side_by_side);
        } else {
            text.push_str(&self.behind(columns));
        }
        text.push_str("  ┌ call  └ return  ◆ callback  ● takes effect  ✗ has no explanation\n");
        text
    }

    /// Each lane with what happens on it in its own column.
    fn side_by_side(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        let mut heads = vec!["line".to_owned()];
        heads.extend(self.lanes.iter().map(|lane| shortened(lane, WIDEST)));
        table.set_header(heads);
        for row in &self.rows {
            let text = shortened(&row.text, WIDEST);
            let mut cells = vec![row.line.clone()];
            for (index, inside) in row.inside.iter().enumerate() {
                cells.push(match row.lane {
                    Some(lane) if lane == index => text.clone(),
                    _ if *inside => "│".to_owned(),
                    _ => String::new(),
                });
            }
            if row.lane.is_none() {
                cells.push(text);
            }
            table.add_row(cells);
        }
        table.lines().fold(String::new(), |all, line| all + "  " + line.trim() + "\n")
    }

    /// Each lane as a line, and what happens on any of them behind all lines.
    fn behind(&self, columns: usize) -> String {
        let mut text = String::new();
        let digits = self.rows.iter().map(|row| row.line.chars().count()).max().unwrap_or(0).max(4);
        let names = self.lanes.iter().map(|lane| lane.chars().count()).max().unwrap_or(0);
        for (index, lane) in self.lanes.iter().enumerate() {
            let head = if index == 0 { "line" } else { "" };
            let (left, right) =
                ("│ ".repeat(index), "─".repeat(2 * (self.lanes.len() - index) - 1));
            let _ = writeln!(text, "  {head:digits$}  {left}┌{right} {lane}");
        }
        for row in &self.rows {
            let (sign, what) = match row.text.split_once(' ') {
                Some((sign, what)) if row.lane.is_some() && sign.chars().count() == 1 => {
                    (sign, what)
                }
                _ => ("", row.text.as_str()),
            };
            let mut line = format!("  {:digits$}  ", row.line);
            for (index, inside) in row.inside.iter().enumerate() {
                line.push_str(match row.lane {
                    Some(lane) if lane == index => sign,
                    _ if *inside => "│",
                    _ => " ",
                });
                line.push(' ');
            }
            let lane = row.lane.map_or("", |lane| self.lanes[lane].as_str());
            let _ = write!(line, " {lane:names$}  ");
            let room = columns.saturating_sub(line.chars().count()).max(NARROWEST);
            line.push_str(&shortened(what, room));
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// The event without its lane, which the column tells.
fn brief(event: &Event<'_>) -> String {
    match event {
        Event::Call { call, on, creates, args, .. } => {
            let what = creates.as_ref().map(|name| name.as_str().to_owned());
            let command = args.command.as_ref().and_then(|handle| handle.name());
            let what = what.or_else(|| command.map(str::to_owned));
            match what {
                Some(what) => format!("{call} {what} on {}", on.as_str()),
                None => format!("{call} on {}", on.as_str()),
            }
        }
        Event::Return { status, out, .. } => match &out.command {
            Some(command) => format!("{status} {}", command.as_str()),
            None => status.to_string(),
        },
        Event::Callback { callback, completion, .. } => {
            format!("{} {completion}", callback.as_str())
        }
        _ => event.to_string(),
    }
}

fn shortened(text: &str, widest: usize) -> String {
    if text.chars().count() <= widest {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(widest - 1).collect();
    short.push('…');
    short
}
