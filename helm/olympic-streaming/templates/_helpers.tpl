{{/* Labels of every object; the argument is a list of the root and the component. */}}
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

{{/* A pipeline's name as part of the names of objects. */}}
{{- define "olympic.kebab" -}}
{{- . | replace "_" "-" -}}
{{- end }}

{{/*
The password of a Secret: the one that is there, or a new one, made once in a run although several templates ask for it.
The argument is a list of the root and the Secret's name.
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

{{/* The name that clients in any namespace reach a service of this release by: a list of the root and the service. */}}
{{- define "olympic.host" -}}
{{- printf "%s.%s.svc" (index . 1) (index . 0).Release.Namespace -}}
{{- end }}

{{- define "olympic.bootstrapServers" -}}
{{- if .Values.kafka.enabled -}}
{{- printf "%s:9092" (include "olympic.host" (list . "kafka")) -}}
{{- else -}}
{{- required "kafka.bootstrapServers is needed where kafka.enabled is false" .Values.kafka.bootstrapServers -}}
{{- end -}}
{{- end }}

{{- define "olympic.mysqlHost" -}}
{{- if .Values.mysql.enabled -}}
{{- include "olympic.host" (list . "mysql") -}}
{{- else -}}
{{- required "mysql.host is needed where mysql.enabled is false" .Values.mysql.host -}}
{{- end -}}
{{- end }}

{{/* An image reference; the argument is a list of the root and the image's values. */}}
{{- define "olympic.image" -}}
{{- $image := index . 1 -}}
{{- printf "%s:%s" $image.repository ($image.tag | default (index . 0).Chart.AppVersion) -}}
{{- end }}

{{/* What the profile `restricted` of the Pod Security Standards asks of a pod; the argument is the user's id. */}}
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

{{/* Peers that may reach Kafka and MySQL. */}}
{{- define "olympic.networkPeers" -}}
- podSelector: {}
{{- with .Values.networkPolicy.extraFrom }}
{{ toYaml . }}
{{- end }}
{{- end }}
