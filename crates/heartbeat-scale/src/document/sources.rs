//! The table of prices.

use crate::{
    price::{ALL, Evidence, Price, RESERVED_SHARE},
    table::{figure, table},
};

use super::Figure;

pub(super) fn figures() -> Vec<Figure> {
    vec![
        ("price-table", table(&["Price", "Dollars", "Unit", "Free a month", "Evidence", "Dated"], ALL.map(price_row))),
        ("unverified", unverified()),
        ("reserved-off", format!("{:.0} %", (1.0 - RESERVED_SHARE) * 100.0)),
    ]
}

fn price_row(price: Price) -> Vec<String> {
    let evidence = match price.evidence {
        Evidence::Aws => "AWS",
        Evidence::Quoted => "quoted",
        Evidence::Unverified => "**unverified, from memory**",
    };
    let free = if price.free > 0.0 { figure(price.free) } else { "-".to_owned() };
    vec![
        price.what.to_owned(),
        price.dollars.to_string(),
        price.unit.to_owned(),
        free,
        format!("{evidence}: <{}>", price.source),
        price.dated.to_owned(),
    ]
}

fn unverified() -> String {
    let names = ALL.iter().filter(|price| price.evidence == Evidence::Unverified).map(|price| price.what);
    names.collect::<Vec<_>>().join("; ")
}
