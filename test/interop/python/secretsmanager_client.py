"""Reads a secret through aliyun-secret-manager-client by client key (protobuf); prints the outcomes as one JSON object."""

import json
import os

from alibaba_cloud_secretsmanager_client.model.dkms_config import DKmsConfig
from alibaba_cloud_secretsmanager_client.secret_manager_cache_client_builder import SecretManagerCacheClientBuilder
from alibaba_cloud_secretsmanager_client.service.default_secret_manager_client_builder import (
    DefaultSecretManagerClientBuilder,
)
from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException


def new_config():
    config = DKmsConfig(ca_file_path=os.environ["KAAP_CA_FILE"])
    config.protocol = "https"
    config.region_id = "local"
    config.endpoint = os.environ["KAAP_ENDPOINT"].removeprefix("https://")
    config.client_key_file = os.environ["KAAP_CLIENT_KEY_FILE"]
    config.password = os.environ["KAAP_CLIENT_KEY_PASSWORD"]
    return config


def read(name):
    client = DefaultSecretManagerClientBuilder.standard().add_dkms_config(new_config()).build()
    cache = SecretManagerCacheClientBuilder.new_cache_client_builder(client).build()
    try:
        secret = cache.get_secret_info(name)
        return {"value": secret.secret_value, "version": secret.version_id}
    except (ServerException, ClientException) as error:
        return {"error": error.get_error_code()}
    finally:
        cache.close()


def main():
    found = {"client key": read(os.environ["KAAP_SECRET_NAME"]), "another secret by client key": read("dev/none")}
    print(json.dumps(found), flush=True)
    os._exit(0)  # the library leaves its refresh threads running


main()
