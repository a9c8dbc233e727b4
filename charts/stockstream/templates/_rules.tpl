{{/*
What the operator may do where pipelines are: in a ClusterRole when it watches all namespaces, else in a Role in each.
The README and docs/kubernetes.md tell why; hack/chart/rights.txt holds what a real API server makes of it.
*/}}
{{- define "stockstream.rules" -}}
# Pipelines are read; only their status is written, by server-side apply.
- apiGroups: [stockstream.dev]
  resources: [analyticspipelines]
  verbs: [get, list, watch]
- apiGroups: [stockstream.dev]
  resources: [analyticspipelines/status]
  verbs: [patch]
# To name a pipeline as the owner of its parts such that deleting it in the foreground waits for them; asked for by the
# admission plugin OwnerReferencesPermissionEnforcement, which OpenShift has.
- apiGroups: [stockstream.dev]
  resources: [analyticspipelines/finalizers]
  verbs: [update]
# A pipeline's parts. Server-side apply is `patch`, and `create` for what is not there yet.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [configmaps, services, serviceaccounts]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
# Watched and made where the cluster has this kind.
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors]
  verbs: [get, list, watch, create, patch, delete]
# The Secrets that pipelines name: read with `get`. Their metadata is watched, to notice a change; RBAC cannot grant the
# metadata alone.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
