{{/* A webhook configuration with one webhook, on creation and update of one of Grove's resources. */}}
{{- define "grove.webhook" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: {{ .kind }}
metadata:
  name: {{ .name }}
  labels:
    {{- include "grove.labels" (list .root "operator-webhook") | nindent 4 }}
webhooks:
  - name: {{ .webhook }}
    admissionReviewVersions: [v1]
    clientConfig:
      {{- with .root.Values.webhooks.caBundle }}
      caBundle: {{ . }}
      {{- end }}
      service:
        name: {{ .root.Values.service.name }}
        namespace: {{ .root.Release.Namespace }}
        path: {{ .path }}
        port: {{ .root.Values.config.server.webhooks.port }}
    failurePolicy: Fail
    matchPolicy: Exact
    rules:
      - apiGroups: [grove.io]
        apiVersions: [v1alpha1]
        operations: [CREATE, UPDATE]
        resources: [{{ .resource }}]
        scope: {{ .scope }}
    sideEffects: None
    timeoutSeconds: 10
{{- end -}}
