//! The text of a file as it is shown with what is wrong in it: a long line is cut around its
//! place. The diagnostics library aligns what it draws by columns, and cannot, far to the right.

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

/// Bytes of a line that are shown on either side of what is wrong, at most.
const AROUND: usize = 120;

/// What stands where a line is cut.
const CUT: &str = "…";

/// A file, its long lines cut, with the true place of what is wrong.
#[derive(Clone, Debug)]
pub(super) struct ShownText {
    name: String,
    text: String,
    /// Columns, which the diagnostics library counts in bytes, that are missing on the left of the line in question.
    missing: usize,
}

impl ShownText {
    /// The text around these bytes of it, and where they are then. They are cut, too, if they
    /// are many, or end in another line.
    pub(super) fn around(
        name: &str,
        text: &str,
        offset: usize,
        length: usize,
    ) -> (Self, SourceSpan) {
        let mut shown = Self { name: name.to_owned(), text: String::new(), missing: 0 };
        let (mut start, mut span) = (0, SourceSpan::from((0, 0)));
        for line in text.split_inclusive('\n') {
            let (body, end) = line.strip_suffix('\n').map_or((line, ""), |body| (body, "\n"));
            let last = start + line.len() == text.len();
            let holds = offset >= start && (offset < start + line.len() || last);
            let at = if holds { (offset - start).min(body.len()) } else { 0 };
            let from = floor(body, at.saturating_sub(AROUND));
            let to = floor(body, (at + AROUND).min(body.len()));
            let (from, to) = if body.len() <= 3 * AROUND { (0, body.len()) } else { (from, to) };
            // What is not longer than the mark in its place stays.
            let from = if from <= CUT.len() { 0 } else { from };
            let left = if from > 0 { CUT } else { "" };
            if holds {
                let length = length.min(to.saturating_sub(at));
                span = (shown.text.len() + left.len() + at - from, length).into();
                shown.missing = from - left.len();
            }
            let right = if to < body.len() { CUT } else { "" };
            shown.text.extend([left, &body[from..to], right, end]);
            start += line.len();
        }
        (shown, span)
    }
}

/// The last place up to this one at which a character begins.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl SourceCode for ShownText {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let contents = self.text.read_span(span, before, after)?;
        // What asks for nothing around it wants to know the place.
        let missing = if before == 0 && after == 0 { self.missing } else { 0 };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            contents.data(),
            *contents.span(),
            contents.line(),
            contents.column() + missing,
            contents.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is before and behind it, little is drawn, and what is wrong is in it.
    #[test]
    fn a_long_line_is_cut_around_what_is_wrong() {
        for before in [0, 10, 60, 61, 62, 119, 200, 361, 5_000] {
            for after in [0, 10, 300, 5_000] {
                let text = format!(
                    "{}\n{}WRONG{}\nü",
                    "ü".repeat(500),
                    "ü".repeat(before),
                    "x".repeat(after)
                );
                let offset = text.find("WRONG").expect("it is there");
                let (shown, span) = ShownText::around("f", &text, offset, 5);
                let lines: Vec<_> = shown.text.split('\n').collect();
                assert_eq!(lines.len(), 3);
                assert!(lines.iter().all(|line| line.len() <= 4 * AROUND), "{before} {after}");
                assert_eq!(&shown.text[span.offset()..span.offset() + span.len()], "WRONG");
                let place = shown.read_span(&span, 0, 0).expect("it is in it");
                assert_eq!((place.line(), place.column()), (1, 2 * before));
            }
        }
        let (shown, span) = ShownText::around("f", "", 0, 0);
        assert_eq!((shown.text.as_str(), span.offset()), ("", 0));
        let (shown, span) = ShownText::around("f", "a\nb", 3, 0);
        assert_eq!((shown.text.as_str(), span.offset()), ("a\nb", 3));
        // What is wrong may go on over many lines: its first is shown.
        let (shown, span) = ShownText::around("f", &"line\n".repeat(100), 5, 90);
        assert_eq!((shown.text.len(), span.offset(), span.len()), (500, 5, 4));
    }
}
