package main

import (
	"os"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/kms"
)

func keys(client *kms.Client, found answers) {
	create := kms.CreateCreateKeyRequest()
	create.Description = "interop (1) + *~!'"
	made, err := client.CreateKey(create)
	found.keep("CreateKey", made.KeyMetadata, err)
	describe := kms.CreateDescribeKeyRequest()
	describe.KeyId = keyId
	described, err := client.DescribeKey(describe)
	found.keep("DescribeKey", err == nil && described.KeyMetadata.KeyId == keyId, err)
	list := kms.CreateListKeysRequest()
	list.PageSize = requests.NewInteger(100)
	listed, err := client.ListKeys(list)
	found.keep("ListKeys", err == nil && listed.TotalCount == len(listed.Keys.Key), err)
	tag := kms.CreateTagResourcesRequest()
	tag.ResourceType, tag.ResourceId = "key", &[]string{keyId}
	tag.Tag = &[]kms.TagResourcesTag{{Key: "owner", Value: "a b"}}
	_, err = client.TagResources(tag)
	found.keep("TagResources", err == nil, err)
	tags := kms.CreateListTagResourcesRequest()
	tags.ResourceType, tags.ResourceId = "key", &[]string{keyId}
	tagged, err := client.ListTagResources(tags)
	found.keep("ListTagResources", tagged.TagResources.TagResource, err)
}

func crypt(client *kms.Client, found answers) {
	encrypt := kms.CreateEncryptRequest()
	encrypt.KeyId, encrypt.Plaintext, encrypt.EncryptionContext = keyId, plaintext, `{"a b":"*~!()' 中"}`
	sealed, err := client.Encrypt(encrypt)
	if err != nil {
		found.keep("Encrypt", nil, err)
		return
	}
	decrypt := kms.CreateDecryptRequest()
	decrypt.CiphertextBlob, decrypt.EncryptionContext = sealed.CiphertextBlob, encrypt.EncryptionContext
	opened, err := client.Decrypt(decrypt)
	found.keep("Encrypt and Decrypt", err == nil && opened.Plaintext == plaintext, err)
	data := kms.CreateGenerateDataKeyRequest()
	data.KeyId, data.KeySpec = keyId, "AES_128"
	made, err := client.GenerateDataKey(data)
	found.keep("GenerateDataKey", err == nil && len(made.Plaintext) == 24, err)
}

func secrets(client *kms.Client, found answers) {
	get := kms.CreateGetSecretValueRequest()
	get.SecretName, get.FetchExtendedConfig = os.Getenv("KAAP_SECRET_NAME"), requests.NewBoolean(true)
	read, err := client.GetSecretValue(get)
	found.keep("GetSecretValue", map[string]any{
		"data": read.SecretData, "version": read.VersionId, "stages": read.VersionStages.VersionStage,
	}, err)
	list := kms.CreateListSecretsRequest()
	list.FetchTags = "true"
	listed, err := client.ListSecrets(list)
	found.keep("ListSecrets", err == nil && len(listed.SecretList.Secret) == listed.TotalCount, err)
}

func refused(client *kms.Client, found answers) {
	describe := kms.CreateDescribeKeyRequest()
	describe.KeyId = "00000000-0000-4000-8000-000000000000"
	_, err := client.DescribeKey(describe)
	found.keep("DescribeKey of no key", nil, err)
	_, err = newClient("wrong").DescribeRegions(kms.CreateDescribeRegionsRequest())
	found.keep("a wrong secret", nil, err)
}
