{{/* A role and its binding from (dict "root" $ "role" NAME "binding" NAME "account" NAME "namespace" NAME): cluster-wide
     when the namespace is empty; no binding when its name is. No rules: nothing runs with them here. */}}
{{- define "operator.role" -}}
{{- $scope := empty .namespace | ternary "Cluster" "" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $scope }}Role
metadata:
  name: {{ .role }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "operator.labels" .root | nindent 4 }}
rules: []
{{- if .binding }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $scope }}RoleBinding
metadata:
  name: {{ .binding }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "operator.labels" .root | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: {{ $scope }}Role, name: {{ .role }}}
subjects:
  - {kind: ServiceAccount, name: {{ .account }}, namespace: {{ .root.Release.Namespace }}}
{{- end }}
{{- end -}}
