package main

import (
	"bytes"

	"github.com/alibabacloud-go/tea/tea"
	kms "github.com/aliyun/alibabacloud-dkms-gcs-go-sdk/sdk"
)

func encrypt(client *kms.Client, found answers) {
	sealed, err := client.Encrypt(&kms.EncryptRequest{KeyId: &keyId, Plaintext: plaintext, Aad: aad})
	if err != nil {
		found.keep("Encrypt", nil, err)
		return
	}
	found["Encrypt"] = map[string]any{
		"keyId": sealed.KeyId, "ivBytes": len(sealed.Iv), "algorithm": sealed.Algorithm, "requestId": sealed.RequestId,
	}
	open := kms.DecryptRequest{
		KeyId: &keyId, CiphertextBlob: sealed.CiphertextBlob, Iv: sealed.Iv, Algorithm: sealed.Algorithm, Aad: aad,
	}
	opened, err := client.Decrypt(&open)
	found.keep("Decrypt", err == nil && bytes.Equal(opened.Plaintext, plaintext), err)
	open.Aad = []byte("other")
	_, err = client.Decrypt(&open)
	found.keep("Decrypt with another AAD", nil, err)
	advanceEncrypt(client, found)
}

func advanceEncrypt(client *kms.Client, found answers) {
	sealed, err := client.AdvanceEncrypt(&kms.AdvanceEncryptRequest{KeyId: &keyId, Plaintext: plaintext, Aad: aad})
	if err != nil {
		found.keep("AdvanceEncrypt", nil, err)
		return
	}
	found["AdvanceEncrypt"] = map[string]any{
		"keyId": sealed.KeyId, "ivBytes": len(sealed.Iv), "algorithm": sealed.Algorithm,
		"prefix": sealed.CiphertextBlob[:3], "keyVersionId": string(sealed.CiphertextBlob[3:39]),
		"toldVersionId": sealed.KeyVersionId,
	}
	opened, err := client.AdvanceDecrypt(&kms.AdvanceDecryptRequest{CiphertextBlob: sealed.CiphertextBlob, Aad: aad})
	found.keep("AdvanceDecrypt", err == nil && bytes.Equal(opened.Plaintext, plaintext), err)
	_, err = client.AdvanceDecrypt(&kms.AdvanceDecryptRequest{CiphertextBlob: sealed.CiphertextBlob[:60], Aad: aad})
	found.keep("AdvanceDecrypt of a cut blob", nil, err)
}

func dataKeys(client *kms.Client, found answers) {
	made, err := client.GenerateDataKey(&kms.GenerateDataKeyRequest{KeyId: &keyId, NumberOfBytes: tea.Int32(64), Aad: aad})
	if err != nil {
		found.keep("GenerateDataKey", nil, err)
		return
	}
	opened, err := client.Decrypt(&kms.DecryptRequest{
		KeyId: &keyId, CiphertextBlob: made.CiphertextBlob, Iv: made.Iv, Algorithm: made.Algorithm, Aad: aad,
	})
	found.keep("GenerateDataKey", map[string]any{
		"bytes": len(made.Plaintext), "opens": err == nil && bytes.Equal(opened.Plaintext, made.Plaintext),
	}, err)

	advanced, err := client.AdvanceGenerateDataKey(
		&kms.AdvanceGenerateDataKeyRequest{KeyId: &keyId, NumberOfBytes: tea.Int32(32), Aad: aad})
	if err != nil {
		found.keep("AdvanceGenerateDataKey", nil, err)
		return
	}
	again, err := client.AdvanceDecrypt(&kms.AdvanceDecryptRequest{CiphertextBlob: advanced.CiphertextBlob, Aad: aad})
	found.keep("AdvanceGenerateDataKey", map[string]any{
		"bytes": len(advanced.Plaintext), "opens": err == nil && bytes.Equal(again.Plaintext, advanced.Plaintext),
	}, err)
}
