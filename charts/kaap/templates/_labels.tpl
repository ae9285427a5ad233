{{- /* Labels of everything that the release makes. */ -}}
{{- define "kaap.labels" -}}
app.kubernetes.io/name: kaap
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* Labels that tell the pods of a component apart. Takes (list $ "component"). They never change: selectors hold them. */ -}}
{{- define "kaap.selector" -}}
app.kubernetes.io/name: kaap
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- /* Labels of an object of a component. Takes (list $ "component"). */ -}}
{{- define "kaap.componentLabels" -}}
{{ include "kaap.labels" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}
