"""Reads secrets through alibabacloud-secretsmanager-client-v2 by access key (ACS3); prints the outcomes as one JSON object."""

import json
import logging
import os

from alibabacloud_kms20160120 import models
from alibabacloud_kms20160120.client import Client
from alibabacloud_secretsmanager_client_v2.secret_manager_cache_client_builder import SecretManagerCacheClientBuilder
from alibabacloud_secretsmanager_client_v2.service.default_secret_manager_client_builder import (
    DefaultSecretManagerClientBuilder,
)
from alibabacloud_tea_openapi.models import Config
from Tea.exceptions import TeaException

logging.disable(logging.CRITICAL)  # the library logs every refusal with its stack


def config():
    return Config(
        access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        access_key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        region_id="local",
        endpoint=os.environ["KAAP_ENDPOINT"].removeprefix("https://"),
        protocol="https",
        ca=os.environ["KAAP_CA_FILE"],
    )


def make(name, value, data_type):
    request = models.CreateSecretRequest(
        secret_name=name,
        version_id="v1",
        secret_data=value,
        secret_data_type=data_type,
        encryption_key_id=os.environ["KAAP_KEY_ID"],
        dkmsinstance_id=os.environ["KAAP_INSTANCE_ID"],
    )
    Client(config()).create_secret(request)


def put(name, value):
    request = models.PutSecretValueRequest(secret_name=name, version_id="v2", secret_data=value)
    Client(config()).put_secret_value(request)


def of(secret):
    return {"value": secret.secret_value, "version": secret.version_id, "type": secret.secret_data_type}


def refused(cache, name):
    try:
        return of(cache.get_secret_info(name))
    except TeaException as error:
        return {"error": error.code}


def main():
    make("interop/client-v2", "one", "text")
    make("interop/client-v2-binary", "AP8=", "binary")
    client = DefaultSecretManagerClientBuilder.standard().add_config(config()).build()
    cache = SecretManagerCacheClientBuilder.new_cache_client_builder(client).build()
    found = {"first": of(cache.get_secret_info("interop/client-v2"))}
    found["text"] = cache.get_secret_value(os.environ["KAAP_SECRET_NAME"])
    # get_binary_value ends with a TypeError in 2.0.0: bytebuffer takes a bytearray only, and is given bytes.
    found["binary"] = of(cache.get_secret_info("interop/client-v2-binary"))
    put("interop/client-v2", "two")
    found["from the cache"] = of(cache.get_secret_info("interop/client-v2"))
    found["refreshed"] = cache.refresh_now("interop/client-v2") and of(cache.get_secret_info("interop/client-v2"))
    found["a secret that is not there"] = refused(cache, "interop/none")
    print(json.dumps(found), flush=True)
    os._exit(0)  # the library leaves its refresh threads running


main()
