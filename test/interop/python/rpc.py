"""Calls KMS through aliyun-python-sdk-kms (RPC V1) and prints what came back as one JSON object by name."""

import base64
import json
import os
from urllib.parse import urlsplit

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkkms.request.v20160120.CreateKeyRequest import CreateKeyRequest
from aliyunsdkkms.request.v20160120.DecryptRequest import DecryptRequest
from aliyunsdkkms.request.v20160120.DescribeKeyRequest import DescribeKeyRequest
from aliyunsdkkms.request.v20160120.EncryptRequest import EncryptRequest
from aliyunsdkkms.request.v20160120.GetSecretValueRequest import GetSecretValueRequest
from aliyunsdkkms.request.v20160120.ListKeysRequest import ListKeysRequest

SERVER = urlsplit(os.environ["KAAP_ENDPOINT"])
PLAINTEXT = base64.b64encode(b"plain").decode()
CONTEXT = json.dumps({"a b": "*~!()' \u4e2d"})


def new_client(secret):
    return AcsClient(
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        secret,
        "local",
        port=SERVER.port,
        verify=os.environ["KAAP_CA_FILE"],
        auto_retry=False,
    )


def call(client, request, **parameters):
    request.set_endpoint(SERVER.hostname)
    request.set_accept_format("json")
    for name, value in parameters.items():
        getattr(request, "set_" + name)(value)
    return json.loads(client.do_action_with_exception(request))


def error_of(client, request, **parameters):
    """Code and status of the error that a call raises."""
    try:
        call(client, request, **parameters)
    except ServerException as error:
        return {"error": error.get_error_code(), "status": error.get_http_status()}
    return {"error": None}


def main():
    client = new_client(os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"])
    key = os.environ["KAAP_KEY_ID"]
    sealed = call(client, EncryptRequest(), KeyId=key, Plaintext=PLAINTEXT, EncryptionContext=CONTEXT)
    blob = sealed["CiphertextBlob"]
    opened = call(client, DecryptRequest(), CiphertextBlob=blob, EncryptionContext=CONTEXT)
    listed = call(client, ListKeysRequest(), PageSize=100)
    found = {
        "Encrypt and Decrypt": opened["Plaintext"] == PLAINTEXT,
        "CreateKey": call(client, CreateKeyRequest(), Description="interop (1) + *~!'")["KeyMetadata"],
        "ListKeys": listed["TotalCount"] == len(listed["Keys"]["Key"]),
        "GetSecretValue": call(client, GetSecretValueRequest(), SecretName=os.environ["KAAP_SECRET_NAME"]),
        "DescribeKey of no key": error_of(
            client, DescribeKeyRequest(), KeyId="00000000-0000-4000-8000-000000000000"
        ),
        "Decrypt with another context": error_of(
            client, DecryptRequest(), CiphertextBlob=blob, EncryptionContext='{"a":"b"}'
        ),
        "a wrong secret": error_of(new_client("wrong"), DescribeKeyRequest(), KeyId=key),
    }
    print(json.dumps(found))


main()
