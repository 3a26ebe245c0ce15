//! What policies allow, decided as IAM decides it: a statement that denies wins, else one must allow.

use serde_json::Value;

/// The statements of the policies of one role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy(Vec<Statement>);

/// One statement of a policy.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    denies: bool,
    /// As they are written, such as `dynamodb:*Item`.
    pub(crate) actions: Vec<String>,
    pub(crate) resources: Vec<String>,
}

impl Policy {
    /// Adds what a document says.
    ///
    /// Nothing of it may be beyond what is understood here: a condition that nobody looks at would allow too much.
    pub(crate) fn add(&mut self, document: &str) {
        let document: Value = serde_json::from_str(document).unwrap();
        for statement in listed(&document["Statement"]) {
            for strange in ["NotAction", "NotResource", "Principal", "Condition"] {
                assert!(statement[strange].is_null(), "the gate does not understand {strange} in {statement:#}");
            }
            self.0.push(Statement {
                denies: statement["Effect"] == "Deny",
                actions: texts(&statement["Action"]),
                resources: texts(&statement["Resource"]),
            });
        }
    }

    /// Whether `action` may be done to `resource`.
    pub(crate) fn allows(&self, action: &str, resource: &str) -> bool {
        let mut speaking = self.0.iter().filter(|statement| statement.speaks_of(action, resource)).peekable();
        speaking.peek().is_some() && !speaking.any(|statement| statement.denies)
    }

    /// What is allowed of which resource, each pair as it is written.
    pub(crate) fn grants(&self) -> Vec<(String, String)> {
        let allowing = self.0.iter().filter(|statement| !statement.denies);
        let pairs = allowing.flat_map(|statement| {
            let resources = &statement.resources;
            statement.actions.iter().flat_map(move |action| resources.iter().map(|of| (action.clone(), of.clone())))
        });
        pairs.collect()
    }
}

impl Statement {
    fn speaks_of(&self, action: &str, resource: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.actions.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
            && self.resources.iter().any(|pattern| matches(pattern, resource))
    }
}

/// Whether `text` is as `pattern` says: `*` is any text, `?` any character.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    match (pattern.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some('*'), _) => {
            matches(&pattern[1..], text)
                || text.chars().next().is_some_and(|first| matches(pattern, &text[first.len_utf8()..]))
        }
        (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
            matches(&pattern[wanted.len_utf8()..], &text[found.len_utf8()..])
        }
        (None | Some(_), _) => false,
    }
}

/// A list, or the one that stands for itself.
pub(crate) fn listed(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values.clone(),
        Value::Null => Vec::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => vec![value.clone()],
    }
}

fn texts(value: &Value) -> Vec<String> {
    listed(value).iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_policy_allows_what_it_names_and_nothing_else() {
    let mut policy = Policy::default();
    policy.add(
        r#"{"Statement": [
            {"Effect": "Allow", "Action": ["dynamodb:*Item", "dynamodb:Query"], "Resource": "arn:aws:dynamodb:*:1:table/a*"},
            {"Effect": "Deny", "Action": "dynamodb:DeleteItem", "Resource": "*"}
        ]}"#,
    );
    for (action, table, allowed) in [
        ("dynamodb:GetItem", "a-b", true),
        ("dynamodb:getitem", "a", true),
        ("dynamodb:Query", "abc/index/d", true),
        ("dynamodb:GetItem", "b", false),
        ("dynamodb:Scan", "a", false),
        ("dynamodb:DeleteItem", "a", false),
        ("ssm:GetParameters", "a", false),
    ] {
        let resource = format!("arn:aws:dynamodb:eu-north-1:1:table/{table}");
        assert_eq!(policy.allows(action, &resource), allowed, "{action} {table}");
    }
    assert_eq!(policy.grants().len(), 2);
}
