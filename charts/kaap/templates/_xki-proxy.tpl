{{- /* Refuses what cannot work in xkiProxy. Takes the root. */ -}}
{{- define "kaap.xkiProxy.check" -}}
{{- $proxy := .Values.xkiProxy }}
{{- if not $proxy.tls.existingSecret }}
{{- fail "xkiProxy needs a certificate that callers can check: set xkiProxy.tls.existingSecret to a Secret with tls.crt and tls.key" }}
{{- end }}
{{- if not $proxy.sealKeySecret.name }}
{{- fail "xkiProxy needs the key that seals its keys: set xkiProxy.sealKeySecret.name" }}
{{- end }}
{{- if not $proxy.prefixes }}
{{- fail "xkiProxy serves nobody without prefixes: set xkiProxy.prefixes to path, keyIds and credentials of each" }}
{{- end }}
{{- include "kaap.hsm.check" (list . $proxy.hsm "xkiProxy.hsm") }}
{{- $seen := dict }}
{{- range $proxy.prefixes }}
{{- if hasKey $seen .path }}
{{- fail (printf "xkiProxy.prefixes has the path %q twice" .path) }}
{{- end }}
{{- $_ := set $seen .path true }}
{{- end }}
{{- if and $proxy.policy.caSecret.name (not (hasPrefix "https:" $proxy.policy.url)) }}
{{- fail "xkiProxy.policy.caSecret vouches for nobody: set xkiProxy.policy.url to an https URL" }}
{{- end }}
{{- end }}

{{- /* Where the proxy finds the secret of a credential. Takes (list prefix-index credential-index). */ -}}
{{- define "kaap.xkiProxy.credential" -}}
{{ printf "%d-%d" (int (index . 0)) (int (index . 1)) }}
{{- end }}

{{- /* KAAP_XKI_CONFIG. Takes the root; gives YAML. */ -}}
{{- define "kaap.xkiProxy.file" -}}
{{- $proxy := .Values.xkiProxy }}
{{- $prefixes := list }}
{{- range $p, $prefix := $proxy.prefixes }}
{{- $credentials := list }}
{{- range $c, $credential := $prefix.credentials }}
{{- $file := printf "/etc/kaap/credentials/%s" (include "kaap.xkiProxy.credential" (list $p $c)) }}
{{- $credentials = append $credentials (dict "accessKeyId" $credential.accessKeyId "secretAccessKeyFile" $file) }}
{{- end }}
{{- $prefixes = append $prefixes (dict "path" $prefix.path "keyIds" $prefix.keyIds "credentials" $credentials) }}
{{- end }}
{{- $tls := dict "certificateFile" "/etc/kaap/tls/tls.crt" "keyFile" "/etc/kaap/tls/tls.key" }}
{{- if $proxy.tls.clientCaSecret.name }}
{{- $_ := set $tls "clientCaFile" "/etc/kaap/client-ca/ca.crt" }}
{{- end }}
{{- $keys := dict "kind" "file" "file" "/var/lib/kaap/keys.json" "sealKeyFile" "/etc/kaap/seal/seal.key" }}
{{- if $proxy.hsm.enabled }}
{{- $_ := set $keys "kind" "pkcs11" }}
{{- $_ := set $keys "socket" "/run/kaap-hsm/private/hsm.sock" }}
{{- end }}
{{- $file := dict "region" ($proxy.region | default .Values.region) "tls" $tls "auditDir" "/var/lib/kaap/audit" "rateLimit" $proxy.rateLimit "keys" $keys "prefixes" $prefixes }}
{{- with $proxy.policy.url }}
{{- $_ := set $file "policyUrl" . }}
{{- end }}
{{- toYaml $file }}
{{- end }}
