# What an API outside of AWS needs: this policy, on an identity of your choice. Optional: an IAM user, whose access key you
# make yourself (README.md), or Roles Anywhere, where a certificate of your CA takes the place of a key.

locals {
  has_ca = var.on_premises_ca_certificate != null
}

resource "aws_iam_policy" "on_premises" {
  name        = "${var.name_prefix}-on-premises-api"
  description = "What the Heartbeat API does with its tables, and the secrets of channels"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.api_statements
  })
}

resource "aws_iam_user" "on_premises" {
  #checkov:skip=CKV_AWS_273:For machines without another way in; Roles Anywhere is the other choice
  count = var.on_premises_user ? 1 : 0

  name = "${var.name_prefix}-on-premises-api"
  # Access keys are made outside of Terraform; they must not keep it from deleting the user.
  force_destroy = true
}

resource "aws_iam_group" "on_premises" {
  count = var.on_premises_user ? 1 : 0

  name = "${var.name_prefix}-on-premises-api"
}

resource "aws_iam_group_policy_attachment" "on_premises" {
  count = var.on_premises_user ? 1 : 0

  group      = aws_iam_group.on_premises[0].name
  policy_arn = aws_iam_policy.on_premises.arn
}

resource "aws_iam_user_group_membership" "on_premises" {
  count = var.on_premises_user ? 1 : 0

  user   = aws_iam_user.on_premises[0].name
  groups = [aws_iam_group.on_premises[0].name]
}

resource "aws_rolesanywhere_trust_anchor" "on_premises" {
  count = local.has_ca ? 1 : 0

  name    = "${var.name_prefix}-on-premises-api"
  enabled = true

  source {
    source_type = "CERTIFICATE_BUNDLE"

    source_data {
      x509_certificate_data = var.on_premises_ca_certificate
    }
  }
}

resource "aws_rolesanywhere_profile" "on_premises" {
  count = local.has_ca ? 1 : 0

  name      = "${var.name_prefix}-on-premises-api"
  enabled   = true
  role_arns = [aws_iam_role.on_premises[0].arn]
}

resource "aws_iam_role" "on_premises" {
  count = local.has_ca ? 1 : 0

  name        = "${var.name_prefix}-on-premises-api"
  description = "The Heartbeat API outside of AWS, by its certificate"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
      Principal = { Service = "rolesanywhere.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:PrincipalTag/x509Subject/CN" = var.on_premises_common_name }
        ArnEquals    = { "aws:SourceArn" = aws_rolesanywhere_trust_anchor.on_premises[0].arn }
      }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "on_premises" {
  count = local.has_ca ? 1 : 0

  role       = aws_iam_role.on_premises[0].name
  policy_arn = aws_iam_policy.on_premises.arn
}
