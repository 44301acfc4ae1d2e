//! A history as a picture: one column a lane, time downwards, and in each call the moment
//! at which it took effect.

use std::collections::{BTreeMap, BTreeSet};

use comfy_table::{Table, presets};
use vdi_check::{Effect, Judged, Verdict};
use vdi_trace::{Event, Trace};

/// How many lines before a violation are drawn.
const BEFORE: usize = 40;

/// How many lines are drawn at most.
const MOST: usize = 2_000;

/// The widest that a cell may be, in characters.
const WIDEST: usize = 34;

/// Draws a trace with the order of effects that explains it. Of one without an explanation
/// the last lines before the violation are drawn, with an order that explains those, and
/// the event that has none; of a long one with an explanation, the last lines.
///
/// ```
/// use vdi_suite::report::lane_diagram;
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
/// let drawn = lane_diagram(&trace, &check_trace_with(judge, &trace));
/// assert!(drawn.contains("● returns NOERROR"), "{drawn}");
/// # Ok::<(), vdi_trace::TraceError>(())
/// ```
#[must_use]
pub fn lane_diagram(trace: &Trace, judged: &Judged) -> String {
    let until = match &judged.verdict {
        Verdict::Violation(violation) => violation.line,
        Verdict::Inconclusive(undecided) => undecided.line,
        Verdict::Conformant | Verdict::Unreadable { .. } => {
            let last = trace.line(trace.events.len()) - 1;
            judged.error.as_ref().map_or(last, |error| error.line - 1)
        }
    };
    let from = match &judged.verdict {
        Verdict::Conformant | Verdict::Unreadable { .. } => until.saturating_sub(MOST).max(2),
        _ => until.saturating_sub(BEFORE).max(2),
    };
    let mut drawing = Drawing::new(trace, from, until);
    let mut effects: BTreeMap<usize, Vec<&Effect>> = BTreeMap::new();
    for effect in judged.order.iter().flatten() {
        effects.entry(effect.after).or_default().push(effect);
    }
    for (line, event) in trace.lines().take_while(|(line, _)| *line <= until) {
        let impossible = line == until && matches!(judged.verdict, Verdict::Violation(_));
        drawing.event(line, event, impossible);
        for effect in effects.get(&line).into_iter().flatten() {
            drawing.effect(line, effect);
        }
    }
    drawing.text(from, until)
}

struct Drawing {
    lanes: Vec<String>,
    /// The depth of calls on each lane.
    inside: BTreeMap<String, usize>,
    from: usize,
    table: Table,
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
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        let mut heads = vec!["line".to_owned()];
        heads.extend(lanes.iter().map(|lane| shortened(lane)));
        table.set_header(heads);
        Self { lanes, inside: BTreeMap::new(), from, table }
    }

    fn event(&mut self, line: usize, event: &Event<'_>, impossible: bool) {
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
        let text = shortened(text);
        let mut cells = vec![shown.map_or_else(|| "·".to_owned(), |line| line.to_string())];
        for known in &self.lanes {
            let depth = self.inside.get(known).copied().unwrap_or_default();
            cells.push(match lane {
                Some(lane) if lane == known => text.clone(),
                _ if depth > 0 => "│".to_owned(),
                _ => String::new(),
            });
        }
        if lane.is_none_or(|lane| !self.lanes.iter().any(|known| known == lane)) {
            cells.push(text);
        }
        self.table.add_row(cells);
    }

    fn text(&self, from: usize, until: usize) -> String {
        let mut text = String::new();
        if from > 2 {
            text.push_str(&format!("  lines {from} to {until}; an order explains those before\n"));
        }
        for line in self.table.lines() {
            text.push_str("  ");
            text.push_str(line.trim());
            text.push('\n');
        }
        text.push_str("  ┌ call  └ return  ◆ callback  ● takes effect  ✗ has no explanation\n");
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

fn shortened(text: &str) -> String {
    if text.chars().count() <= WIDEST {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(WIDEST - 1).collect();
    short.push('…');
    short
}
