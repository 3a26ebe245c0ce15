//! A badge as a picture: the flat look that everybody knows. It has no script and loads nothing.

/// How wide the printable characters of ASCII are in Verdana at 11 pixels, in hundredths of a pixel, from the space on.
#[rustfmt::skip]
const WIDTHS: [u16; 95] = [
    387, 433, 505, 900, 699, 1184, 799, 296, 500, 500, 699, 900, 400, 500, 400, 500,
    699, 699, 699, 699, 699, 699, 699, 699, 699, 699, 500, 500, 900, 900, 900, 600,
    1100, 752, 754, 768, 848, 696, 632, 853, 827, 463, 500, 762, 612, 927, 823, 866,
    663, 866, 765, 752, 678, 805, 752, 1088, 754, 677, 754, 500, 500, 500, 900, 699,
    699, 661, 685, 573, 685, 655, 387, 685, 696, 302, 379, 651, 302, 1070, 696, 668,
    685, 685, 469, 573, 433, 696, 651, 900, 651, 651, 578, 698, 500, 698, 900,
];
/// What is taken for other Latin letters, and for any other character.
const LATIN: u16 = 696;
const WIDE: u16 = 1_100;
/// On both sides of a text.
const PADDING: u32 = 5;

/// The badge that says `label` and, on `colour`, `message`.
pub(super) fn draw(label: &str, message: &str, colour: &str) -> String {
    let (label_text, message_text) = (width(label), width(message));
    let (left, right) = (label_text + 2 * PADDING, message_text + 2 * PADDING);
    let (whole, middle) = (left + right, left + PADDING);
    let (label, message) = (escape(label), escape(message));
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img" aria-label="{label}: {message}">
<title>{label}: {message}</title>
<linearGradient id="s" x2="0" y2="100%"><stop offset="0" stop-color="#bbb" stop-opacity=".1"/><stop offset="1" stop-opacity=".1"/></linearGradient>
<clipPath id="r"><rect width="{whole}" height="20" rx="3" fill="#fff"/></clipPath>
<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#555"/><rect x="{left}" width="{right}" height="20" fill="{colour}"/><rect width="{whole}" height="20" fill="url(#s)"/></g>
<g fill="#fff" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">
<g aria-hidden="true" fill="#010101" fill-opacity=".3"><text x="{PADDING}" y="15" textLength="{label_text}">{label}</text><text x="{middle}" y="15" textLength="{message_text}">{message}</text></g>
<text x="{PADDING}" y="14" textLength="{label_text}">{label}</text><text x="{middle}" y="14" textLength="{message_text}">{message}</text>
</g>
</svg>
"##
    )
}

/// How wide a text is, in whole pixels.
fn width(text: &str) -> u32 {
    let of = |c: char| {
        let place = u32::from(c).checked_sub(32).and_then(|place| usize::try_from(place).ok());
        let other = if c < '\u{250}' { LATIN } else { WIDE };
        u32::from(place.and_then(|place| WIDTHS.get(place)).copied().unwrap_or(other))
    };
    text.chars().map(of).sum::<u32>().div_ceil(100)
}

/// `text` between tags or in quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML has no way to say these.
            '\u{FFFE}' | '\u{FFFF}' => escaped.push('\u{FFFD}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_label_says_is_markup() {
        let drawn = draw("<script>\"'&", "up", "#4c1");
        assert!(!drawn.contains("<script") && drawn.contains("&lt;script&gt;&quot;&#39;&amp;"), "{drawn}");
    }

    #[test]
    fn longer_texts_make_wider_badges() {
        assert_eq!((width(""), width("up"), width("down")), (0, 14, 30));
        assert_eq!((width("ü"), width("備")), (7, 11));
    }
}
