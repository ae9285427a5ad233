{{- /* Image of a process. Takes (list $ "process"). */ -}}
{{- define "kaap.image" -}}
{{- $root := index . 0 -}}
{{ $root.Values.image.repository }}/{{ index . 1 }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}
{{- end }}

{{- /* What every container of the chart may do: nothing. */ -}}
{{- define "kaap.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "kaap.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- /* Metadata of the pods of a component. Takes (list $ "component" .Values.<component>). */ -}}
{{- define "kaap.podMetadata" -}}
{{- $values := index . 2 -}}
labels:
  {{- include "kaap.selector" . | nindent 2 }}
  {{- with $values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  kubectl.kubernetes.io/default-container: {{ index . 1 }}
  {{- with $values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- /* Where the pods of a component run. Takes (list $ "component" .Values.<component>). */ -}}
{{- define "kaap.scheduling" -}}
{{- $root := index . 0 -}}
{{- $values := index . 2 -}}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
{{- if $values.topologySpreadConstraints }}
  {{- toYaml $values.topologySpreadConstraints | nindent 2 }}
{{- else }}
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "kaap.selector" (list $root (index $ 1)) | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Environment that every process has. Takes (list $ "component" .Values.<component>). */ -}}
{{- define "kaap.env" -}}
{{- $root := index . 0 -}}
{{- $values := index . 2 -}}
- name: KAAP_REGION
  value: {{ $root.Values.region | quote }}
- name: KAAP_ACCOUNT_ID
  value: {{ $root.Values.accountId | quote }}
- name: KAAP_LOG_LEVEL
  value: {{ $root.Values.logLevel }}
- name: KAAP_OIDC_PROVIDER
  value: {{ $root.Values.oidcProvider | quote }}
- name: KAAP_METRICS_LISTEN
  value: ":9090"
{{- with $values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Address of the KMS inside the cluster. */ -}}
{{- define "kaap.endpoint" -}}
https://kaap-kms.{{ .Release.Namespace }}.svc{{ if ne (int .Values.kms.service.port) 443 }}:{{ .Values.kms.service.port }}{{ end }}
{{- end }}

{{- /* The KMS's certificate authority and where to find the KMS, for whoever calls it. */ -}}
{{- define "kaap.clientEnv" -}}
- name: KAAP_ENDPOINT
  value: {{ include "kaap.endpoint" . }}
- name: KAAP_CA_FILE
  value: /etc/kaap/trust/ca.crt
{{- end }}

{{- /* Probes of a process that answers them on its metrics port. */ -}}
{{- define "kaap.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: metrics }
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: metrics }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: metrics }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end }}
