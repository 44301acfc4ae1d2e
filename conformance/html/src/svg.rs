//! State diagrams as SVG, in which the current state can be marked. Where everything stands is said
//! by a layout library; here it only gets its look, in light and dark.

use std::fmt::Write;

use layout::core::base::Orientation;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::Point;
use layout::core::style::StyleAttr;
use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
use layout::topo::layout::VisualGraph;
use vdi_explore::{FourStates, Table, client_table, server_table};
use vdi_spec::clauses::Profile;

use crate::escape::text as escaped;

/// The height of a line of text, in pixels.
const SIZE: usize = 15;

/// A letter is so much narrower than high; the library takes them for squares.
const NARROW: f64 = 0.56;

/// Letters of a label in one line, about.
const LINE: usize = 28;

const STYLE: &str = ".diagram{--ink:#1b1f23;--ground:#fff;--node:#e6effb;--edge:#1657b0;font:13px \
                     system-ui,'DejaVu Sans',sans-serif}\
                     @media (prefers-color-scheme:dark){.diagram{--ink:#e7eaed;--ground:#14171a;--node:#17304f;--edge:#9cc4ff}}\
                     .diagram .ground{fill:var(--ground)}\
                     .diagram .node{fill:var(--node);stroke:var(--edge);stroke-width:1.5}\
                     .diagram .name{fill:var(--ink);font-weight:650}\
                     .diagram .edge{fill:none;stroke:var(--edge);stroke-width:1.3}\
                     .diagram .head{fill:var(--edge)}\
                     .diagram .label{fill:var(--ink);stroke:var(--ground);stroke-width:7px;paint-order:stroke}\
                     .diagram .node.current{fill:var(--ink);stroke:var(--ink)}\
                     .diagram .name.current{fill:var(--ground)}";

/// What stands for the name of a state until that is drawn.
const UNNAMED: &str = "\u{0}";

/// The state diagram of a table, with what leads from a state to the next. `title` says of what.
#[must_use]
pub fn state_diagram(table: &Table, title: &str) -> String {
    drawn(table, title, STYLE).0
}

/// The same with its width and height, and with a style of the place where it stands.
fn drawn(table: &Table, title: &str, style: &str) -> (String, f64, f64) {
    let arrows = table.arrows();
    let mut graph = VisualGraph::new(Orientation::TopToBottom);
    let look = StyleAttr { font_size: SIZE, ..StyleAttr::simple() };
    let node = |name: &String| {
        let size = Point::new((name.chars().count() + 4) as f64 * SIZE as f64, 34.0);
        Element::create(ShapeKind::new_box(name), look.clone(), Orientation::TopToBottom, size)
    };
    let nodes: Vec<_> = table.phases.iter().map(|name| graph.add_node(node(name))).collect();
    for (from, to, labels) in &arrows {
        let mut arrow = Arrow::simple(&folded(labels));
        arrow.look = look.clone();
        graph.add_edge(arrow, nodes[*from], nodes[*to]);
    }
    let id = title.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let mut canvas = Canvas { id, ..Canvas::default() };
    graph.do_it(false, false, false, &mut canvas);
    let told: Vec<String> = arrows
        .iter()
        .map(|(from, to, labels)| {
            let (from, to) = (&table.phases[*from], &table.phases[*to]);
            format!("{from} to {to}: {}", labels.join(", "))
        })
        .collect();
    let document = canvas.document(title, &told.join("; "), style);
    (document, canvas.width.ceil(), canvas.height.ceil())
}

/// The diagrams of a set, of its server and of its client.
#[derive(Clone, Debug)]
pub struct Machines([(String, f64, f64); 3]);

impl Machines {
    /// Those under a profile.
    #[must_use]
    pub fn new(profile: &Profile) -> Self {
        Self::styled(profile, STYLE)
    }

    fn styled(profile: &Profile, style: &str) -> Self {
        Self([
            drawn(&FourStates::new(profile).table, "The four states of a set", style),
            drawn(&server_table(profile), "The phases of the server", style),
            drawn(&client_table(profile), "The phases of the client", style),
        ])
    }

    /// Each as SVG, for a page that has the style.
    pub(crate) fn for_page(profile: &Profile) -> [String; 3] {
        Self::styled(profile, "").0.map(|(diagram, ..)| within_a_page(&diagram))
    }

