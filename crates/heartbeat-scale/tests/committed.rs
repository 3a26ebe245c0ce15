//! The document in the repository is what the program writes.

use std::{fs, path::Path};

#[test]
fn docs_scale_md_is_what_the_program_writes() {
    let written = heartbeat_scale::document();
    assert!(!written.contains(['{', '}']), "a figure is missing from a text");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/scale.md");
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(written.lines()).find(|(committed, written)| committed != written);
    assert!(
        committed == written,
        "docs/scale.md is not what the program writes: run `just scale`. The first difference: {differs:?}"
    );
}
