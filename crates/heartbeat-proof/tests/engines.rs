//! The engines that stand in for DynamoDB start, answer, tell the time, and end with the test that holds them.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test passes or it panics")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use heartbeat_proof::engines::Engine;
use serde_json::{Value, json};

#[test]
fn dynoxide_answers_with_json_and_the_time() {
    answers_with_json_and_the_time(&Engine::dynoxide());
}

#[test]
fn ministack_answers_with_json_and_the_time() {
    answers_with_json_and_the_time(&Engine::ministack());
}

#[test]
fn every_dynoxide_has_its_own_tables() {
    let (one, other) = (Engine::dynoxide(), Engine::dynoxide());
    let created = Connection::to(&one).call("CreateTable", &a_table("monitors"));
    assert!(created.is_ok(), "{created:?}");
    assert_eq!(tables(&one), json!(["monitors"]));
    assert_eq!(tables(&other), json!([]));
}

#[test]
fn the_end_of_a_test_is_the_end_of_its_engine() {
    let engine = Engine::dynoxide();
    let mut connection = Connection::to(&engine);
    assert!(connection.call("ListTables", &json!({})).is_ok());
    drop(engine);
    assert!(connection.has_ended());
}

fn answers_with_json_and_the_time(engine: &Engine) {
    let answer = Connection::to(engine).call("ListTables", &json!({})).expect("an answer");
    assert_eq!(answer.status, "HTTP/1.1 200");
    // The store learns the skew of its clock from it.
    assert!(answer.has_header("date"), "{:?}", answer.headers);
    assert!(answer.body["TableNames"].is_array(), "{}", answer.body);
}

fn tables(engine: &Engine) -> Value {
    Connection::to(engine).call("ListTables", &json!({})).expect("an answer").body["TableNames"].take()
}

fn a_table(name: &str) -> Value {
    json!({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
    })
}

/// As little of HTTP/1.1 as the question needs: the SDK is proven elsewhere, here the engines are.
struct Connection(BufReader<TcpStream>);

#[derive(Debug)]
struct Answer {
    status: String,
    headers: Vec<String>,
    body: Value,
}

impl Connection {
    fn to(engine: &Engine) -> Self {
        let address = engine.url().strip_prefix("http://").expect("a URL of plain HTTP");
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        Self(BufReader::new(TcpStream::connect(address).expect("a connection")))
    }

    fn call(&mut self, operation: &str, question: &Value) -> std::io::Result<Answer> {
        let body = question.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\
             x-amz-target: DynamoDB_20120810.{operation}\r\nx-amz-date: 20260101T000000Z\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=0\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> std::io::Result<Answer> {
        let lines = self.0.by_ref().lines().take_while(|line| !matches!(line, Ok(line) if line.is_empty()));
        let mut headers = lines.collect::<Result<Vec<String>, _>>()?;
        let status = headers.remove(0).chars().take("HTTP/1.1 200".len()).collect();
        let length = headers.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.expect("a length")];
        self.0.read_exact(&mut body)?;
        Ok(Answer { status, headers, body: serde_json::from_slice(&body)? })
    }

    fn has_ended(&mut self) -> bool {
        let mut rest = Vec::new();
        // Closed, or reset: never a silence.
        matches!(self.0.read_to_end(&mut rest), Ok(0) | Err(_))
    }
}

impl Answer {
    fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|line| line.to_lowercase().starts_with(&format!("{name}: ")))
    }
}
