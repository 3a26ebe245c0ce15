//! The files of the workspace, and those of their lines that break a rule.

use std::path::Path;
use std::{fmt, fs, io};

use crate::code::{code_of, names};

/// One file of the workspace: its path from the root, and its text (of a Rust file, the code alone).
pub(crate) struct File {
    pub(crate) path: String,
    text: String,
}

/// A line that breaks a rule.
pub(crate) struct Offence {
    path: String,
    pub(crate) line: usize,
    what: String,
}

/// Whether a rule binds tests and build scripts as well.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Scope {
    Production,
    Everywhere,
}

impl File {
    /// The folder name of the crate that this file belongs to.
    pub(crate) fn crate_name(&self) -> &str {
        self.path.split('/').nth(1).unwrap_or_default()
    }

    /// Every line that the predicate picks.
    pub(crate) fn lines_where(&self, what: &str, offends: impl Fn(&str) -> bool) -> Vec<Offence> {
        self.numbered().filter(|(_, text)| offends(text)).map(|(line, _)| self.offence(line, what)).collect()
    }

    /// Every line that has one of the patterns as whole words.
    pub(crate) fn lines_naming(&self, patterns: &[&str]) -> Vec<Offence> {
        let named = |(line, text)| {
            let pattern = patterns.iter().find(|pattern| names(text, pattern))?;
            Some(self.offence(line, &format!("names `{pattern}`")))
        };
        self.numbered().filter_map(named).collect()
    }

    /// The line from which on this Rust file is test code; past its end if none is.
    pub(crate) fn first_line_of_tests(&self) -> usize {
        let all_of_it =
            self.crate_name() == "heartbeat-proof" || self.path.contains("/tests/") || self.path.ends_with("/tests.rs");
        let marked = || self.numbered().find(|(_, text)| text.contains("#[cfg(test)]"));
        if all_of_it { 1 } else { marked().map_or(usize::MAX, |(line, _)| line) }
    }

    /// Every line of this manifest that declares a dependency whose name the predicate picks.
    pub(crate) fn depending_on(&self, scope: Scope, offends: impl Fn(&str) -> bool) -> Vec<Offence> {
        let mut section = "";
        let mut offences = Vec::new();
        for (line, text) in self.numbered() {
            let header = text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']'));
            section = header.unwrap_or(section);
            let (table, name) = match header {
                // `[dependencies.axum]`
                Some(header) => header.rsplit_once('.').unwrap_or_default(),
                // `axum.workspace = true` under `[dependencies]`
                None => (section, text.split(['.', '=', '#']).next().unwrap_or_default().trim()),
            };
            let binds = match scope {
                Scope::Production => table.rsplit('.').next() == Some("dependencies"),
                Scope::Everywhere => table.ends_with("dependencies"),
            };
            if binds && !name.is_empty() && offends(name) {
                offences.push(self.offence(line, &format!("depends on {name}")));
            }
        }
        offences
    }

    /// Whether this manifest says `workspace = true` under `[lints]`.
    pub(crate) fn takes_workspace_lints(&self) -> bool {
        let mut lines = self.text.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
        lines.find(|line| !line.is_empty()).is_some_and(|line| line == "workspace = true")
    }

    fn numbered(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    pub(crate) fn offence(&self, line: usize, what: &str) -> Offence {
        Offence { path: self.path.clone(), line, what: what.to_owned() }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Every `.rs` file of every crate, as code.
pub(crate) fn rust_files() -> io::Result<Vec<File>> {
    let mut files = files_below_crates("rs")?;
    for file in &mut files {
        file.text = code_of(&file.text);
    }
    Ok(files)
}

/// The `Cargo.toml` of every crate.
pub(crate) fn manifests() -> io::Result<Vec<File>> {
    files_below_crates("Cargo.toml")
}

fn files_below_crates(ending: &str) -> io::Result<Vec<File>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mut files = Vec::new();
    collect(&root, &root.join("crates"), ending, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn collect(root: &Path, folder: &Path, ending: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(root, &path, ending, files)?;
        } else if path.ends_with(ending) || path.extension().is_some_and(|extension| extension == ending) {
            let from_root = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            files.push(File { path: from_root, text: fs::read_to_string(&path)? });
        }
    }
    Ok(())
}

#[test]
fn a_word_is_found_whole_and_on_its_line() {
    let source = "fn asynchronous() {}\nlet t = Instant::now();\n#[async_trait]";
    let file = File { path: "x.rs".to_owned(), text: code_of(source) };
    assert_eq!(said(&file.lines_naming(&["async", "Instant::now"])), ["x.rs:2: names `Instant::now`"]);
}

#[test]
fn a_dependency_is_found_in_each_way_to_write_it() {
    let text = "[dependencies]\na.workspace = true\nb = \"1\" # c\n# c = \"1\"\n[dependencies.d]\n\
        [target.'cfg(unix)'.dependencies]\ne = { version = \"1\" }\n[dev-dependencies]\nf = \"1\"\n[package]\ng = \"1\"\n";
    let manifest = File { path: "m".to_owned(), text: text.to_owned() };
    let shipped = ["m:2: depends on a", "m:3: depends on b", "m:5: depends on d", "m:7: depends on e"];
    assert_eq!(said(&manifest.depending_on(Scope::Production, |_| true)), shipped);
    let tests_too = said(&manifest.depending_on(Scope::Everywhere, |_| true));
    assert_eq!(tests_too.last().map(String::as_str), Some("m:9: depends on f"));
}

fn said(offences: &[Offence]) -> Vec<String> {
    offences.iter().map(Offence::to_string).collect()
}
