{{- /* Which pods the webhook injects, and the admission policy then insists on. */ -}}
{{- define "kaap.injectedPods" -}}
objectSelector:
  matchLabels:
    kaap.dev/inject: "true"
{{ include "kaap.exemption" . }}
matchConditions:
  # A mirror pod shows what a kubelet runs already: changing it changes nothing.
  - name: not-a-mirror-pod
    expression: "!has(object.metadata.annotations) || !('kubernetes.io/config.mirror' in object.metadata.annotations)"
{{- end }}

{{- /* The namespace of the release comes up without the webhook, which runs there. */ -}}
{{- define "kaap.exemption" -}}
namespaceSelector:
  matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values:
        {{- range prepend .Values.webhook.exemptNamespaces .Release.Namespace | uniq }}
        - {{ . }}
        {{- end }}
{{- end }}
