{{- define "operator.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- define "operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
control-plane: controller-manager
{{- end -}}

{{- define "operator.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "operator.image" -}}
{{- with .Values.controllerManager.manager.image -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* The namespace that a namespace-restricted operator watches. */}}
{{- define "operator.target" -}}
{{ .Values.namespaceRestriction.targetNamespace | default .Release.Namespace }}
{{- end -}}

{{- define "operator.pullSecret" -}}
{{ .Values.dynamo.dockerRegistry.existingSecretName | default (printf "%s-regcred" (include "operator.fullname" .)) }}
{{- end -}}

{{/* "true" when (dict "values" MAP "path" "a.b") names an existing key, with any value. */}}
{{- define "operator.hasPath" -}}
{{- $at := .values -}}
{{- $there := true -}}
{{- range splitList "." .path -}}
{{- if and $there (kindIs "map" $at) (hasKey $at .) -}}
{{- $at = index $at . -}}
{{- else -}}
{{- $there = false -}}
{{- end -}}
{{- end -}}
{{- if $there -}}true{{- end -}}
{{- end -}}
