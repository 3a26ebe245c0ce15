//! A bad configuration of the tables ends every program with a line for each mistake, that says what to do; what needs no
//! tables works all the same.

use heartbeat_proof::dynamo::Ground;
use serde_json::{Value, json};

use crate::{
    installation::{API, CHECKER, Finished, HEARTBEAT, Installation},
    tables::ground,
    wire::{Traffic, Wire},
};

/// Everything that opens the tables.
const PROGRAMS: [(&str, &[&str]); 4] =
    [(API, &[]), (CHECKER, &[]), (HEARTBEAT, &["serve"]), (HEARTBEAT, &["list-api-keys"])];

/// Each program complains of exactly this.
async fn all_complain(installation: &Installation, lines: &[&str]) {
    for (program, arguments) in PROGRAMS {
        let complaint = complaint(installation.run_program(program, arguments).await);
        assert_eq!(complaint, lines, "{program} {arguments:?}");
    }
}

fn complaint(finished: Finished) -> Vec<String> {
    assert!(!finished.out.contains("listens on"), "{finished:?}");
    let text = finished.badly();
    text.strip_prefix("heartbeat: ").expect(&text).lines().map(ToOwned::to_owned).collect()
}

async fn drop_table(ground: &Ground, name: &str) {
    ground.call("DeleteTable", &json!({"TableName": name})).await;
}

fn table(name: &str, key: &str) -> Value {
    json!({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
    })
}

#[tokio::test]
async fn a_missing_table_is_named_with_its_variable() {
    let (ground, installation) = ground().await;
    drop_table(&ground, "heartbeat-events").await;
    let line = "there is no table heartbeat-events in eu-north-1: `heartbeat create-tables` or `terraform apply` makes \
                it, or EVENTS_TABLE names another one";
    all_complain(&installation, &[line]).await;
    let made = installation.run(&["create-tables"]).await.well();
    assert!(
        made.contains("heartbeat-events: made\n") && made.contains("heartbeat-monitors: there already\n"),
        "{made}"
    );
    installation.run(&["list-api-keys"]).await.well();
}

#[tokio::test]
async fn a_missing_index_is_named_and_added() {
    let (ground, installation) = ground().await;
    let update = json!({
        "TableName": "heartbeat-monitors",
        "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "overdue-index"}}],
    });
    ground.call("UpdateTable", &update).await;
    let line = "the table heartbeat-monitors lacks the index overdue-index: `heartbeat create-tables` or `terraform apply` adds it";
    all_complain(&installation, &[line]).await;
    let made = installation.run(&["create-tables"]).await.well();
    assert!(made.contains("heartbeat-monitors: index overdue-index added\n"), "{made}");
    installation.run(&["list-api-keys"]).await.well();
}

#[tokio::test]
async fn a_table_with_another_key_is_named_and_left_alone() {
    let (ground, installation) = ground().await;
    drop_table(&ground, "heartbeat-api-keys").await;
    ground.call("CreateTable", &table("heartbeat-api-keys", "token")).await;
    let line = "the table heartbeat-api-keys has another key than key_hash (S): a key cannot be changed, name another table or make a new one";
    all_complain(&installation, &[line]).await;
    assert_eq!(complaint(installation.run(&["create-tables"]).await), [line]);
}

#[tokio::test]
async fn without_a_region_or_credentials_it_is_said_which_variables_give_them() {
    let placed = || Installation::over("http://127.0.0.1:9", "000000000001");
    let line = "AWS_REGION is not set: set it to the region of the tables, such as eu-north-1";
    all_complain(&placed().without("AWS_REGION"), &[line]).await;

    let nobody = placed().without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    for (program, arguments) in PROGRAMS {
        let lines = complaint(nobody.run_program(program, arguments).await);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        let line = "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE";
        assert!(lines[0].starts_with(line), "{lines:#?}");
    }
}

#[tokio::test]
async fn what_aws_refuses_is_said_with_what_it_takes() {
    let wire = Wire::refusing(Traffic::Unrecognized).await;
    let installation = Installation::over(&wire.url, "000000000001");
    let line = "AWS does not accept the credentials (AWS_ACCESS_KEY_ID and the like): UnrecognizedClientException: \
                The security token included in the request is invalid.";
    all_complain(&installation, &[line]).await;

    wire.turn(Traffic::Denied);
    let tables = ["heartbeat-monitors", "heartbeat-api-keys", "heartbeat-events", "heartbeat-directory"];
    let mut lines =
        tables.map(|table| format!("the policy of these credentials does not allow dynamodb:DescribeTable on {table}"));
    lines[0] += ": User: arn:aws:iam::123456789012:user/heartbeat is not authorized to perform this action";
    all_complain(&installation, &lines.each_ref().map(String::as_str)).await;
}

#[tokio::test]
async fn mistakes_in_where_everything_is_kept_are_listed_with_the_others() {
    let installation = Installation::fresh()
        .with("HEARTBEAT_DB", "my.db")
        .with("MONITORS_TABLE", "monitors")
        .with("KEYS_TABLE", "no table")
        .with("PING_LOG", "some");
    let complaint = installation.run(&["serve"]).await.badly();
    for line in [
        "HEARTBEAT_STORE: HEARTBEAT_DB names a file and MONITORS_TABLE a table: say sqlite or dynamodb",
        "KEYS_TABLE: \"no table\" cannot be the name of a table: it has at least 3 of a-z A-Z 0-9 _ - .",
        "PING_LOG: it is all, notable or none, not \"some\"",
    ] {
        assert!(complaint.lines().any(|said| said.trim() == line), "{line} in\n{complaint}");
    }
    for program in [API, CHECKER] {
        let complaint = Installation::fresh().with("HEARTBEAT_STORE", "sqlite").run_program(program, &[]).await.badly();
        assert!(complaint.contains("works on DynamoDB; for one file, run `heartbeat serve`"), "{complaint}");
        let help = Installation::fresh().run_program(program, &["--help"]).await.well();
        assert!(help.contains("MONITORS_TABLE") && help.contains("AWS_REGION"), "{help}");
    }
}
