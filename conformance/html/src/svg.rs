//! A state diagram as SVG. Where everything stands is said by a layout library; here it only
//! gets its look, in light and dark.

use std::fmt::Write;

use layout::core::base::Orientation;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::Point;
use layout::core::style::StyleAttr;
use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
use layout::topo::layout::VisualGraph;
use vdi_explore::Table;

use crate::escape::text as escaped;

/// The height of a line of text, in pixels.
const SIZE: usize = 15;

/// A letter is so much narrower than high; the library takes them for squares.
const NARROW: f64 = 0.56;

/// Letters of a label in one line, about.
const LINE: usize = 28;

const STYLE: &str = "svg{--ink:#1b1f23;--ground:#fff;--node:#e6effb;--edge:#1657b0;font:13px \
                     system-ui,'DejaVu Sans',sans-serif}\
                     @media (prefers-color-scheme:dark){svg{--ink:#e7eaed;--ground:#14171a;--node:#17304f;--edge:#9cc4ff}}\
                     .ground{fill:var(--ground)}.node{fill:var(--node);stroke:var(--edge);stroke-width:1.5}\
                     .name{fill:var(--ink);font-weight:650}.edge{fill:none;stroke:var(--edge);stroke-width:1.3}\
                     .head{fill:var(--edge)}.label{fill:var(--ink);stroke:var(--ground);stroke-width:7px;\
                     paint-order:stroke}";

/// The state diagram of a table, with what leads from a state to the next. `title` says of what.
#[must_use]
pub fn state_diagram(table: &Table, title: &str) -> String {
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
    let mut canvas = Canvas::default();
    graph.do_it(false, false, false, &mut canvas);
    let told: Vec<String> = arrows
        .iter()
        .map(|(from, to, labels)| {
            let (from, to) = (&table.phases[*from], &table.phases[*to]);
            format!("{from} to {to}: {}", labels.join(", "))
        })
        .collect();
    canvas.document(title, &told.join("; "))
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

    fn document(&self, title: &str, told: &str) -> String {
        let (width, height) = (self.width.ceil(), self.height.ceil());
        let (title, told) = (escaped(title), escaped(told));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"t d\">\n<title \
             id=\"t\">{title}</title>\n<desc id=\"d\">{told}</desc>\n<style>{STYLE}</style>\n<defs><marker \
             id=\"head\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" markerHeight=\"8\" \
             orient=\"auto-start-reverse\"><path class=\"head\" d=\"M0 0 10 5 0 10z\"/></marker></defs>\n<rect \
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
            "<rect class=\"node\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/>",
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
        let class = if is_name { "name" } else { "label" };
        let count = text.lines().count();
        let x = xy.x * NARROW;
        for (index, line) in text.lines().enumerate() {
            let y = xy.y + (index as f64 - (count as f64 - 1.0) / 2.0) * SIZE as f64 + 4.5;
            let half = line.chars().count() as f64 * 3.8;
            self.reach(x + half, y + 8.0);
            let _ = writeln!(
                self.labels,
                "<text class=\"{class}\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
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
        let start = if head.0 { " marker-start=\"url(#head)\"" } else { "" };
        let end = if head.1 { " marker-end=\"url(#head)\"" } else { "" };
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
        }
        let arrows = table.arrows();
        // Which end of a curve it is depends on where the layout begins it.
        assert_eq!(drawn.matches("url(#head)").count(), arrows.len(), "{arrows:?}");
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
    fn labels_are_folded() {
        let labels =
            |all: &[&str]| folded(&all.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(labels(&["Close"]), "Close");
        assert_eq!(labels(&["Close", "Open"]), "Close, Open");
        assert_eq!(labels(&["a", "b", "c"]), "a,\nb,\nc");
        assert!(labels(&["Close by the client (VD_E_OPEN) or so"]).contains('\n'));
    }
}