    /// The three side by side, in each of them this state marked.
    #[must_use]
    pub fn marked(&self, current: [&str; 3]) -> String {
        let (mut at, mut height, mut inner) = (0.0, 0.0_f64, String::new());
        for ((diagram, wide, high), state) in self.0.iter().zip(current) {
            let mark = format!(" data-state=\"{}\"", escaped(state));
            let marked = diagram
                .replace(&format!("class=\"node\"{mark}"), &format!("class=\"node current\"{mark}"))
                .replace(
                    &format!("class=\"name\"{mark}"),
                    &format!("class=\"name current\"{mark}"),
                );
            let _ = write!(inner, "{}", marked.replacen("<svg ", &format!("<svg x=\"{at}\" "), 1));
            at += wide + 24.0;
            height = height.max(*high);
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{at}\" height=\"{height}\" viewBox=\"0 0 \
             {at} {height}\">\n{inner}</svg>\n"
        )
    }
}

/// A drawing inside HTML, which knows what SVG is.
pub(crate) fn within_a_page(svg: &str) -> String {
    svg.replace(" xmlns=\"http://www.w3.org/2000/svg\"", "")
}

/// Labels in lines that are not too long.
fn folded(labels: &[String]) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    for (index, label) in labels.iter().enumerate() {
        let comma = if index + 1 < labels.len() { "," } else { "" };
        // Of many each begins its own line.
        if labels.len() > 2 && index > 0 {
            lines.push(String::new());
        }
        for word in format!("{label}{comma}").split(' ') {
            let last = lines.len() - 1;
            if !lines[last].is_empty() && lines[last].chars().count() + word.len() >= LINE {
                lines.push(word.to_owned());
            } else {
                let space = if lines[last].is_empty() { "" } else { " " };
                let _ = write!(lines[last], "{space}{word}");
            }
        }
    }
    lines.join("\n")
}

/// What was drawn, edges below nodes and labels above both.
#[derive(Debug, Default)]
struct Canvas {
    /// What its own names begin with, for several may stand in one page.
    id: String,
    edges: String,
    nodes: String,
    labels: String,
    boxes: Vec<(Point, Point)>,
    width: f64,
    height: f64,
}

impl Canvas {
    /// Keeps this much in the picture.
    fn reach(&mut self, x: f64, y: f64) {
        self.width = self.width.max(x + 16.0);
        self.height = self.height.max(y + 16.0);
    }

    fn document(&self, title: &str, told: &str, style: &str) -> String {
        let (width, height) = (self.width.ceil(), self.height.ceil());
        let (title, told) = (escaped(title), escaped(told));
        let id = &self.id;
        // A page has a style of its own, and one title.
        let (name, about) = match style {
            "" => (format!("aria-label=\"{title}\""), String::new()),
            style => (
                format!("aria-labelledby=\"{id}-t {id}-d\""),
                format!(
                    "<title id=\"{id}-t\">{title}</title>\n<desc \
                     id=\"{id}-d\">{told}</desc>\n<style>{style}</style>\n"
                ),
            ),
        };
        format!(
            "<svg class=\"diagram\" xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" \
             height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             {name}>\n{about}<defs><marker id=\"{id}-head\" viewBox=\"0 0 10 10\" refX=\"9\" \
             refY=\"5\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto-start-reverse\"><path \
             class=\"head\" d=\"M0 0 10 5 0 10z\"/></marker></defs>\n<rect \
             class=\"ground\" width=\"100%\" height=\"100%\"/>\n{}{}{}</svg>\n",
            self.edges, self.nodes, self.labels
        )
    }
}

/// A coordinate, to a tenth of a pixel.
fn at(value: f64) -> String {
    format!("{:.1}", value)
}

impl RenderBackend for Canvas {
    fn draw_rect(
        &mut self,
        xy: Point,
        size: Point,
        _: &StyleAttr,
        _: Option<String>,
        _: Option<ClipHandle>,
    ) {
        let (x, width) = (xy.x * NARROW, size.x * NARROW);
        self.reach(x + width, xy.y + size.y);
        self.boxes.push((xy, size));
        let _ = writeln!(
            self.nodes,
            "<rect class=\"node\" data-state=\"{UNNAMED}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/>",
            at(x),
            at(xy.y),
            at(width),
            at(size.y)
        );
    }

    fn draw_line(&mut self, start: Point, stop: Point, _: &StyleAttr, _: Option<String>) {
        self.draw_arrow_path(&[(start, stop), (start, stop)], (false, false));
    }

    fn draw_circle(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}

