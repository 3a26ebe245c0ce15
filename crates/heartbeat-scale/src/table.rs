//! Tables and figures as Markdown, for people.

/// A table.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows: Vec<String> = rows.into_iter().map(|cells| format!("| {} |", cells.join(" | "))).collect();
    format!("| {} |\n| {} |\n{}", header.join(" | "), vec!["---"; header.len()].join(" | "), rows.join("\n"))
}

/// Dollars: cents below 10, whole dollars from there.
pub(crate) fn dollars(amount: f64) -> String {
    if amount < 9.995 { format!("${amount:.2}") } else { format!("${}", figure(amount)) }
}

/// A number: one decimal below 10, whole in groups of three from there.
pub(crate) fn figure(number: f64) -> String {
    if number < 9.95 {
        return trimmed(&format!("{number:.1}"));
    }
    grouped(&format!("{number:.0}"))
}

/// A whole number in groups of three.
pub(crate) fn count(number: impl Into<u64>) -> String {
    grouped(&number.into().to_string())
}

/// A share of a whole, in per cent; a share that is not nothing never looks like nothing.
pub(crate) fn share(part: u64, whole: u64) -> String {
    let per_mille_of_per_cent = part * 100_000 / whole.max(1);
    match (part, per_mille_of_per_cent) {
        (0, _) => "0".to_owned(),
        (_, 0..10) => "< 0.01 %".to_owned(),
        (_, tiny @ 10..1_000) => format!("0.{:02} %", tiny / 10),
        (_, some) => format!("{}.{} %", some / 1_000, some % 1_000 / 100),
    }
}

/// An interval as it is said.
pub(crate) fn interval(seconds: u32) -> String {
    match seconds {
        86_400.. => format!("{} d", seconds / 86_400),
        3_600.. => format!("{} h", seconds / 3_600),
        _ => format!("{} min", seconds / 60),
    }
}

fn trimmed(number: &str) -> String {
    number.strip_suffix(".0").unwrap_or(number).to_owned()
}

fn grouped(digits: &str) -> String {
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_for_people() {
        assert_eq!([0.0, 9.994, 9.996, 1_234_567.2].map(dollars), ["$0.00", "$9.99", "$10", "$1,234,567"]);
        assert_eq!([0.25, 3.0, 9.96, 1_333.3].map(figure), ["0.2", "3", "10", "1,333"]);
        assert_eq!([60, 300, 3_600, 86_400].map(interval), ["1 min", "5 min", "1 h", "1 d"]);
        assert_eq!(count(16_u16), "16");
    }

    #[test]
    fn a_share_that_is_not_nothing_never_looks_like_nothing() {
        let shares = [(0, 10), (1, 1_000_000), (1, 1_000), (1, 100), (55, 100), (7, 7)];
        let shown = shares.map(|(part, whole)| share(part, whole));
        assert_eq!(shown, ["0", "< 0.01 %", "0.10 %", "1.0 %", "55.0 %", "100.0 %"]);
    }

    #[test]
    fn a_table_has_a_rule_below_its_header() {
        assert_eq!(table(&["a", "b"], [vec!["1".to_owned(), "2".to_owned()]]), "| a | b |\n| --- | --- |\n| 1 | 2 |");
    }
}
