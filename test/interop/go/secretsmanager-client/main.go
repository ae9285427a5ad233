// Reads a secret through aliyun-secretsmanager-client-go, by access key (RPC V1), by client key on the shared gateway
// (RPC V1, SHA256withRSA) and by client key on the instance gateway (protobuf); prints the outcomes as one JSON object.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/aliyun/aliyun-secretsmanager-client-go/sdk"
	"github.com/aliyun/aliyun-secretsmanager-client-go/sdk/models"
	"github.com/aliyun/aliyun-secretsmanager-client-go/sdk/service"
)

var (
	host     = strings.TrimPrefix(os.Getenv("KAAP_ENDPOINT"), "https://")
	keyFile  = os.Getenv("KAAP_CLIENT_KEY_FILE")
	password = os.Getenv("KAAP_CLIENT_KEY_PASSWORD")
)

// silent keeps the client's own log out of the way.
type silent struct{}

func (silent) Flush()                        {}
func (silent) Tracef(string, ...interface{}) {}
func (silent) Infof(string, ...interface{})  {}
func (silent) Debugf(string, ...interface{}) {}
func (silent) Warnf(string, ...interface{})  {}
func (silent) Errorf(string, ...interface{}) {}

func read(client service.SecretManagerClient, secretName string) any {
	cache, err := sdk.NewSecretCacheClientBuilder(client).WithLogger(silent{}).Build()
	if err == nil {
		defer cache.Close()
		var secret *models.SecretInfo
		if secret, err = cache.GetSecretInfo(secretName); err == nil {
			return map[string]any{"value": secret.SecretValue, "version": secret.VersionId}
		}
	}
	return map[string]any{"error": err.Error()}
}

// fail ends the program when a client cannot even be made.
func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	name := os.Getenv("KAAP_SECRET_NAME")
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{
		"access key":                     read(byAccessKey(), name),
		"client key, shared gateway":     read(byClientKey(), name),
		"client key, instance gateway":   read(byInstance(), name),
		"another secret by client key":   read(byInstance(), "dev/none"),
		"another secret, shared gateway": read(byClientKey(), "dev/none"),
	})
}
