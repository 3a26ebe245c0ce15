# The account that the tests are in: none.

mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws" }
}

mock_data "aws_region" {
  defaults = { region = "eu-north-1" }
}

# ARNs that look like ARNs: what refers to them is checked.

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
}

mock_resource "aws_iam_policy" {
  defaults = { arn = "arn:aws:iam::123456789012:policy/mock" }
}

mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:eu-north-1:123456789012:mock" }
}

mock_resource "aws_rolesanywhere_trust_anchor" {
  defaults = { arn = "arn:aws:rolesanywhere:eu-north-1:123456789012:trust-anchor/mock" }
}

mock_resource "aws_rolesanywhere_profile" {
  defaults = { arn = "arn:aws:rolesanywhere:eu-north-1:123456789012:profile/mock" }
}
