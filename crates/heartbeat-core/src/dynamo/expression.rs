//! Condition and update expressions. Attribute names always go by placeholder: `DynamoDB` reserves more words than anyone
//! can remember.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

/// What is to hold, and what is to be done then.
#[derive(Clone, Debug, Default)]
pub(super) struct Expression {
    names: BTreeSet<String>,
    odd: Vec<String>,
    values: HashMap<String, AttributeValue>,
    conditions: Vec<String>,
    set: Vec<String>,
    remove: Vec<String>,
}

impl Expression {
    /// The placeholder of an attribute.
    pub(super) fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#{attribute}");
        self.names.insert(attribute.to_owned());
        placeholder
    }

    /// The placeholder of a name that need not be made of letters.
    pub(super) fn named(&mut self, name: &str) -> String {
        let placeholder = format!("#n{}", self.odd.len());
        self.odd.push(name.to_owned());
        placeholder
    }

    /// The placeholder of a value.
    pub(super) fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// Something that must hold, too.
    pub(super) fn require(&mut self, condition: impl Into<String>) {
        self.conditions.push(condition.into());
    }

    /// `attribute` must equal `value`.
    pub(super) fn require_equal(&mut self, attribute: &str, value: AttributeValue) {
        let condition = format!("{} = {}", self.name(attribute), self.value(value));
        self.require(condition);
    }

    /// `attribute` must be absent, or compare so with `value`.
    pub(super) fn require_absent_or(&mut self, attribute: &str, operator: &str, value: AttributeValue) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.require(format!("(attribute_not_exists({name}) OR {name} {operator} {value})"));
    }

    /// `attribute` gets this value.
    pub(super) fn set(&mut self, attribute: &str, value: AttributeValue) {
        let assignment = format!("{} = {}", self.name(attribute), self.value(value));
        self.set.push(assignment);
    }

    /// `attribute` gets what `other` was before this update; `other` must be there.
    pub(super) fn keep_as(&mut self, attribute: &str, other: &str) {
        let assignment = format!("{} = {}", self.name(attribute), self.name(other));
        self.set.push(assignment);
    }

    /// An assignment in placeholders.
    pub(super) fn assign(&mut self, assignment: String) {
        self.set.push(assignment);
    }

    /// `attribute` goes.
    pub(super) fn remove(&mut self, attribute: &str) {
        let name = self.name(attribute);
        self.remove.push(name);
    }

    /// What is at this path in placeholders goes.
    pub(super) fn remove_path(&mut self, path: String) {
        self.remove.push(path);
    }

    pub(super) fn condition(&self) -> Option<String> {
        (!self.conditions.is_empty()).then(|| self.conditions.join(" AND "))
    }

    pub(super) fn update(&self) -> String {
        let mut update = String::new();
        for (verb, parts) in [("SET ", &self.set), (" REMOVE ", &self.remove)] {
            if !parts.is_empty() {
                update.push_str(verb);
                update.push_str(&parts.join(", "));
            }
        }
        update
    }

    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        let plain = self.names.iter().map(|name| (format!("#{name}"), name.clone()));
        let odd = self.odd.iter().enumerate().map(|(number, name)| (format!("#n{number}"), name.clone()));
        (!self.names.is_empty() || !self.odd.is_empty()).then(|| plain.chain(odd).collect())
    }

    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}
