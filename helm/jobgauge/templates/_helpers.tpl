{{/* The name that everything of this release begins with. */}}
{{- define "jobgauge.name" -}}
{{- ternary .Release.Name (printf "%s-jobgauge" .Release.Name) (contains "jobgauge" .Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* Labels that never change, by which objects find their pods: (list $ component). */}}
{{- define "jobgauge.selector" -}}
app.kubernetes.io/name: jobgauge
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "jobgauge.labels" -}}
{{ include "jobgauge.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ (index . 0).Chart.Name }}-{{ (index . 0).Chart.Version }}
{{- end }}

{{/* An image from (list $ own), where own may name another than the chart's. */}}
{{- define "jobgauge.image" -}}
{{- $ := index . 0 }}
{{- $own := index . 1 }}
{{- $repository := $own.repository | default $.Values.image.repository }}
{{- with $own.digest | default (ternary "" $.Values.image.digest (not (empty $own.repository))) -}}
{{ $repository }}@{{ . }}
{{- else -}}
{{ $repository }}:{{ $own.tag | default $.Values.image.tag | default $.Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* What every pod has. */}}
{{- define "jobgauge.pod" -}}
serviceAccountName: {{ include "jobgauge.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 9794
  runAsGroup: 9794
  fsGroup: 9794
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* What every container may: nothing but run. */}}
{{- define "jobgauge.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Annotations of a pod, which is started again when its configuration changes: (list $ own port). */}}
{{- define "jobgauge.annotations" -}}
{{- $ := index . 0 }}
{{- $own := index . 1 -}}
checksum/config: {{ list $own.config $own.people | toJson | sha256sum }}
{{- if eq $.Values.monitoring.mode "annotations" }}
prometheus.io/scrape: "true"
prometheus.io/port: {{ index . 2 | quote }}
{{- if and $.Values.web.configSecret (ne (index . 2) 9797) }}
prometheus.io/scheme: https
{{- end }}
{{- end }}
{{- end }}

{{- define "jobgauge.placing" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Serving by TLS, of an exporter: its flag, its volume, its probes. */}}
{{- define "jobgauge.web.probes" -}}
{{- if .Values.web.configSecret -}}
# The kubelet has no client certificate.
livenessProbe: {tcpSocket: {port: metrics}}
readinessProbe: {tcpSocket: {port: metrics}}
{{- else -}}
livenessProbe: {httpGet: {path: /-/healthy, port: metrics}, timeoutSeconds: 5}
readinessProbe: {httpGet: {path: /-/healthy, port: metrics}, timeoutSeconds: 5}
{{- end }}
{{- end }}

{{- define "jobgauge.web.mount" -}}
{{- if .Values.web.configSecret -}}
- {name: web, mountPath: /run/secrets/web, readOnly: true}
{{- end }}
{{- end }}

{{- define "jobgauge.web.volume" -}}
{{- with .Values.web.configSecret -}}
- {name: web, secret: {secretName: {{ quote . }}, defaultMode: 0440}}
{{- end }}
{{- end }}

{{/* Rule files by name: the chart's, then the site's. */}}
{{- define "jobgauge.rules" -}}
{{- $files := dict }}
{{- range $path, $text := .Files.Glob "files/rules/*.yml" }}
{{- $_ := set $files (base $path) ($text | toString) }}
{{- end }}
{{- mergeOverwrite $files .Values.rules.files | toYaml }}
{{- end }}

{{- define "jobgauge.external" -}}
{{- if .Values.externalTargets.jobExporters }}
jobgauge-job-exporter: {{ toJson .Values.externalTargets.jobExporters }}
{{- end }}
{{- if .Values.externalTargets.schedulerExporters }}
jobgauge-scheduler-exporter: {{ toJson .Values.externalTargets.schedulerExporters }}
{{- end }}
{{- end }}
