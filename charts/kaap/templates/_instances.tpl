{{- /* The instances of KMS as objects: those that are given by their id alone, too. Takes the root; gives JSON. */ -}}
{{- define "kaap.instances" -}}
{{- $instances := list }}
{{- range .Values.kms.instances }}
{{- $instances = append $instances (kindIs "string" . | ternary (dict "id" . "type" "Software") .) }}
{{- end }}
{{- toJson $instances }}
{{- end }}

{{- /* Refuses instances that cannot work. Takes the root. */ -}}
{{- define "kaap.instances.check" -}}
{{- $root := . }}
{{- $seen := dict }}
{{- range include "kaap.instances" . | fromJsonArray }}
{{- if hasKey $seen .id }}
{{- fail (printf "kms.instances has %s twice" .id) }}
{{- end }}
{{- $_ := set $seen .id true }}
{{- if and (eq .type "Hardware") (not $root.Values.kms.hsm.enabled) }}
{{- fail (printf "kms.instances: %s is of type Hardware and needs the process with its module: set kms.hsm.enabled" .id) }}
{{- end }}
{{- if and (eq .type "External") (regexMatch "\\.svc(\\.|:|$)" .endpoint) (not .allowedNetworks) }}
{{- fail (printf "kms.instances: the proxy of %s is at an internal address, which kms calls only in networks that it is told: set allowedNetworks to the network of Services" .id) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Where kms finds what is secret of an External instance. */ -}}
{{- define "kaap.instances.folder" -}}
/etc/kaap/xki/{{ .id }}
{{- end }}

{{- /* KAAP_INSTANCES_FILE. Takes the root; gives YAML. */ -}}
{{- define "kaap.instances.file" -}}
{{- $rows := list }}
{{- range include "kaap.instances" . | fromJsonArray }}
{{- $row := pick . "id" "type" "endpoint" "path" "certificateFingerprint" "region" "allowedNetworks" }}
{{- $folder := include "kaap.instances.folder" . }}
{{- if eq .type "Hardware" }}
{{- $_ := set $row "socket" "/run/kaap-hsm/private/hsm.sock" }}
{{- else if eq .type "External" }}
{{- $_ := set $row "configurationFile" (printf "%s/configuration.json" $folder) }}
{{- if .caSecret }}
{{- $_ := set $row "caFile" (printf "%s/ca.crt" $folder) }}
{{- end }}
{{- if .clientCertificateSecret }}
{{- $_ := set $row "clientCertificateFile" (printf "%s/tls.crt" $folder) }}
{{- $_ := set $row "clientKeyFile" (printf "%s/tls.key" $folder) }}
{{- end }}
{{- end }}
{{- $rows = append $rows $row }}
{{- end }}
{{- toYaml $rows }}
{{- end }}

{{- /* What is secret of the External instances, as volumes of kms. Takes the root. */ -}}
{{- define "kaap.instances.volumes" -}}
{{- range include "kaap.instances" . | fromJsonArray }}
{{- if eq .type "External" }}
- name: {{ include "kaap.instances.volume" . }}
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ .configurationSecret.name }}
          items: [{ key: {{ .configurationSecret.key }}, path: configuration.json }]
      {{- with .caSecret }}
      - secret:
          name: {{ .name }}
          items: [{ key: {{ .key }}, path: ca.crt }]
      {{- end }}
      {{- with .clientCertificateSecret }}
      - secret:
          name: {{ . }}
          items: [{ key: tls.crt, path: tls.crt }, { key: tls.key, path: tls.key }]
      {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Names of volumes have at most 63 characters; those of instances, 68. */ -}}
{{- define "kaap.instances.volume" -}}
{{ ternary (printf "xki-%s" .id) (printf "xki-%s" (sha256sum .id | trunc 16)) (le (len .id) 59) }}
{{- end }}

{{- define "kaap.instances.mounts" -}}
{{- range include "kaap.instances" . | fromJsonArray }}
{{- if eq .type "External" }}
- { name: {{ include "kaap.instances.volume" . }}, mountPath: {{ include "kaap.instances.folder" . }}, readOnly: true }
{{- end }}
{{- end }}
{{- end }}

{{- /*
The way from kms to the proxies, and to no other place. The proxy of the release is named by its pods; another one by
egress of its instance, or else by the port of its endpoint alone. Takes the root.
*/ -}}
{{- define "kaap.instances.egress" -}}
{{- $root := . }}
{{- range include "kaap.instances" . | fromJsonArray }}
{{- if eq .type "External" }}
{{- $host := regexReplaceAll "^https://([^:]+).*$" .endpoint "${1}" }}
{{- $port := regexReplaceAll "^https://[^:]+:?" .endpoint "" | default "443" }}
{{- $own := printf "kaap-xki-proxy.%s.svc" $root.Release.Namespace }}
{{- $egress := .egress | default dict }}
{{- if and $root.Values.xkiProxy.enabled (or (eq $host $own) (hasPrefix (printf "%s." $own) $host)) }}
- to:
    - podSelector:
        matchLabels:
          {{- include "kaap.selector" (list $root "xki-proxy") | nindent 10 }}
  ports:
    - { port: 8443, protocol: TCP }
{{- else }}
- ports:
    - { port: {{ $egress.port | default $port }}, protocol: TCP }
  {{- with $egress.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
