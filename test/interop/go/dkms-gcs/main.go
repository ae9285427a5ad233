// Calls every API of the dkms-gcs SDK, with a client key, and prints what came back as one JSON object: a value, or the
// error, by the name of the API.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/alibabacloud-go/tea/tea"
	openapi "github.com/aliyun/alibabacloud-dkms-gcs-go-sdk/openapi"
	kms "github.com/aliyun/alibabacloud-dkms-gcs-go-sdk/sdk"
)

var (
	keyId      = os.Getenv("KAAP_KEY_ID")
	secretName = os.Getenv("KAAP_SECRET_NAME")
	plaintext  = []byte("plain \x00\xff")
	aad        = []byte{0, 1, 2, 255}
)

type answers map[string]any

// keep stores the outcome of a call. Errors are told apart by code, as users of the SDK do.
func (a answers) keep(name string, value any, err error) {
	var failure *tea.SDKError
	switch {
	case errors.As(err, &failure):
		a[name] = map[string]any{"error": tea.StringValue(failure.Code), "message": tea.StringValue(failure.Message)}
	case err != nil:
		a[name] = map[string]any{"error": "client", "message": err.Error()}
	default:
		a[name] = value
	}
}

func newClient(change func(*openapi.Config)) *kms.Client {
	config := &openapi.Config{
		Protocol:      tea.String("https"),
		Endpoint:      tea.String(os.Getenv("KAAP_ENDPOINT")),
		ClientKeyFile: tea.String(os.Getenv("KAAP_CLIENT_KEY_FILE")),
		Password:      tea.String(os.Getenv("KAAP_CLIENT_KEY_PASSWORD")),
		CaFilePath:    tea.String(os.Getenv("KAAP_CA_FILE")),
	}
	change(config)
	client := new(kms.Client)
	if err := client.Init(config); err != nil {
		fmt.Fprintln(os.Stderr, "the client key file cannot be opened:", err)
		os.Exit(1)
	}
	return client
}

func main() {
	client := newClient(func(*openapi.Config) {})
	found := answers{}
	encrypt(client, found)
	dataKeys(client, found)
	read(client, found)
	pairs(client, found)
	refused(client, found)
	_ = json.NewEncoder(os.Stdout).Encode(found)
}
