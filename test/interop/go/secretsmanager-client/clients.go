package main

import (
	"os"

	"github.com/alibabacloud-go/tea/tea"
	dkms "github.com/aliyun/alibabacloud-dkms-gcs-go-sdk/openapi"
	"github.com/aliyun/aliyun-secretsmanager-client-go/sdk/models"
	"github.com/aliyun/aliyun-secretsmanager-client-go/sdk/service"
	"github.com/aliyun/aliyun-secretsmanager-client-go/sdk/utils"
)

var region = models.NewRegionInfoWithEndpoint("local", host)

func byAccessKey() service.SecretManagerClient {
	return service.NewBaseSecretManagerClientBuilder().Standard().
		WithAccessKey(os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"), os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET")).
		AddRegionInfo(region).Build()
}

func byClientKey() service.SecretManagerClient {
	credential, signer, err := utils.LoadRsaKeyPairCredentialAndClientKeySigner(keyFile, password)
	fail(err)
	return service.NewBaseSecretManagerClientBuilder().Standard().
		WithCredentials(models.NewClientKeyCredential(signer, credential)).AddRegionInfo(region).Build()
}

func byInstance() service.SecretManagerClient {
	ca, err := os.ReadFile(os.Getenv("KAAP_CA_FILE"))
	fail(err)
	return service.NewBaseSecretManagerClientBuilder().Standard().AddDkmsConfig(&models.DkmsConfig{
		Config: &dkms.Config{
			RegionId: tea.String("local"), Endpoint: tea.String(host),
			ClientKeyFile: tea.String(keyFile), Password: tea.String(password),
		},
		CaCert: string(ca),
	}).Build()
}
