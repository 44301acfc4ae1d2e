//! Text and data made harmless: whatever a trace or an adapter says, nothing of it is markup.

use serde::Serialize;

/// Text between tags or in a quoted attribute. What could not be seen, or would turn the text
/// around, is shown by its number.
#[must_use]
pub(crate) fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len() + raw.len() / 16);
    for c in raw.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(c),
            c if is_unseen(c) => out.push_str(&format!("\u{27e8}U+{:04X}\u{27e9}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// Control characters, and those that say in which direction text runs.
fn is_unseen(c: char) -> bool {
    let noncharacter = u32::from(c) & 0xFFFE == 0xFFFE;
    c.is_control()
        || noncharacter
        || matches!(c, '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// JSON that may stand in a `<script>`: no tag, comment or entity begins in it.
#[must_use]
pub(crate) fn json(value: &impl Serialize) -> String {
    let raw = serde_json::to_string(value).expect("what a page is made of serialises");
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            // They stand in strings only.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        let hostile = "<img src=x onerror=alert(1)> & \"'\u{0}\u{202E}\u{1b}\t\n</script>";
        let told = text(hostile);
        assert_eq!(
            told,
            "&lt;img src=x onerror=alert(1)&gt; &amp; &quot;&#39;⟨U+0000⟩⟨U+202E⟩⟨U+001B⟩\t\n&lt;/script&gt;"
        );
        let data = json(&hostile);
        assert!(!data.contains(['<', '>', '&']), "{data}");
        assert_eq!(serde_json::from_str::<String>(&data).ok().as_deref(), Some(hostile));
    }
}
