// Kinds of others that a pipeline meets. Only their definitions are taken, so these are no tools of ../go.mod, whose
// versions their programs would change.
module stockstream/hack/kube/kinds

go 1.26.4

require (
	github.com/kedacore/keda/v2 v2.21.0
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
