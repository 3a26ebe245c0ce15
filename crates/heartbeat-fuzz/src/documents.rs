use heartbeat_core::definition::document::{Document, Format, parse};

/// A document to import. The first byte says whether it is read as JSON (`j`) or YAML (any other); the rest is the document.
///
/// What is refused is refused with a sentence that is not endless. What is read is written in both formats so that it is read again
/// as the same.
pub fn documents(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let format = if *first == b'j' { Format::Json } else { Format::Yaml };
    let mut document = match parse(rest, format) {
        Ok(document) => document,
        Err(error) => {
            let said = error.to_string();
            return assert!(!said.is_empty() && said.len() < 10_000, "a refusal of {} bytes", said.len());
        }
    };
    document.monitors.sort_by(|one, other| one.slug.cmp(&other.slug));
    for format in [Format::Json, Format::Yaml] {
        let written = document.write(format).expect("what was read can be written");
        let again: Document = parse(written.as_bytes(), format)
            .unwrap_or_else(|error| panic!("what it writes is read, and this is not: {error}\n{written}"));
        assert_eq!(again, document, "and is the same");
    }
}
