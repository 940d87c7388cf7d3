{{/* Labels of every object. Argument: a list of the root and the component. */}}
{{- define "olympic.labels" -}}
{{- $root := index . 0 -}}
{{ include "olympic.selectorLabels" . }}
app.kubernetes.io/part-of: olympic-streaming
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end }}

{{- define "olympic.selectorLabels" -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- end }}

{{/* A pipeline's name as it appears in object names. */}}
{{- define "olympic.kebab" -}}
{{- . | replace "_" "-" -}}
{{- end }}

{{/*
The password of a Secret: the existing one, or a new one. A new one is generated once per run, because several templates
include it. Argument: a list of the root and the Secret's name.
*/}}
{{- define "olympic.password" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- if not (hasKey $root.Values "_passwords") -}}
{{- $_ := set $root.Values "_passwords" dict -}}
{{- end -}}
{{- if not (hasKey $root.Values._passwords $name) -}}
{{- $present := lookup "v1" "Secret" $root.Release.Namespace $name -}}
{{- $password := dig "data" "password" "" $present | b64dec | default (randAlphaNum 32) -}}
{{- $_ := set $root.Values._passwords $name $password -}}
{{- end -}}
{{- get $root.Values._passwords $name -}}
{{- end }}

{{/* Host name of a Service, valid in every namespace. Argument: a list of the root and the Service's name. */}}
{{- define "olympic.host" -}}
{{- printf "%s.%s.svc" (index . 1) (index . 0).Release.Namespace -}}
{{- end }}

{{- define "olympic.bootstrapServers" -}}
{{- if .Values.kafka.enabled -}}
{{- printf "%s:9092" (include "olympic.host" (list . "kafka")) -}}
{{- else -}}
{{- required "kafka.bootstrapServers: missing. Expected host:port[,host:port...] because kafka.enabled is false. Set it to your brokers." .Values.kafka.bootstrapServers -}}
{{- end -}}
{{- end }}

{{- define "olympic.mysqlHost" -}}
{{- if .Values.mysql.enabled -}}
{{- include "olympic.host" (list . "mysql") -}}
{{- else -}}
{{- required "mysql.host: missing. Expected a host name because mysql.enabled is false. Set it to your server." .Values.mysql.host -}}
{{- end -}}
{{- end }}

{{/* An image reference; a digest takes precedence over the tag. Argument: a list of the root and the image's values. */}}
{{- define "olympic.image" -}}
{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default (index . 0).Chart.AppVersion) -}}
{{- end -}}
{{- end }}

{{/* Security context for the profile `restricted` of the Pod Security Standards. Argument: the user id. */}}
{{- define "olympic.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "olympic.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Clients that the network policies of Kafka and MySQL allow. */}}
{{- define "olympic.networkPeers" -}}
- podSelector: {}
{{- with .Values.networkPolicy.extraFrom }}
{{ toYaml . }}
{{- end }}
{{- end }}
