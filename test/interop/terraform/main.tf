# The resources and data sources of Alibaba's provider for Key Management Service. Left out: alicloud_kms_instance, which
# orders an instance of the cloud, and alicloud_kms_key_version, which KMS refuses for a key younger than seven days. Addresses and credentials come from the environment: see docs/guides/clients.md.
terraform {
  required_providers {
    alicloud = {
      source = "aliyun/alicloud"
    }
  }
}

provider "alicloud" {
  region                 = "local"
  skip_region_validation = true
  account_type           = "Domestic"
}

variable "instance" {
  type = string
}

variable "description" {
  type    = string
  default = "made by Terraform"
}

variable "secret_data" {
  type      = string
  sensitive = true
  default   = "first"
}

variable "secret_version" {
  type    = string
  default = "v1"
}

variable "client_key_file" {
  type = string
}

resource "alicloud_kms_key" "orders" {
  description            = var.description
  key_spec               = "Aliyun_AES_256"
  pending_window_in_days = 7
  dkms_instance_id       = var.instance
  tags = {
    team = "payments"
  }
}

resource "alicloud_kms_key" "rotated" {
  automatic_rotation     = "Enabled"
  rotation_interval      = "2592000s"
  pending_window_in_days = 7
}

resource "alicloud_kms_key" "signing" {
  key_spec               = "EC_P256"
  key_usage              = "SIGN/VERIFY"
  pending_window_in_days = 7
}

resource "alicloud_kms_alias" "orders" {
  alias_name = "alias/terraform-orders"
  key_id     = alicloud_kms_key.orders.id
}

resource "alicloud_kms_ciphertext" "orders" {
  key_id    = alicloud_kms_key.orders.id
  plaintext = base64encode("a value in the state")
  encryption_context = {
    order = "4711"
  }
}

resource "alicloud_kms_secret" "database" {
  secret_name                   = "terraform-database"
  secret_data                   = var.secret_data
  version_id                    = var.secret_version
  description                   = var.description
  encryption_key_id             = alicloud_kms_key.orders.id
  dkms_instance_id              = var.instance
  force_delete_without_recovery = true
  tags = {
    team = "payments"
  }
}

resource "alicloud_kms_network_rule" "office" {
  network_rule_name = "terraform-office"
  description       = var.description
  source_private_ip = ["10.0.0.0/8", "192.168.7.1"]
}

resource "alicloud_kms_policy" "orders" {
  policy_name     = "terraform-orders"
  description     = var.description
  kms_instance_id = var.instance
  permissions = [
    "RbacPermission/Template/CryptoServiceKeyUser",
    "RbacPermission/Template/CryptoServiceSecretUser",
  ]
  resources            = ["key/${alicloud_kms_key.orders.id}", "secret/${alicloud_kms_secret.database.secret_name}"]
  access_control_rules = jsonencode({ NetworkRules = [alicloud_kms_network_rule.office.network_rule_name] })
}

resource "alicloud_kms_application_access_point" "orders" {
  application_access_point_name = "terraform-orders"
  description                   = var.description
  policies                      = [alicloud_kms_policy.orders.policy_name]
}

resource "alicloud_kms_client_key" "orders" {
  aap_name              = alicloud_kms_application_access_point.orders.application_access_point_name
  password              = "Correct-Horse-7-Battery"
  not_before            = "2026-01-01T00:00:00Z"
  not_after             = "2036-01-01T00:00:00Z"
  private_key_data_file = var.client_key_file
}

data "alicloud_kms_keys" "enabled" {
  ids            = [alicloud_kms_key.orders.id]
  status         = "Enabled"
  enable_details = true
}

data "alicloud_kms_aliases" "all" {
  ids = [alicloud_kms_alias.orders.id]
}

data "alicloud_kms_key_versions" "rotated" {
  key_id = alicloud_kms_key.rotated.id
}

data "alicloud_kms_secrets" "database" {
  ids            = [alicloud_kms_secret.database.id]
  enable_details = true
  fetch_tags     = true
}

data "alicloud_kms_secret_versions" "database" {
  secret_name    = alicloud_kms_secret.database.secret_name
  enable_details = true
}

data "alicloud_kms_plaintext" "orders" {
  ciphertext_blob = alicloud_kms_ciphertext.orders.ciphertext_blob
  encryption_context = {
    order = "4711"
  }
}

output "plaintext" {
  value = base64decode(data.alicloud_kms_plaintext.orders.plaintext)
}

output "key" {
  value = data.alicloud_kms_keys.enabled.keys[0]
}

output "aliases" {
  value = data.alicloud_kms_aliases.all.names
}

output "key_versions" {
  value = length(data.alicloud_kms_key_versions.rotated.versions)
}

output "secret" {
  value     = data.alicloud_kms_secrets.database.secrets[0]
  sensitive = true
}

output "secret_versions" {
  value     = data.alicloud_kms_secret_versions.database.versions
  sensitive = true
}
