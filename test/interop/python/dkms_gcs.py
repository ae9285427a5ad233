"""Calls the instance gateway through alibabacloud-dkms-gcs with a client key; prints the outcomes as one JSON object."""

import json
import os

from openapi.models import Config
from Tea.exceptions import TeaException
from sdk import models
from sdk.client import Client

KEY_ID = os.environ["KAAP_KEY_ID"]
SECRET_NAME = os.environ["KAAP_SECRET_NAME"]
PLAINTEXT = b"plain \x00\xff"
AAD = bytes([0, 1, 2, 255])


def new_client():
    return Client(
        Config(
            protocol="https",
            endpoint=os.environ["KAAP_ENDPOINT"].removeprefix("https://"),
            client_key_file=os.environ["KAAP_CLIENT_KEY_FILE"],
            password=os.environ["KAAP_CLIENT_KEY_PASSWORD"],
            ca_file_path=os.environ["KAAP_CA_FILE"],
        )
    )


def error_of(call, request):
    """Code of the error that a call raises."""
    try:
        call(request)
    except TeaException as error:
        return {"error": error.code}
    return {"error": None}


def encrypt(client):
    sealed = client.encrypt(models.EncryptRequest(key_id=KEY_ID, plaintext=PLAINTEXT, aad=AAD))
    opened = client.decrypt(
        models.DecryptRequest(
            key_id=KEY_ID, ciphertext_blob=sealed.ciphertext_blob, iv=sealed.iv, algorithm=sealed.algorithm, aad=AAD
        )
    )
    return opened.plaintext == PLAINTEXT


def advance_encrypt(client):
    sealed = client.advance_encrypt(models.AdvanceEncryptRequest(key_id=KEY_ID, plaintext=PLAINTEXT, aad=AAD))
    opened = client.advance_decrypt(models.AdvanceDecryptRequest(ciphertext_blob=sealed.ciphertext_blob, aad=AAD))
    return opened.plaintext == PLAINTEXT


def data_keys(client):
    made = client.generate_data_key(models.GenerateDataKeyRequest(key_id=KEY_ID, number_of_bytes=32))
    advanced = client.advance_generate_data_key(
        models.AdvanceGenerateDataKeyRequest(key_id=KEY_ID, number_of_bytes=32)
    )
    opened = client.advance_decrypt(models.AdvanceDecryptRequest(ciphertext_blob=advanced.ciphertext_blob))
    return len(made.plaintext) == 32 and opened.plaintext == advanced.plaintext


def main():
    client = new_client()
    secret = client.get_secret_value(models.GetSecretValueRequest(secret_name=SECRET_NAME))
    found = {
        "Encrypt and Decrypt": encrypt(client),
        "AdvanceEncrypt and AdvanceDecrypt": advance_encrypt(client),
        "GenerateDataKey and AdvanceGenerateDataKey": data_keys(client),
        "GenerateRandom": len(client.generate_random(models.GenerateRandomRequest(length=48)).random) == 48,
        "GetSecretValue": {"data": secret.secret_data, "version": secret.version_id, "stages": list(secret.version_stages)},
        "another secret": error_of(client.get_secret_value, models.GetSecretValueRequest(secret_name="dev/none")),
    }
    print(json.dumps(found))


main()
