//! Reports to be looked at: one HTML file each, that asks no network for anything.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `page` | the page: numbers, tables, cases, the data of the drawings, style and script |
//! | `drawing` | what a drawing is made of: a trace, its verdict, the states on the way |
//! | `run` | the page of a run, or of the gate |
//! | `trace` | the page of judged traces |
//! | `plot` | numbers drawn: curves and bars |
//! | `svg` | a state diagram as SVG |
//! | `escape` | text and data made harmless |
//!
//! Read first: [`Page`], [`Drawing`], [`run_page`].
//!
//! Architecture invariants: pages never judge; whatever the script draws stands in the page as
//! text, too; what comes from a trace or an adapter is never markup.

mod drawing;
mod escape;
mod page;
mod plot;
mod run;
mod svg;
mod trace;

pub use drawing::{Drawing, MOST};
pub use page::{Case, Mark, Page, Row, Section, Share, Side, Tile};
pub use plot::{Curve, Plot, bars, curves};
pub use run::run_page;
pub use svg::{Machines, state_diagram};
pub use trace::{JudgedTrace, trace_page};
