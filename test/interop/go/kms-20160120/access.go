package main

import (
	"os"

	kms "github.com/alibabacloud-go/kms-20160120/v3/client"
	"github.com/alibabacloud-go/tea/tea"
)

func access(client *kms.Client, found answers) {
	policy, err := client.DescribePolicy(&kms.DescribePolicyRequest{Name: tea.String("dev")})
	if err == nil {
		found["DescribePolicy"] = policy.Body
	} else {
		found.keep("DescribePolicy", nil, err)
	}
	point, err := client.DescribeApplicationAccessPoint(
		&kms.DescribeApplicationAccessPointRequest{Name: tea.String("dev")})
	found.keep("DescribeApplicationAccessPoint", err == nil && *point.Body.AuthenticationMethod == "ClientKey", err)
	rule, err := client.CreateNetworkRule(&kms.CreateNetworkRuleRequest{
		Name: tea.String("interop"), Type: tea.String("Private"), SourcePrivateIp: tea.String(`["10.0.0.0/8"]`),
	})
	found.keep("CreateNetworkRule", err == nil && *rule.Body.Name == "interop", err)
	listed, err := client.ListClientKeys(&kms.ListClientKeysRequest{AapName: tea.String("dev")})
	if err != nil {
		found.keep("ListClientKeys (a GET)", nil, err)
		return
	}
	one, err := client.GetClientKey(&kms.GetClientKeyRequest{ClientKeyId: listed.Body.ClientKeys[0].ClientKeyId})
	found.keep("ListClientKeys and GetClientKey (both a GET)", err == nil && *one.Body.AapName == "dev", err)
	instance, err := client.GetKmsInstance(
		&kms.GetKmsInstanceRequest{KmsInstanceId: tea.String(os.Getenv("KAAP_INSTANCE_ID"))})
	found.keep("GetKmsInstance", err == nil && *instance.Body.KmsInstance.Status == "Connected", err)
}

func refused(client *kms.Client, found answers) {
	_, err := client.DescribeKey(&kms.DescribeKeyRequest{KeyId: tea.String("00000000-0000-4000-8000-000000000000")})
	found.keep("DescribeKey of no key", nil, err)
	_, err = newClient("wrong").DescribeRegions()
	found.keep("a wrong secret", nil, err)
	_, err = client.Encrypt(&kms.EncryptRequest{KeyId: keyId, Plaintext: plaintext, DryRun: tea.String("true")})
	found.keep("a dry run", nil, err)
}
