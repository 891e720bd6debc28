{{/* Hook annotations from (list EVENTS WEIGHT DELETE-POLICY); an empty WEIGHT or DELETE-POLICY is omitted. */}}
{{- define "kai.hook" -}}
helm.sh/hook: {{ index . 0 }}
{{- with index . 1 }}
helm.sh/hook-weight: {{ . | quote }}
{{- end }}
{{- with index . 2 }}
helm.sh/hook-delete-policy: {{ . }}
{{- end }}
{{- end -}}

{{/* The image reference of (dict "root" $ "image" IMAGE). */}}
{{- define "kai.image" -}}
{{ .root.Values.global.registry }}/{{ .image.name }}:{{ include "kai.tag" . }}
{{- end -}}

{{- define "kai.tag" -}}
{{ .image.tag | default .root.Values.global.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{/* The placement and pull secrets of the chart's pods. */}}
{{- define "kai.placement" -}}
{{- range $field := list "imagePullSecrets" "tolerations" "affinity" "nodeSelector" }}
{{- with index $.Values.global $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A ClusterRole and its binding from (dict "root" $ "role" NAME "binding" NAME "account" NAME "annotations" YAML).
     No rules: nothing runs with them here. */}}
{{- define "kai.clusterRole" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ .role }}
  {{- with .annotations }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ .binding }}
  {{- with .annotations }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{ .role }}}
subjects:
  - {kind: ServiceAccount, name: {{ .account }}, namespace: {{ .root.Release.Namespace }}}
{{- end -}}

{{/* A hook's ServiceAccount with its role, from the arguments of kai.clusterRole. */}}
{{- define "kai.hookAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .account }}
  namespace: {{ .root.Release.Namespace }}
  annotations:
    {{- .annotations | nindent 4 }}
---
{{ include "kai.clusterRole" . }}
{{- end -}}
