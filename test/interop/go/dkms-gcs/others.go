package main

import (
	"strings"

	"github.com/alibabacloud-go/tea/tea"
	openapi "github.com/aliyun/alibabacloud-dkms-gcs-go-sdk/openapi"
	kms "github.com/aliyun/alibabacloud-dkms-gcs-go-sdk/sdk"
)

func read(client *kms.Client, found answers) {
	random, err := client.GenerateRandom(&kms.GenerateRandomRequest{Length: tea.Int32(48)})
	found.keep("GenerateRandom", err == nil && len(random.Random) == 48, err)
	_, err = client.GenerateRandom(&kms.GenerateRandomRequest{Length: tea.Int32(100_000)})
	found.keep("GenerateRandom of too many bytes", nil, err)

	secret, err := client.GetSecretValue(&kms.GetSecretValueRequest{SecretName: &secretName})
	found.keep("GetSecretValue", secret, err)
	secret, err = client.GetSecretValue(&kms.GetSecretValueRequest{
		SecretName: &secretName, VersionStage: tea.String("ACSCurrent"), FetchExtendedConfig: tea.Bool(true),
	})
	found.keep("GetSecretValue by stage", secret, err)
	_, err = client.GetSecretValue(&kms.GetSecretValueRequest{SecretName: tea.String("dev/none")})
	found.keep("GetSecretValue of another secret", nil, err)
	_, err = client.Encrypt(&kms.EncryptRequest{KeyId: tea.String("alias/none"), Plaintext: plaintext})
	found.keep("Encrypt with another key", nil, err)
}

// refused calls what needs an asymmetric key with another one, and the gateway with a key it does not know.
func refused(client *kms.Client, found answers) {
	_, err := client.Sign(&kms.SignRequest{KeyId: &keyId, Message: plaintext, MessageType: tea.String("RAW")})
	found.keep("Sign with a symmetric key", nil, err)
	_, err = client.Verify(&kms.VerifyRequest{
		KeyId: &keyId, Message: plaintext, Signature: aad, MessageType: tea.String("RAW"),
	})
	found.keep("Verify with a symmetric key", nil, err)
	_, err = client.GetPublicKey(&kms.GetPublicKeyRequest{KeyId: &keyId})
	found.keep("GetPublicKey with a symmetric key", nil, err)
	_, err = client.Encrypt(&kms.EncryptRequest{KeyId: &keyId, Plaintext: plaintext, Iv: make([]byte, 12)})
	found.keep("Encrypt with an IV of the caller", nil, err)
	_, err = client.Encrypt(&kms.EncryptRequest{KeyId: &keyId, Plaintext: plaintext, Algorithm: tea.String("AES_CBC")})
	found.keep("Encrypt with AES_CBC", nil, err)

	// By another name of the server: the SDK shares its connections by name.
	distrusting := newClient(func(config *openapi.Config) {
		config.CaFilePath = nil
		config.Endpoint = tea.String(strings.Replace(*config.Endpoint, "127.0.0.1", "localhost", 1))
	})
	_, err = distrusting.GenerateRandom(&kms.GenerateRandomRequest{Length: tea.Int32(1)})
	found.keep("without the CA", nil, err)
	unknown := newClient(func(*openapi.Config) {})
	unknown.Credential.KeyId = tea.String("KAAP.00000000-0000-4000-8000-000000000000")
	_, err = unknown.GenerateRandom(&kms.GenerateRandomRequest{Length: tea.Int32(1)})
	found.keep("an unknown client key", nil, err)
}
