//! Rust source as code alone: what the compiler reads, without comments, strings and characters, line for line.

/// Whether the pattern stands in the line as whole words.
pub(crate) fn names(line: &str, pattern: &str) -> bool {
    line.match_indices(pattern).any(|(at, _)| {
        let (before, found) = line.split_at(at);
        let after = found.strip_prefix(pattern).unwrap_or_default();
        !before.ends_with(is_word) && !after.starts_with(is_word)
    })
}

/// The identifiers, keywords and numbers of a text, in order.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_word(c)).filter(|word| !word.is_empty())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The source with every comment and literal blanked, line for line.
pub(crate) fn code_of(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        let blank = blank_length(rest);
        let (read, after) = rest.split_at(blank.unwrap_or(next.len_utf8()));
        if blank.is_some() {
            code.push(' ');
            code.extend(read.chars().filter(|c| *c == '\n'));
        } else {
            code.push(next);
        }
        rest = after;
    }
    code
}

/// The length of the comment or literal that the text starts with, if it starts with one.
fn blank_length(text: &str) -> Option<usize> {
    line_comment(text)
        .or_else(|| block_comment(text))
        .or_else(|| string(text))
        .or_else(|| raw_string(text))
        .or_else(|| character(text))
}

fn line_comment(text: &str) -> Option<usize> {
    text.starts_with("//").then(|| text.find('\n').unwrap_or(text.len()))
}

fn block_comment(text: &str) -> Option<usize> {
    let mut inside = text.strip_prefix("/*")?;
    let mut depth = 1;
    while depth > 0 {
        let Some(next) = inside.chars().next() else {
            break;
        };
        let step = if inside.starts_with("/*") {
            depth += 1;
            2
        } else if inside.starts_with("*/") {
            depth -= 1;
            2
        } else {
            next.len_utf8()
        };
        inside = inside.split_at(step).1;
    }
    Some(text.len() - inside.len())
}

fn string(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inside.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    Some(end.map_or(text.len(), |end| end + 2))
}

fn raw_string(text: &str) -> Option<usize> {
    let from_hashes = text.strip_prefix('r')?;
    let from_quote = from_hashes.trim_start_matches('#');
    let inside = from_quote.strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(from_hashes.len() - from_quote.len()));
    let end = inside.find(&close);
    Some(end.map_or(text.len(), |end| text.len() - inside.len() + end + close.len()))
}

/// A character, and not a lifetime: a quote, one character or one escape, a quote.
fn character(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let mut chars = inside.char_indices();
    let escaped = chars.next()?.1 == '\\';
    if escaped {
        chars.next()?;
    }
    let (end, _) = if escaped { chars.find(|(_, c)| *c == '\'')? } else { chars.next().filter(|(_, c)| *c == '\'')? };
    Some(end + 2)
}

#[test]
fn comments_strings_and_characters_are_not_code() {
    let source = r##"a // tokio
/* tokio /* tokio */ tokio */ b "tokio \" tokio" c
r#"tokio " tokio"# d '"' e '\'' f<'x> "/*" g
"##;
    let code = code_of(source);
    assert_eq!(words(&code).collect::<Vec<_>>(), ["a", "b", "c", "d", "e", "f", "x", "g"]);
    assert_eq!(code.lines().count(), source.lines().count(), "line numbers must survive:\n{code}");
}
