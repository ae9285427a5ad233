// Calls KMS through services/kms of alibaba-cloud-sdk-go (RPC V1, HMAC-SHA1) and prints what came back as one JSON object
// by name.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/kms"
)

type answers map[string]any

// keep stores the outcome of a call. Errors are told apart by code and status, as users of the SDK do.
func (a answers) keep(name string, value any, err error) {
	var failure sdkerrors.Error
	switch {
	case errors.As(err, &failure):
		a[name] = map[string]any{
			"error": failure.ErrorCode(), "status": failure.HttpStatus(), "message": failure.Message(),
		}
	case err != nil:
		a[name] = map[string]any{"error": "client", "message": err.Error()}
	default:
		a[name] = value
	}
}

func newClient(accessKeySecret string) *kms.Client {
	ca, err := os.ReadFile(os.Getenv("KAAP_CA_FILE"))
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(ca) {
		fmt.Fprintln(os.Stderr, "there is no CA in KAAP_CA_FILE")
		os.Exit(1)
	}
	config := sdk.NewConfig().WithScheme("HTTPS")
	config.HttpTransport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	credential := credentials.NewAccessKeyCredential(os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"), accessKeySecret)
	client, err := kms.NewClientWithOptions("local", config, credential)
	if err != nil {
		fmt.Fprintln(os.Stderr, "the client cannot be made:", err)
		os.Exit(1)
	}
	client.Domain = strings.TrimPrefix(os.Getenv("KAAP_ENDPOINT"), "https://")
	return client
}

func main() {
	client := newClient(os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"))
	found := answers{}
	keys(client, found)
	crypt(client, found)
	secrets(client, found)
	certificates(client, found)
	refused(client, found)
	_ = json.NewEncoder(os.Stdout).Encode(found)
}

var (
	keyId     = os.Getenv("KAAP_KEY_ID")
	plaintext = base64.StdEncoding.EncodeToString([]byte("plain"))
)
