{{/* The OperatorConfiguration that the manager reads. Orchestrators are always set, so that it never detects them. */}}
{{- define "operator.config" -}}
{{- $facts := .Files.Get "facts.yaml" | fromYaml -}}
{{- $fullname := include "operator.fullname" . -}}
{{- $restricted := .Values.namespaceRestriction.enabled -}}
{{- $kai := index .Values.global "kai-scheduler" -}}
{{- $grove := .Values.global.grove -}}
apiVersion: operator.config.dynamo.nvidia.com/v1alpha1
kind: OperatorConfiguration
server:
  metrics: {bindAddress: 0.0.0.0, secure: true}
  webhook:
    certProvisionMode: {{ or .Values.webhook.certManager.enabled .Values.webhook.certificateSecret.external | ternary "manual" "auto" }}
    secretName: {{ .Values.webhook.certificateSecret.name }}
    serviceName: {{ $fullname }}-webhook-service
leaderElection:
  enabled: true
  {{- with .Values.controllerManager.leaderElection }}
  id: {{ .id | default "dynamo.nvidia.com" }}
  namespace: {{ $restricted | ternary (include "operator.target" $) (.namespace | default "kube-system") }}
  {{- end }}
{{- if $restricted }}
namespace:
  restricted: {{ include "operator.target" . }}
gpu:
  discoveryEnabled: {{ .Values.gpuDiscovery.enabled }}
{{- else }}
rbac:
  plannerClusterRoleName: {{ $fullname }}-planner
  dgdrProfilingClusterRoleName: {{ $fullname }}-dgdr-profiling
  eppClusterRoleName: {{ $fullname }}-epp
{{- end }}
orchestrators:
  kaiScheduler:
    enabled: {{ or $kai.enabled $kai.install }}
  {{- if $facts.operatorConfig.volcano }}
  volcanoScheduler:
    enabled: {{ (index .Values.global "volcano-scheduler").enabled }}
  {{- end }}
  grove:
    enabled: {{ or $grove.enabled $grove.install }}
    {{- if ne .Values.dynamo.groveTerminationDelay "15m" }}
    terminationDelay: {{ .Values.dynamo.groveTerminationDelay }}
    {{- end }}
{{- $natsBundled := dig "enabled" false (.Values.nats | default dict) }}
{{- if $facts.natsFollowsGlobal }}
{{- $natsBundled = .Values.global.nats.install }}
{{- end }}
{{- $infrastructure := dict }}
{{- if .Values.natsAddr }}
{{- $_ := set $infrastructure "natsAddress" .Values.natsAddr }}
{{- else if $natsBundled }}
{{- $_ := set $infrastructure "natsAddress" (printf "nats://%s-nats.%s.svc.cluster.local:4222" .Release.Name .Release.Namespace) }}
{{- end }}
{{- if .Values.etcdAddr }}
{{- $_ := set $infrastructure "etcdAddress" .Values.etcdAddr }}
{{- else if .Values.global.etcd.install }}
{{- $_ := set $infrastructure "etcdAddress" (printf "%s-etcd.%s.svc.cluster.local:2379" .Release.Name .Release.Namespace) }}
{{- end }}
{{- with .Values.modelExpressURL }}
{{- $_ := set $infrastructure "modelExpressURL" . }}
{{- end }}
{{- with .Values.dynamo.metrics.prometheusEndpoint }}
{{- $_ := set $infrastructure "prometheusEndpoint" . }}
{{- end }}
{{- with $infrastructure }}
infrastructure:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $facts.operatorConfig.serviceMesh }}
serviceMesh:
  enabled: {{ .Values.dynamo.serviceMesh.enabled }}
  {{- if .Values.dynamo.serviceMesh.enabled }}
  provider: {{ .Values.dynamo.serviceMesh.provider }}
  {{- end }}
{{- end }}
mpi:
  sshSecretName: {{ .Values.dynamo.mpiRun.secretName }}
  sshSecretNamespace: {{ .Release.Namespace }}
{{- with .Values.checkpoint }}
{{- if .enabled }}
checkpoint:
  enabled: true
  {{- with .cleanupImage }}
  cleanupImage: {{ . }}
  {{- end }}
  {{- with .seccomp }}
  seccomp: {profile: {{ .profile }}}
  {{- end }}
  {{- with .storage }}
  {{- if .type }}
  storage:
    {{- if $facts.operatorConfig.checkpointStorageType }}
    type: {{ .type }}
    {{- end }}
    pvc:
      {{- toYaml .pvc | nindent 6 }}
  {{- end }}
  {{- end }}
{{- end }}
{{- end }}
{{- if ne .Values.discoveryBackend "kubernetes" }}
discovery:
  backend: {{ .Values.discoveryBackend }}
{{- end }}
{{- end -}}
