//! Prints `docs/scale.md` and writes it: `cargo run -p heartbeat-scale`.

use std::{
    fs,
    io::{self, Write, stdout},
    path::Path,
};

fn main() -> io::Result<()> {
    let text = heartbeat_scale::document();
    stdout().write_all(text.as_bytes())?;
    fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/scale.md"), text)
}
