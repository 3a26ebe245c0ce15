//! What a job printed, made fit to be shown: jobs print colours, progress bars, and sometimes what an attacker wants
//! read. Only visible characters, spaces and line ends are left, and little enough of them for a phone.

use std::{iter::Peekable, str::Chars};

/// The most characters that are shown; of more, the last: errors stand at the end.
const MAX_CHARS: usize = 800;
/// The most lines that are shown, the last ones.
const MAX_LINES: usize = 12;

/// The visible end of `text`; `None` when nothing is visible.
pub(crate) fn visible_end(text: &str) -> Option<String> {
    let visible = visible(text);
    let from = visible.char_indices().rev().nth(MAX_CHARS - 1).map_or(0, |(at, _)| at);
    let end = visible.get(from..).unwrap_or_default();
    let mut lines: Vec<&str> = end.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines.drain(..lines.len().saturating_sub(MAX_LINES));
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// All that is visible of `text`, on one line; `None` when nothing is.
pub(crate) fn visible_line(text: &str) -> Option<String> {
    let visible = visible(text);
    let words: Vec<&str> = visible.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// The lines of `text` in which something is visible.
pub(crate) fn visible_lines(text: &str) -> Vec<String> {
    let visible = visible(text);
    visible.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Without escape sequences, control characters and what is invisible; a carriage return ends a line.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => shown.push('\n'),
            '\t' => shown.push(' '),
            c if c.is_control() || is_invisible(c) => {}
            c => shown.push(c),
        }
    }
    shown
}

/// Skips what follows an ESC: a control sequence such as a colour (`[31m`), or nothing that is known.
fn skip_escape(chars: &mut Peekable<Chars<'_>>) {
    if chars.next_if_eq(&'[').is_some() {
        while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
        chars.next_if(|c| matches!(c, '@'..='~'));
    }
}

/// Characters that take no place, or that turn the direction of the text around them (Unicode's default ignorables).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn colours_and_progress_bars_are_taken_out() {
        let printed = "\u{1b}[1;31merror:\u{1b}[0m disk full\r\n10 %\r20 %\r\n\n\n\u{7}done\t\u{0}.";
        assert_eq!(visible_end(printed).unwrap(), "error: disk full\n10 %\n20 %\ndone .");
    }

    #[test]
    fn text_that_turns_around_or_hides_is_shown_as_it_is_read() {
        assert_eq!(visible_end("a\u{202e}b\u{200b}c\u{feff}d\u{e0041}").unwrap(), "abcd");
        assert_eq!(visible_end("\u{200b}\u{1b}[2J \n \u{2060}"), None);
    }

    #[test]
    fn of_much_the_end_is_shown() {
        let lines: Vec<String> = (1..=50).map(|n| format!("line {n}")).collect();
        let shown = visible_end(&lines.join("\n")).unwrap();
        assert_eq!(shown.lines().count(), MAX_LINES);
        assert!(shown.ends_with("line 50"));
        assert_eq!(visible_end(&"ü".repeat(5_000)).unwrap().chars().count(), MAX_CHARS);
    }

    #[test]
    fn a_name_is_one_line_and_a_description_keeps_its_lines() {
        assert_eq!(visible_line(" Nightly\n \u{202e}backup\t").unwrap(), "Nightly backup");
        assert_eq!(visible_line("\u{200b} "), None);
        assert_eq!(visible_lines("Look at disk 2:\r\n\n  df -h \u{1b}[1mhere"), ["Look at disk 2:", "  df -h here"]);
    }

    proptest! {
        #[test]
        fn nothing_that_steers_a_terminal_is_left(text in any::<String>()) {
            let shown = visible_end(&text).unwrap_or_default();
            prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
        }
    }
}
