//! What Terraform would make, as its own plan says: `terraform/tests/plan.json`.

use serde_json::Value;

use crate::{
    cloud::root,
    policy::{Policy, listed},
};

/// Everything that the plan describes.
pub(crate) struct Plan {
    resources: Vec<Resource>,
}

/// One resource.
pub(crate) struct Resource {
    /// Where it stands, such as `aws_dynamodb_table.monitors`.
    pub(crate) address: String,
    /// What it is, such as `aws_dynamodb_table`.
    pub(crate) kind: String,
    /// What Terraform calls it.
    pub(crate) name: String,
    pub(crate) values: Value,
}

impl Plan {
    pub(crate) fn read() -> Self {
        let path = root().join("terraform/tests/plan.json");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|problem| {
            panic!("{}: {problem}: `scripts/check-terraform.sh --write` makes it", path.display())
        });
        let plan: Value = serde_json::from_str(&text).unwrap();
        let resources = plan["resources"].as_array().unwrap().iter().map(Resource::read).collect();
        Self { resources }
    }

    /// Every resource, in the order of their addresses.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.resources.iter()
    }

    /// Every resource of that kind.
    pub(crate) fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }

    /// The function of that name.
    pub(crate) fn function(&self, name: &str) -> &Resource {
        let found = self.all("aws_lambda_function").find(|function| function.text("function_name") == name);
        found.unwrap_or_else(|| panic!("the plan has no function {name}"))
    }

    /// A variable of the environment of a function.
    pub(crate) fn variable(&self, function: &str, name: &str) -> String {
        let variables = &self.function(function).values["environment"][0]["variables"];
        variables[name]
            .as_str()
            .unwrap_or_else(|| panic!("{function} has no variable {name}: {variables:#}"))
            .to_owned()
    }

    /// The policies of a role.
    pub(crate) fn policy_of(&self, role: &str) -> Policy {
        let mut policy = Policy::default();
        for own in self.all("aws_iam_role_policy").filter(|own| own.text("role") == role) {
            policy.add(own.text("policy"));
        }
        let attached = self.all("aws_iam_role_policy_attachment").filter(|attached| attached.text("role") == role);
        for attached in attached {
            let name = attached.text("policy_arn").rsplit('/').next().unwrap();
            let found = self.all("aws_iam_policy").find(|policy| policy.text("name") == name);
            policy.add(found.unwrap_or_else(|| panic!("the plan has no policy {name}")).text("policy"));
        }
        policy
    }

    /// The role that `service` takes on.
    pub(crate) fn role_trusting(&self, service: &str) -> &Resource {
        self.all("aws_iam_role").find(|role| role.trusts(service)).unwrap_or_else(|| panic!("no role trusts {service}"))
    }

    /// The account that its ARNs name.
    pub(crate) fn account(&self) -> String {
        self.part_of_an_arn(4)
    }

    /// The region that its ARNs name.
    pub(crate) fn region(&self) -> String {
        self.part_of_an_arn(3)
    }

    fn part_of_an_arn(&self, part: usize) -> String {
        let schedule = self.all("aws_scheduler_schedule").next().expect("the plan has a schedule");
        let arn = schedule.values["target"][0]["arn"].as_str().expect("the schedule names its function");
        arn.split(':').nth(part).unwrap().to_owned()
    }
}

impl Resource {
    fn read(of: &Value) -> Self {
        let text = |name: &str| of[name].as_str().unwrap().to_owned();
        Self { address: text("address"), kind: text("type"), name: text("name"), values: of["values"].clone() }
    }

    /// Whether it is a role that `service` may take on.
    pub(crate) fn trusts(&self, service: &str) -> bool {
        let Some(document) = self.values["assume_role_policy"].as_str() else { return false };
        let document: Value = serde_json::from_str(document).unwrap();
        listed(&document["Statement"]).iter().any(|statement| {
            let lets_in = statement["Effect"] == "Allow" && statement["Action"] == "sts:AssumeRole";
            lets_in && listed(&statement["Principal"]["Service"]).contains(&service.into())
        })
    }

    /// A value that is a text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.values[name]
            .as_str()
            .unwrap_or_else(|| panic!("{} has no {name} at plan: {:#}", self.address, self.values))
    }
}
