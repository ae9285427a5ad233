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


PAIR = {"key_id": KEY_ID, "key_pair_spec": "EC_P256", "key_format": "PEM"}
PRIVATE_KEY = b"-----BEGIN PRIVATE KEY-----"


def opened_pair(client, pair):
    """The private key of a pair that GenerateDataKeyPair made."""
    request = models.DecryptRequest(
        key_id=KEY_ID, ciphertext_blob=pair.private_key_ciphertext_blob, iv=pair.iv, algorithm=pair.algorithm
    )
    return client.decrypt(request).plaintext


def key_pairs(client):
    """Makes a key pair with and without its plaintext; both private keys open again."""
    made = client.generate_data_key_pair(models.GenerateDataKeyPairRequest(algorithm="AES_GCM", **PAIR))
    sealed = client.generate_data_key_pair_without_plaintext(
        models.GenerateDataKeyPairWithoutPlaintextRequest(algorithm="AES_GCM", **PAIR)
    )
    same = opened_pair(client, made) == made.private_key_plaintext
    return same and opened_pair(client, sealed).startswith(PRIVATE_KEY)


def advance_key_pairs(client):
    """The same with blobs that tell their key version."""
    made = client.advance_generate_data_key_pair(models.AdvanceGenerateDataKeyPairRequest(**PAIR))
    sealed = client.advance_generate_data_key_pair_without_plaintext(
        models.AdvanceGenerateDataKeyPairWithoutPlaintextRequest(**PAIR)
    )
    opened = [
        client.advance_decrypt(models.AdvanceDecryptRequest(ciphertext_blob=pair.private_key_ciphertext_blob)).plaintext
        for pair in (made, sealed)
    ]
    return opened[0] == made.private_key_plaintext and opened[1].startswith(PRIVATE_KEY)


def main():
    client = new_client()
    secret = client.get_secret_value(models.GetSecretValueRequest(secret_name=SECRET_NAME))
    found = {
        "Encrypt and Decrypt": encrypt(client),
        "AdvanceEncrypt and AdvanceDecrypt": advance_encrypt(client),
        "GenerateDataKey and AdvanceGenerateDataKey": data_keys(client),
        "GenerateDataKeyPair": key_pairs(client),
        "AdvanceGenerateDataKeyPair": advance_key_pairs(client),
        "GenerateRandom": len(client.generate_random(models.GenerateRandomRequest(length=48)).random) == 48,
        "GetSecretValue": {"data": secret.secret_data, "version": secret.version_id, "stages": list(secret.version_stages)},
        "another secret": error_of(client.get_secret_value, models.GetSecretValueRequest(secret_name="dev/none")),
    }
    print(json.dumps(found))


main()
