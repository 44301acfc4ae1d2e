//! Numbers as people write them down: copied from a debugger, a log or a header.

/// The number of 32 bits that a text spells: decimal, with a sign or without; hexadecimal
/// after `0x` or `x`, or, bare, if it has a letter or eight digits, which no published code has
/// in decimal. A header's suffix and a log's sign extension to 64 bits are taken off.
///
/// ```
/// use vdi_spec::codes::spelled_number;
///
/// let abort = Some(0x8077_0004);
/// for text in ["0x80770004", "x80770004", "80770004", "2155282436", "-2139684860"] {
///     assert_eq!(spelled_number(text), abort, "{text}");
/// }
/// assert_eq!(spelled_number("0x80770004L"), abort);
/// assert_eq!(spelled_number("ffffffff80770004"), abort);
/// assert_eq!(spelled_number("995"), Some(995));
/// assert_eq!(spelled_number("3e3"), Some(995));
/// assert_eq!(spelled_number("-"), None);
/// ```
#[must_use]
pub fn spelled_number(text: &str) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase().replace('_', "");
    let text = text.trim_end_matches(['l', 'u']);
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix('x')) {
        return hexadecimal(digits);
    }
    if text.starts_with('-') {
        return text.parse::<i32>().ok().map(i32::cast_unsigned);
    }
    let bare = text.len() == 8 || text.contains(|digit: char| digit.is_ascii_alphabetic());
    if bare { hexadecimal(text) } else { text.parse().ok() }
}

fn hexadecimal(digits: &str) -> Option<u32> {
    const EXTENDED: u64 = 0xFFFF_FFFF_0000_0000;
    let plain = digits.chars().all(|digit| digit.is_ascii_hexdigit());
    let number = u64::from_str_radix(digits, 16).ok().filter(|_| plain)?;
    let negative = number & EXTENDED == EXTENDED && number & 0x8000_0000 != 0;
    u32::try_from(if negative { number & !EXTENDED } else { number }).ok()
}
