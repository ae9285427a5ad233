package main

import (
	"os"

	kms "github.com/alibabacloud-go/kms-20160120/v3/client"
	"github.com/alibabacloud-go/tea/tea"
)

func secrets(client *kms.Client, found answers) {
	read, err := client.GetSecretValue(&kms.GetSecretValueRequest{SecretName: tea.String(os.Getenv("KAAP_SECRET_NAME"))})
	if err != nil {
		found.keep("GetSecretValue", nil, err)
		return
	}
	found["GetSecretValue"] = read.Body
	name := tea.String("interop/go")
	_, err = client.CreateSecret(&kms.CreateSecretRequest{
		SecretName: name, SecretData: tea.String("one"), VersionId: tea.String("v1"),
		ExtendedConfig: map[string]any{"CustomData": map[string]any{"team": "shop"}},
	})
	found.keep("CreateSecret", err == nil, err)
	put, err := client.PutSecretValue(&kms.PutSecretValueRequest{
		SecretName: name, SecretData: tea.String("two"), VersionId: tea.String("v2"),
	})
	if err == nil {
		found["PutSecretValue"] = put.Body.VersionStages.VersionStage
	} else {
		found.keep("PutSecretValue", nil, err)
	}
	previous, err := client.GetSecretValue(
		&kms.GetSecretValueRequest{SecretName: name, VersionStage: tea.String("ACSPrevious")})
	found.keep("GetSecretValue by stage", err == nil && *previous.Body.SecretData == "one", err)
	versions, err := client.ListSecretVersionIds(&kms.ListSecretVersionIdsRequest{SecretName: name})
	found.keep("ListSecretVersionIds", err == nil && len(versions.Body.VersionIds.VersionId) == 2, err)
	password, err := client.GetRandomPassword(&kms.GetRandomPasswordRequest{PasswordLength: tea.String("40")})
	found.keep("GetRandomPassword", err == nil && len(*password.Body.RandomPassword) == 40, err)
	_, err = client.DeleteSecret(
		&kms.DeleteSecretRequest{SecretName: name, ForceDeleteWithoutRecovery: tea.String("true")})
	found.keep("DeleteSecret", err == nil, err)
}

func tags(client *kms.Client, found answers) {
	region, kind, ids := tea.String("local"), tea.String("key"), []*string{keyId}
	_, err := client.TagResources(&kms.TagResourcesRequest{
		RegionId: region, ResourceType: kind, ResourceId: ids,
		Tag: []*kms.TagResourcesRequestTag{
			{Key: tea.String("team"), Value: tea.String("a b")}, {Key: tea.String("stage"), Value: tea.String("test")},
		},
	})
	found.keep("TagResources", err == nil, err)
	listed, err := client.ListTagResources(&kms.ListTagResourcesRequest{
		RegionId: region, ResourceType: kind, Tag: []*kms.ListTagResourcesRequestTag{{Key: tea.String("team")}},
	})
	if err == nil {
		found["ListTagResources"] = listed.Body.TagResources.TagResource
	} else {
		found.keep("ListTagResources", nil, err)
	}
	_, err = client.UntagResources(&kms.UntagResourcesRequest{
		RegionId: region, ResourceType: kind, ResourceId: ids, TagKey: []*string{tea.String("stage")},
	})
	found.keep("UntagResources", err == nil, err)
	old, err := client.ListResourceTags(&kms.ListResourceTagsRequest{KeyId: keyId})
	if err == nil {
		found["ListResourceTags"] = old.Body.Tags.Tag
	} else {
		found.keep("ListResourceTags", nil, err)
	}
}
