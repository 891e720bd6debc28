{{/* Labels of a chart object, from (list $ COMPONENT). */}}
{{- define "grove.labels" -}}
{{- $root := index . 0 -}}
chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
release: {{ $root.Release.Name }}
{{ include "grove.selector" (index . 1) }}
{{- end -}}

{{- define "grove.selector" -}}
app.kubernetes.io/name: grove-operator
app.kubernetes.io/component: {{ . }}
app.kubernetes.io/part-of: grove
{{- end -}}

{{- define "grove.image" -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{/* The operator's configuration. Health probes are set in the Deployment, so they do not change the name. */}}
{{- define "grove.config" -}}
{{- $facts := .Files.Get "facts.yaml" | fromYaml -}}
apiVersion: operator.config.grove.io/v1alpha1
kind: OperatorConfiguration
logLevel: {{ .Values.config.logLevel }}
leaderElection:
  {{- toYaml .Values.config.leaderElection | nindent 2 }}
  resourceNamespace: {{ .Release.Namespace }}
controllers:
  {{- toYaml .Values.config.controllers | nindent 2 }}
server:
  webhooks:
    {{- toYaml .Values.config.server.webhooks | nindent 4 }}
  healthProbes:
    port: {{ .Values.config.server.healthProbes.port }}
  metrics:
    port: {{ .Values.config.server.metrics.port }}
{{- if $facts.switches.schedulerProfiles }}
{{- with .Values.config.scheduler }}
scheduler:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
topologyAwareScheduling:
  enabled: {{ .Values.config.topologyAwareScheduling.enabled }}
authorizer:
  {{- toYaml .Values.config.authorizer | nindent 2 }}
network:
  {{- toYaml .Values.config.network | nindent 2 }}
{{- end -}}

{{/* The ConfigMap is immutable: a changed configuration gets a new name, which triggers a rollout. */}}
{{- define "grove.configName" -}}
grove-operator-cm-{{ include "grove.config" . | sha256sum | trunc 8 }}
{{- end -}}
