{{- /*
Refuses what cannot work in a section with an HSM. Takes (list root section name), where name is how the values name it,
as the other definitions here do.
*/ -}}
{{- define "kaap.hsm.check" -}}
{{- $hsm := index . 1 }}
{{- $name := index . 2 }}
{{- if $hsm.enabled }}
{{- if not $hsm.token }}
{{- fail (printf "%s needs the label of the token: set %s.token" $name $name) }}
{{- end }}
{{- if not $hsm.pinSecret.name }}
{{- fail (printf "%s needs the PIN of the token: set %s.pinSecret.name to a Secret that holds it" $name $name) }}
{{- end }}
{{- if and $hsm.softhsm2.enabled $hsm.module }}
{{- fail (printf "%s.softhsm2 brings a module of its own: leave %s.module out, or switch softhsm2 off" $name $name) }}
{{- end }}
{{- if not (or $hsm.softhsm2.enabled $hsm.module) }}
{{- fail (printf "%s needs a PKCS#11 module: set %s.module to its path in the container, or %s.softhsm2.enabled to try it out" $name $name $name) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "kaap.hsm.image" -}}
{{- $root := index . 0 }}{{ $hsm := index . 1 -}}
{{ $hsm.image | default (include "kaap.image" (list $root (ternary "hsm-softhsm2" "hsm" $hsm.softhsm2.enabled))) }}
{{- end }}

{{- /* What both containers with the module are told. */ -}}
{{- define "kaap.hsm.env" -}}
{{- $root := index . 0 }}{{ $hsm := index . 1 -}}
- name: KAAP_LOG_LEVEL
  value: {{ $root.Values.logLevel }}
- name: KAAP_HSM_MODULE
  value: {{ $hsm.module | default "/usr/lib/softhsm/libsofthsm2.so" }}
- name: KAAP_HSM_TOKEN
  value: {{ $hsm.token | quote }}
- name: KAAP_HSM_PIN_FILE
  value: /etc/kaap/hsm/pin
{{- with $hsm.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "kaap.hsm.mounts" -}}
{{- $root := index . 0 }}{{ $hsm := index . 1 -}}
- { name: hsm-pin, mountPath: /etc/kaap/hsm, readOnly: true }
# In the place of the token of the pod: the module of a vendor has no business with the API server.
- { name: hsm-nothing, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true }
{{- if $hsm.softhsm2.enabled }}
- { name: data, mountPath: /var/lib/softhsm, subPath: softhsm2 }
{{- end }}
{{- with $hsm.volumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /*
The process with the module, as a native sidecar: it starts before who uses it and ends after. It is the same user, for
its socket has mode 0600; the volumes keep them apart: the other has neither the PIN nor the module, nobody else the socket.
*/ -}}
{{- define "kaap.hsm.containers" -}}
{{- $root := index . 0 }}{{ $hsm := index . 1 -}}
{{- if $hsm.softhsm2.enabled }}
- name: hsm-token
  image: {{ include "kaap.hsm.image" . }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  command: [/usr/local/bin/node, dist/processes/hsm-token.js]
  securityContext:
    {{- include "kaap.containerSecurityContext" $root | nindent 4 }}
  env:
    {{- include "kaap.hsm.env" . | nindent 4 }}
    - name: KAAP_HSM_SO_PIN_FILE
      value: /etc/kaap/hsm-so/pin
  resources:
    {{- toYaml $hsm.resources | nindent 4 }}
  volumeMounts:
    {{- include "kaap.hsm.mounts" . | nindent 4 }}
    - { name: hsm-so-pin, mountPath: /etc/kaap/hsm-so, readOnly: true }
{{- end }}
- name: hsm
  image: {{ include "kaap.hsm.image" . }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  restartPolicy: Always
  securityContext:
    {{- include "kaap.containerSecurityContext" $root | nindent 4 }}
  env:
    {{- include "kaap.hsm.env" . | nindent 4 }}
    - name: KAAP_HSM_SOCKET
      value: /run/kaap-hsm/private/hsm.sock
    - name: KAAP_HSM_SESSIONS
      value: {{ $hsm.sessions | toString | quote }}
    - name: KAAP_HSM_OAEP
      value: {{ $hsm.oaep }}
    - name: KAAP_HSM_VERIFY_ENCRYPTION
      value: {{ $hsm.verifyEncryption | quote }}
    - name: KAAP_HSM_COPY_SECONDS
      value: {{ $hsm.copySeconds | toString | quote }}
    - name: KAAP_HSM_HANG_MS
      value: {{ $hsm.hangMilliseconds | toString | quote }}
    - name: KAAP_HSM_HEALTH_LISTEN
      value: ":9091"
  ports:
    - { name: hsm-health, containerPort: 9091 }
  # No probe asks for the token: keys that are not in it work without it, so it must not hold up or end the pod.
  livenessProbe:
    httpGet: { path: /healthz, port: hsm-health }
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  resources:
    {{- toYaml $hsm.resources | nindent 4 }}
  volumeMounts:
    {{- include "kaap.hsm.mounts" . | nindent 4 }}
    - { name: hsm-socket, mountPath: /run/kaap-hsm }
    - { name: hsm-tmp, mountPath: /tmp }
{{- end }}

{{- define "kaap.hsm.volumes" -}}
{{- $root := index . 0 }}{{ $hsm := index . 1 -}}
- name: hsm-pin
  secret:
    secretName: {{ $hsm.pinSecret.name }}
    defaultMode: 0440
    items: [{ key: {{ $hsm.pinSecret.key }}, path: pin }]
{{- if $hsm.softhsm2.enabled }}
- name: hsm-so-pin
  secret:
    secretName: {{ $hsm.pinSecret.name }}
    defaultMode: 0440
    items: [{ key: {{ $hsm.softhsm2.soPinKey }}, path: pin }]
{{- end }}
- name: hsm-socket
  emptyDir: { medium: Memory, sizeLimit: 1Mi }
- name: hsm-nothing
  emptyDir: { medium: Memory, sizeLimit: 4Ki }
- name: hsm-tmp
  emptyDir: { medium: Memory, sizeLimit: 16Mi }
{{- with $hsm.volumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
