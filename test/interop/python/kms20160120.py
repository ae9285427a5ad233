"""Calls KMS through alibabacloud_kms20160120 (ACS3) and prints what came back as one JSON object by name."""

import asyncio
import base64
import json
import os

from alibabacloud_kms20160120.client import Client
from alibabacloud_kms20160120 import models
from alibabacloud_tea_openapi.models import Config

KEY_ID = os.environ["KAAP_KEY_ID"]
SECRET_NAME = os.environ["KAAP_SECRET_NAME"]
PLAINTEXT = base64.b64encode(b"plain").decode()
CONTEXT = {"purpose": "interop", "a b": "*~!()' \u4e2d"}


def new_client(secret):
    return Client(
        Config(
            access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
            access_key_secret=secret,
            region_id="local",
            endpoint=os.environ["KAAP_ENDPOINT"].removeprefix("https://"),
            protocol="HTTPS",
            ca=os.environ["KAAP_CA_FILE"],
        )
    )


def error_of(call):
    """Code and status of the error that a call raises."""
    try:
        call()
    except Exception as error:  # The SDK's classes differ between its releases; code and status do not.
        return {
            "error": getattr(error, "code", type(error).__name__),
            "status": getattr(error, "status_code", None) or getattr(error, "statusCode", None),
        }
    return {"error": None}


def round_trip(client):
    request = models.EncryptRequest(key_id=KEY_ID, plaintext=PLAINTEXT, encryption_context=CONTEXT)
    blob = client.encrypt(request).body.ciphertext_blob
    opened = client.decrypt(models.DecryptRequest(ciphertext_blob=blob, encryption_context=CONTEXT)).body
    other = models.DecryptRequest(ciphertext_blob=blob, encryption_context={"purpose": "other"})
    return opened.plaintext == PLAINTEXT, error_of(lambda: client.decrypt(other))


def data_key(client):
    made = client.generate_data_key(models.GenerateDataKeyRequest(key_id=KEY_ID, key_spec="AES_256")).body
    opened = client.decrypt(models.DecryptRequest(ciphertext_blob=made.ciphertext_blob)).body
    return opened.plaintext == made.plaintext


def managed_data_key(client, **choice):
    name = os.environ["KAAP_DATA_KEY_NAME"]
    return client.get_managed_data_key(models.GetManagedDataKeyRequest(data_key_name=name, **choice)).body.to_map()


def managed_data_key_versions(client):
    request = models.ListManagedDataKeyVersionsRequest(data_key_name=os.environ["KAAP_DATA_KEY_NAME"], page_size=10)
    return client.list_managed_data_key_versions(request).body.to_map()


def tags(client):
    tag = models.TagResourcesRequestTag(key="python", value="a b")
    client.tag_resources(
        models.TagResourcesRequest(region_id="local", resource_type="key", resource_id=[KEY_ID], tag=[tag])
    )
    listed = client.list_tag_resources(
        models.ListTagResourcesRequest(region_id="local", resource_type="key", resource_id=[KEY_ID])
    ).body.to_map()
    return listed["TagResources"]["TagResource"]


async def secret_value(client):
    answer = await client.get_secret_value_async(models.GetSecretValueRequest(secret_name=SECRET_NAME))
    return answer.body.to_map()


def main():
    client = new_client(os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"])
    opens, other = round_trip(client)
    created = client.create_key(models.CreateKeyRequest(description="interop (1) + *~!'")).body
    missing = models.DescribeKeyRequest(key_id="00000000-0000-4000-8000-000000000000")
    dry = models.EncryptRequest(key_id=KEY_ID, plaintext=PLAINTEXT, dry_run="true")
    wrong = new_client("wrong")
    found = {
        "Encrypt and Decrypt": opens,
        "Decrypt with another context": other,
        "GenerateDataKey": data_key(client),
        "CreateKey": created.key_metadata.to_map(),
        "GetSecretValue": client.get_secret_value(models.GetSecretValueRequest(secret_name=SECRET_NAME)).body.to_map(),
        "GetSecretValue, asynchronous": asyncio.run(secret_value(client)),
        "GetManagedDataKey": managed_data_key(client),
        "GetManagedDataKey, latest": managed_data_key(client, use_latest=True),
        "GetManagedDataKey of no version": error_of(lambda: managed_data_key(client, data_key_version_id="x")),
        "ListManagedDataKeyVersions": managed_data_key_versions(client),
        "ListTagResources": tags(client),
        "ListClientKeys": len(client.list_client_keys(models.ListClientKeysRequest(aap_name="dev")).body.client_keys),
        "DescribeKey of no key": error_of(lambda: client.describe_key(missing)),
        "a dry run": error_of(lambda: client.encrypt(dry)),
        "a wrong secret": error_of(wrong.describe_regions),
    }
    print(json.dumps(found))


main()
