# For tfcheck, which plans and applies to nothing, without an account: everything switched on, nothing real. The secrets stay
# unset, for a saved plan does not carry them.
alert_email                = "you@example.com"
region                     = "eu-north-1"
api_function               = true
on_premises_user           = true
canary_api_key_version     = 1
on_premises_ca_certificate = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"
# Any file does: nothing is uploaded.
checker_zip = "main.tf"
api_zip     = "main.tf"
