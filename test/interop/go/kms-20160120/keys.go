package main

import (
	"encoding/base64"
	"os"

	kms "github.com/alibabacloud-go/kms-20160120/v3/client"
	"github.com/alibabacloud-go/tea/tea"
)

var (
	keyId     = tea.String(os.Getenv("KAAP_KEY_ID"))
	plaintext = tea.String(base64.StdEncoding.EncodeToString([]byte("plain")))
	context   = map[string]any{"purpose": "interop", "a b": "*~!()' 中"}
)

func keys(client *kms.Client, found answers) {
	made, err := client.CreateKey(&kms.CreateKeyRequest{
		Description: tea.String("interop (1) + *~!'"), KeySpec: tea.String("Aliyun_AES_256"),
	})
	if err != nil {
		found.keep("CreateKey", nil, err)
		return
	}
	found["CreateKey"] = made.Body.KeyMetadata
	own := made.Body.KeyMetadata.KeyId
	_, err = client.CreateAlias(&kms.CreateAliasRequest{KeyId: own, AliasName: tea.String("alias/interop-go")})
	found.keep("CreateAlias", err == nil, err)
	described, err := client.DescribeKey(&kms.DescribeKeyRequest{KeyId: tea.String("alias/interop-go")})
	found.keep("DescribeKey by alias", err == nil && *described.Body.KeyMetadata.KeyId == *own, err)
	listed, err := client.ListKeys(&kms.ListKeysRequest{PageNumber: tea.Int32(1), PageSize: tea.Int32(100)})
	found.keep("ListKeys", err == nil && int(*listed.Body.TotalCount) == len(listed.Body.Keys.Key), err)
	crypt(client, found)
	_, err = client.DisableKey(&kms.DisableKeyRequest{KeyId: own})
	found.keep("DisableKey", err == nil, err)
	_, err = client.Encrypt(&kms.EncryptRequest{KeyId: own, Plaintext: plaintext})
	found.keep("Encrypt with a disabled key", nil, err)
	_, err = client.ScheduleKeyDeletion(&kms.ScheduleKeyDeletionRequest{KeyId: own, PendingWindowInDays: tea.Int32(7)})
	found.keep("ScheduleKeyDeletion", err == nil, err)
}

func crypt(client *kms.Client, found answers) {
	sealed, err := client.Encrypt(&kms.EncryptRequest{KeyId: keyId, Plaintext: plaintext, EncryptionContext: context})
	if err != nil {
		found.keep("Encrypt", nil, err)
		return
	}
	open := &kms.DecryptRequest{CiphertextBlob: sealed.Body.CiphertextBlob, EncryptionContext: context}
	opened, err := client.Decrypt(open)
	found.keep("Encrypt and Decrypt", err == nil && *opened.Body.Plaintext == *plaintext, err)
	open.EncryptionContext = map[string]any{"purpose": "other"}
	_, err = client.Decrypt(open)
	found.keep("Decrypt with another context", nil, err)
	data, err := client.GenerateDataKey(&kms.GenerateDataKeyRequest{KeyId: keyId, NumberOfBytes: tea.Int32(48)})
	if err != nil {
		found.keep("GenerateDataKey", nil, err)
		return
	}
	again, err := client.Decrypt(&kms.DecryptRequest{CiphertextBlob: data.Body.CiphertextBlob})
	found.keep("GenerateDataKey", err == nil && *again.Body.Plaintext == *data.Body.Plaintext, err)
	moved, err := client.ReEncrypt(&kms.ReEncryptRequest{
		CiphertextBlob: sealed.Body.CiphertextBlob, SourceEncryptionContext: context, DestinationKeyId: keyId,
	})
	found.keep("ReEncrypt", err == nil && *moved.Body.KeyId == *keyId, err)
}
