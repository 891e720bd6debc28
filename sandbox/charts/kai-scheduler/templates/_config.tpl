{{/* The spec of Config/kai-config. */}}
{{- define "kai.configSpec" -}}
{{- $facts := .Files.Get "facts.yaml" | fromYaml -}}
namespace: {{ .Release.Namespace }}
global:
  replicaCount: {{ .Values.operator.replicaCount }}
  {{- range $field := list "tolerations" "affinity" "nodeSelector" "namespaceLabelSelector" "podLabelSelector" }}
  {{- with index $.Values.global $field }}
  {{ $field }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with .Values.podgrouper.queueLabelKey }}
  queueLabelKey: {{ . }}
  {{- end }}
  {{- if and $facts.switches.operandPullSecrets .Values.global.imagePullSecrets }}
  additionalImagePullSecrets:
    {{- range .Values.global.imagePullSecrets }}
    - {{ .name }}
    {{- end }}
  {{- end }}
{{- range $field, $key := dict
    "admission" "admission"
    "binder" "binder"
    "nodeScaleAdjuster" "nodescaleadjuster"
    "podGroupController" "podgroupcontroller"
    "podGrouper" "podgrouper"
    "queueController" "queuecontroller"
    "scheduler" "scheduler"
}}
{{- $component := index $.Values $key }}
{{ $field }}:
  service:
    enabled: {{ eq $key "nodescaleadjuster" | ternary $.Values.global.clusterAutoscaling (dig "enabled" true $component) }}
    image:
      name: {{ $component.image.name }}
      repository: {{ $.Values.global.registry }}
      tag: {{ include "kai.tag" (dict "root" $ "image" $component.image) }}
      pullPolicy: {{ $component.image.pullPolicy | default $.Values.global.imagePullPolicy }}
    {{- with $component.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  {{- if eq $key "admission" }}
  gpuSharing: {{ $.Values.global.gpuSharing }}
  {{- end }}
{{- end }}
{{- end -}}
