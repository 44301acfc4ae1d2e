//! Numbers drawn. Axes, scales and ticks are those of a plotting library; here they only get the
//! page's colours, which are those of the light or of the dark.

use std::ops::Range;

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::escape::text as escaped;
use crate::svg::within_a_page;

/// A line through so many points, with its name at the last of them.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Its name.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// A plot as SVG, and what it tells in words.
#[derive(Clone, Debug)]
pub struct Plot {
    pub(crate) svg: String,
    pub(crate) told: String,
}

const SIZE: (u32, u32) = (860, 320);

/// What stands for colours of the page, and the colours.
const INK: RGBColor = RGBColor(1, 2, 3);
const LINE: RGBColor = RGBColor(1, 2, 4);
const FAINT: RGBColor = RGBColor(1, 2, 5);
const COLOURS: [(&str, &str); 3] =
    [("#010203", "var(--ink)"), ("#010204", "var(--server)"), ("#010205", "var(--line)")];

/// Curves over an axis on which each step is ten times the one before.
#[must_use]
pub fn curves(along: &str, up: &str, curves: &[Curve]) -> Option<Plot> {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let widest = points().map(|point| point.0).fold(2.0, f64::max);
    let highest = points().map(|point| point.1).fold(1.0, f64::max);
    let told = curves.iter().filter_map(|curve| {
        let (x, y) = curve.points.last()?;
        Some(format!("{} {y} at {x}", curve.name))
    });
    let told = told.collect::<Vec<_>>().join(", ");
    let drawn = drawn(|area| {
        let mut chart = ChartBuilder::on(area);
        chart.margin(10).margin_right(160).x_label_area_size(42).y_label_area_size(52);
        let mut chart = chart.build_cartesian_2d((1.0..widest).log_scale(), 0.0..highest * 1.06)?;
        let style = ("sans-serif", 13, &INK).into_text_style(area);
        let mut mesh = chart.configure_mesh();
        mesh.x_label_formatter(&plain).y_label_formatter(&plain);
        mesh.x_desc(along).y_desc(up).axis_style(INK).bold_line_style(FAINT);
        mesh.light_line_style(TRANSPARENT).label_style(style.clone()).draw()?;
        for Curve { points, name } in curves {
            chart.draw_series(LineSeries::new(points.iter().copied(), LINE.stroke_width(2)))?;
            if let Some(last) = points.last() {
                let name = format!("  {name} {}", last.1);
                chart.draw_series([Text::new(name, *last, style.clone())])?;
            }
        }
        Ok(())
    })?;
    Some(Plot { svg: framed(&drawn, &told), told })
}

/// How often each of some things came, as bars; their names are said below.
#[must_use]
pub fn bars(along: &str, up: &str, counts: &[(String, u64)]) -> Option<Plot> {
    let highest = counts.iter().map(|(_, count)| *count).max().unwrap_or_default().max(1) as f64;
    let told = counts.iter().map(|(name, count)| format!("{name}: {count}"));
    let told = told.collect::<Vec<_>>().join(", ");
    let drawn = drawn(|area| {
        let mut chart = ChartBuilder::on(area);
        chart.margin(10).x_label_area_size(42).y_label_area_size(52);
        let across: Range<f64> = 0.0..counts.len().max(1) as f64;
        let up_to: Range<f64> = 0.0..highest * 1.12;
        let mut chart: ChartContext<'_, _, Cartesian2d<RangedCoordf64, RangedCoordf64>> =
            chart.build_cartesian_2d(across, up_to)?;
        let style = ("sans-serif", 13, &INK).into_text_style(area);
        let name = |at: &f64| {
            let whole = at.fract() == 0.0;
            let found = whole.then(|| counts.get(*at as usize)).flatten();
            found.map(|(name, _)| name.clone()).unwrap_or_default()
        };
        let mut mesh = chart.configure_mesh();
        mesh.x_desc(along).y_desc(up).x_labels(counts.len() + 1).x_label_formatter(&name);
        mesh.disable_x_mesh().y_label_formatter(&plain).axis_style(INK).bold_line_style(FAINT);
        mesh.light_line_style(TRANSPARENT).label_style(style.clone()).draw()?;
        for (at, (_, count)) in counts.iter().enumerate() {
            let (at, count) = (at as f64, *count);
            let bar = [(at + 0.12, 0.0), (at + 0.88, count as f64)];
            chart.draw_series([Rectangle::new(bar, LINE.filled())])?;
            let above = (at + 0.14, count as f64 + highest * 0.07);
            chart.draw_series([Text::new(count.to_string(), above, style.clone())])?;
        }
        Ok(())
    })?;
    Some(Plot { svg: framed(&drawn, &told), told })
}

/// A number at an axis.
fn plain(value: &f64) -> String {
    value.to_string()
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Failed = Box<dyn std::error::Error>;

/// What is drawn on an area; nothing if the library cannot, which has no reason to.
fn drawn(draw: impl FnOnce(&Area<'_>) -> Result<(), Failed>) -> Option<String> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    draw(&area).ok()?;
    area.present().ok()?;
    drop(area);
    Some(svg)
}

/// In the colours of the page, with what it tells.
fn framed(svg: &str, told: &str) -> String {
    let mut svg = within_a_page(svg);
    for (stands, colour) in COLOURS {
        svg = svg.replace(stands, colour);
    }
    let begin = format!("<svg class=\"plot\" role=\"img\" aria-label=\"{}\" ", escaped(told));
    svg.replacen("<svg ", &begin, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plotted_is_told_and_drawn_in_the_colours_of_the_page() {
        let curve = |name: &str, points: &[(f64, f64)]| Curve {
            name: name.to_owned(),
            points: points.to_vec(),
        };
        let all = [curve("<clauses>", &[(1.0, 3.0), (90.0, 150.0)]), curve("faults", &[])];
        let plot = curves("seeds", "met", &all).expect("it is drawn");
        assert_eq!(plot.told, "<clauses> 150 at 90");
        assert!(plot.svg.contains("aria-label=\"&lt;clauses&gt; 150 at 90\""), "{}", plot.svg);
        assert!(!plot.svg.contains("<clauses>"), "{}", plot.svg);
        assert!(plot.svg.contains("var(--server)") && plot.svg.contains("var(--ink)"));
        let again = curves("seeds", "met", &all).expect("it is drawn");
        assert_eq!(plot.svg, again.svg, "the same bytes");

        let counts = [("1".to_owned(), 4), ("2".to_owned(), 0), ("4".to_owned(), 9)];
        let plot = bars("ms", "worlds", &counts).expect("it is drawn");
        assert_eq!(plot.told, "1: 4, 2: 0, 4: 9");
        for (name, count) in counts {
            assert!(plot.svg.contains(&format!("\n{name}\n")), "{name}: {}", plot.svg);
            assert!(plot.svg.contains(&format!("\n{count}\n")), "{count}: {}", plot.svg);
        }
    }

    #[test]
    fn there_need_be_nothing_to_plot() {
        assert!(curves("seeds", "met", &[]).is_some());
        assert!(bars("ms", "worlds", &[]).is_some());
    }
}
