// Calls KMS through the SDK kms-20160120 (ACS3-HMAC-SHA256) and prints what came back as one JSON object by name.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	kms "github.com/alibabacloud-go/kms-20160120/v3/client"
	"github.com/alibabacloud-go/tea/tea"
)

type answers map[string]any

// keep stores the outcome of a call. Errors are told apart by code and status, as users of the SDK do.
func (a answers) keep(name string, value any, err error) {
	var failure *tea.SDKError
	switch {
	case errors.As(err, &failure):
		a[name] = map[string]any{
			"error": tea.StringValue(failure.Code), "status": tea.IntValue(failure.StatusCode),
			"message": tea.StringValue(failure.Message),
		}
	case err != nil:
		a[name] = map[string]any{"error": "client", "message": err.Error()}
	default:
		a[name] = value
	}
}

func newClient(accessKeySecret string) *kms.Client {
	ca, err := os.ReadFile(os.Getenv("KAAP_CA_FILE"))
	if err == nil {
		var client *kms.Client
		client, err = kms.NewClient(&openapi.Config{
			AccessKeyId:     tea.String(os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID")),
			AccessKeySecret: tea.String(accessKeySecret),
			RegionId:        tea.String("local"),
			Endpoint:        tea.String(strings.TrimPrefix(os.Getenv("KAAP_ENDPOINT"), "https://")),
			Ca:              tea.String(string(ca)),
		})
		if err == nil {
			return client
		}
	}
	fmt.Fprintln(os.Stderr, "the client cannot be made:", err)
	os.Exit(1)
	return nil
}

func main() {
	client := newClient(os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"))
	found := answers{}
	keys(client, found)
	secrets(client, found)
	tags(client, found)
	access(client, found)
	refused(client, found)
	_ = json.NewEncoder(os.Stdout).Encode(found)
}
