package main

import (
	"bytes"

	"github.com/alibabacloud-go/tea/tea"
	kms "github.com/aliyun/alibabacloud-dkms-gcs-go-sdk/sdk"
)

var (
	pemHead    = []byte("-----BEGIN PRIVATE KEY-----")
	pairSpec   = tea.String("RSA_2048")
	pairFormat = tea.String("PEM")
)

// pairs generates a key pair in each of the four ways, and opens its private key again.
func pairs(client *kms.Client, found answers) {
	made, err := client.GenerateDataKeyPair(&kms.GenerateDataKeyPairRequest{
		KeyId: &keyId, KeyPairSpec: pairSpec, KeyFormat: pairFormat, Algorithm: tea.String("AES_GCM"),
	})
	if err != nil {
		found.keep("GenerateDataKeyPair", nil, err)
		return
	}
	found["GenerateDataKeyPair"] = bytes.Equal(made.PrivateKeyPlaintext, open(client, made.PrivateKeyCiphertextBlob, made.Iv))
	sealed, err := client.GenerateDataKeyPairWithoutPlaintext(&kms.GenerateDataKeyPairWithoutPlaintextRequest{
		KeyId: &keyId, KeyPairSpec: pairSpec, KeyFormat: pairFormat, Algorithm: tea.String("AES_GCM"),
	})
	found.keep("GenerateDataKeyPairWithoutPlaintext",
		err == nil && bytes.HasPrefix(open(client, sealed.PrivateKeyCiphertextBlob, sealed.Iv), pemHead), err)
	advancePairs(client, found)
}

func advancePairs(client *kms.Client, found answers) {
	made, err := client.AdvanceGenerateDataKeyPair(&kms.AdvanceGenerateDataKeyPairRequest{
		KeyId: &keyId, KeyPairSpec: pairSpec, KeyFormat: pairFormat,
	})
	if err != nil {
		found.keep("AdvanceGenerateDataKeyPair", nil, err)
		return
	}
	found["AdvanceGenerateDataKeyPair"] = bytes.Equal(made.PrivateKeyPlaintext, openAdvance(client, made.PrivateKeyCiphertextBlob))
	sealed, err := client.AdvanceGenerateDataKeyPairWithoutPlaintext(
		&kms.AdvanceGenerateDataKeyPairWithoutPlaintextRequest{KeyId: &keyId, KeyPairSpec: pairSpec, KeyFormat: pairFormat})
	found.keep("AdvanceGenerateDataKeyPairWithoutPlaintext",
		err == nil && bytes.HasPrefix(openAdvance(client, sealed.PrivateKeyCiphertextBlob), pemHead), err)
}

func open(client *kms.Client, blob, iv []byte) []byte {
	opened, err := client.Decrypt(&kms.DecryptRequest{KeyId: &keyId, CiphertextBlob: blob, Iv: iv, Algorithm: tea.String("AES_GCM")})
	if err != nil {
		return nil
	}
	return opened.Plaintext
}

func openAdvance(client *kms.Client, blob []byte) []byte {
	opened, err := client.AdvanceDecrypt(&kms.AdvanceDecryptRequest{CiphertextBlob: blob})
	if err != nil {
		return nil
	}
	return opened.Plaintext
}
