"""Reads our metrics, our queries and our alert rules as Prometheus does, with code that no one here wrote.

    python3 -I -S prometheus.py PACKAGES < asked.json > read.json

Asked: {"expositions": [text], "queries": [PromQL], "rules": YAML}. Read: the families of each text with their samples; of
each query, those of the rules last, the metrics that it selects, with each label that it names and whether a sample in the
texts has it. What cannot be parsed is an error of its query; what breaks the text format ends the program.
"""

import json
import re
import sys

sys.path.insert(0, sys.argv[1])

import yaml  # noqa: E402
from prometheus_client.parser import text_string_to_metric_families  # noqa: E402
from promql_parser import AggregateExpr, BinaryExpr, MatchOp, VectorSelector, parse, walk  # noqa: E402


def families(text):
    return [
        {
            "name": family.name,
            "type": family.type,
            "help": family.documentation,
            "samples": [{"name": sample.name, "labels": sample.labels} for sample in family.samples],
        }
        for family in text_string_to_metric_families(text)
    ]


def read_query(text, samples):
    try:
        tree = parse(text)
    except Exception as error:  # whatever the parser raises is its word on the query
        return {"query": text, "error": str(error), "metrics": [], "grouped_by": []}
    metrics, grouped_by = [], []

    def visit(node):
        if isinstance(node, VectorSelector):
            matchers = [read_matcher(node.name, matcher, samples) for matcher in node.matchers.matchers]
            metrics.append({"name": node.name, "matchers": matchers})
        if isinstance(node, AggregateExpr) and node.modifier:
            grouped_by.extend(node.modifier.labels)
        if isinstance(node, BinaryExpr) and node.modifier and node.modifier.matching:
            grouped_by.extend(node.modifier.matching.labels)

    walk(tree, visit)
    return {"query": text, "error": None, "metrics": metrics, "grouped_by": grouped_by}


def read_matcher(name, matcher, samples):
    pattern = matcher.value if matcher.op in (MatchOp.Re, MatchOp.NotRe) else re.escape(matcher.value)
    # What a variable of the dashboard stands for is chosen from what there is.
    parts = [] if "$" in matcher.value else pattern.split("|")
    there = [sample["labels"].get(matcher.name, "") for sample in samples if sample["name"] == name]
    matches = all(any(re.fullmatch(part, value) for value in there) for part in parts)
    return {"label": matcher.name, "text": str(matcher), "matches": matches}


def main():
    asked = json.load(sys.stdin)
    expositions = [families(text) for text in asked["expositions"]]
    samples = [sample for text in expositions for family in text for sample in family["samples"]]
    rules = [rule for group in yaml.safe_load(asked["rules"])["groups"] for rule in group["rules"]]
    for rule in rules:
        assert rule["alert"] and rule["labels"]["severity"] and rule["annotations"]["summary"], rule
    queries = asked["queries"] + [rule["expr"] for rule in rules]
    json.dump({"expositions": expositions, "queries": [read_query(query, samples) for query in queries]}, sys.stdout)


main()
