{{- /* KAAP_SEAL. Takes the root. */ -}}
{{- define "kaap.seal" -}}
{{- $seal := .Values.kms.seal -}}
{{- if eq $seal.kind "file" -}}
file:/etc/kaap/seal/seal.key
{{- else if eq $seal.kind "hsm" -}}
hsm:{{ $seal.instance }}
{{- else -}}
xki:{{ $seal.instance }}/{{ $seal.keyId }}
{{- end -}}
{{- end }}

{{- /* Refuses a seal that cannot work. Takes the root. */ -}}
{{- define "kaap.seal.check" -}}
{{- $seal := .Values.kms.seal }}
{{- $types := dict }}
{{- range include "kaap.instances" . | fromJsonArray }}
{{- $_ := set $types .id .type }}
{{- end }}
{{- if eq $seal.kind "file" }}
{{- if or $seal.instance $seal.keyId }}
{{- fail "kms.seal of the kind file is the Secret kaap-kms-seal: leave instance and keyId out" }}
{{- end }}
{{- else }}
{{- $type := ternary "Hardware" "External" (eq $seal.kind "hsm") }}
{{- if ne (get $types $seal.instance) $type }}
{{- fail (printf "kms.seal of the kind %s needs an instance of type %s: set kms.seal.instance to the id of one in kms.instances" $seal.kind $type) }}
{{- end }}
{{- if and (eq $seal.kind "xki") (not $seal.keyId) }}
{{- fail "kms.seal of the kind xki needs a key of the owner: set kms.seal.keyId" }}
{{- end }}
{{- if and (eq $seal.kind "hsm") $seal.keyId }}
{{- fail "kms.seal of the kind hsm makes its own key in the token: leave keyId out" }}
{{- end }}
{{- end }}
{{- end }}