    fn draw_text(&mut self, xy: Point, text: &str, _: &StyleAttr) {
        let is_name = self.boxes.last().is_some_and(|(corner, size)| {
            (corner.x..=corner.x + size.x).contains(&xy.x)
                && (corner.y..=corner.y + size.y).contains(&xy.y)
        });
        let (class, state) = match is_name {
            true => ("name", format!(" data-state=\"{}\"", escaped(text))),
            false => ("label", String::new()),
        };
        if is_name {
            self.nodes = self.nodes.replace(UNNAMED, &escaped(text));
        }
        let count = text.lines().count();
        let x = xy.x * NARROW;
        for (index, line) in text.lines().enumerate() {
            let y = xy.y + (index as f64 - (count as f64 - 1.0) / 2.0) * SIZE as f64 + 4.5;
            let half = line.chars().count() as f64 * 3.8;
            self.reach(x + half, y + 8.0);
            let _ = writeln!(
                self.labels,
                "<text class=\"{class}\"{state} x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                at(x),
                at(y),
                escaped(line)
            );
        }
    }

    fn draw_arrow(
        &mut self,
        path: &[(Point, Point)],
        _: bool,
        head: (bool, bool),
        _: &StyleAttr,
        _: Option<String>,
        _: &str,
    ) {
        self.draw_arrow_path(path, head);
    }

    fn create_clip(&mut self, _: Point, _: Point, _: usize) -> ClipHandle {
        0
    }
}

impl Canvas {
    /// A curve: how it leaves the first point, then how it enters each other one.
    fn draw_arrow_path(&mut self, path: &[(Point, Point)], head: (bool, bool)) {
        let point = |point: &Point| format!("{} {}", at(point.x * NARROW), at(point.y));
        for (one, other) in path {
            self.reach(one.x * NARROW, one.y);
            self.reach(other.x * NARROW, other.y);
        }
        let mut curve = String::new();
        for (index, (one, other)) in path.iter().enumerate() {
            let _ = match index {
                0 => write!(curve, "M{} C{}", point(one), point(other)),
                1 => write!(curve, " {} {}", point(one), point(other)),
                _ => write!(curve, " S{} {}", point(one), point(other)),
            };
        }
        let head_at = |wanted: bool, which: &str| match wanted {
            true => format!(" marker-{which}=\"url(#{}-head)\"", self.id),
            false => String::new(),
        };
        let (start, end) = (head_at(head.0, "start"), head_at(head.1, "end"));
        let _ = writeln!(self.edges, "<path class=\"edge\" d=\"{curve}\"{start}{end}/>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vdi_explore::FourStates;
    use vdi_spec::clauses::Profile;

    #[test]
    fn every_state_and_every_label_is_drawn_and_stands_in_the_picture() {
        let table = FourStates::new(&Profile::default()).table;
        let drawn = state_diagram(&table, "a <set>");
        assert_eq!(drawn, state_diagram(&table, "a <set>"), "the same bytes");
        assert!(drawn.contains("a &lt;set&gt;</title>"), "{drawn}");
        assert_eq!(drawn.matches("class=\"node\"").count(), table.phases.len());
        for phase in &table.phases {
            assert!(drawn.contains(&format!(">{phase}</text>")), "{phase}");
            assert_eq!(drawn.matches(&format!(" data-state=\"{phase}\"")).count(), 2, "{phase}");
        }
        let arrows = table.arrows();
        // Which end of a curve it is depends on where the layout begins it.
        assert_eq!(drawn.matches("-head)").count(), arrows.len(), "{arrows:?}");
        let number = |text: &str, name: &str| -> f64 {
            let rest = text.split(&format!(" {name}=\"")).nth(1).expect("it is there");
            rest.split('"').next().and_then(|value| value.parse().ok()).expect("a number")
        };
        let (width, height) = (number(&drawn, "width"), number(&drawn, "height"));
        for text in drawn.split("<text ").skip(1).map(|text| format!(" {text}")) {
            let (x, y) = (number(&text, "x"), number(&text, "y"));
            assert!(x > 0.0 && x < width && y > 0.0 && y < height, "{text}");
        }
    }

    #[test]
    fn the_current_state_of_each_machine_is_marked() {
        let machines = Machines::new(&Profile::default());
        let drawn = machines.marked(["Aborted", "AbnormallyTerminated", "Abort"]);
        // Its box and its name.
        assert_eq!(drawn.matches(" current\"").count(), 6, "{drawn}");
        assert!(drawn.contains("class=\"node current\" data-state=\"Aborted\""), "{drawn}");
        let mut ids: Vec<&str> = drawn.split(" id=\"").skip(1).collect();
        ids.iter_mut().for_each(|rest| *rest = rest.split('"').next().unwrap_or_default());
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "no name twice");
    }

    #[test]
    fn labels_are_folded() {
        let labels =
            |all: &[&str]| folded(&all.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(labels(&["Close"]), "Close");
        assert_eq!(labels(&["Close", "Open"]), "Close, Open");
        assert_eq!(labels(&["a", "b", "c"]), "a,\nb,\nc");
        assert!(labels(&["Close by the client (VD_E_OPEN) or so"]).contains('\n'));
    }
}
