//! The whole on a real one-node Kubernetes: installed by Helm, described by one resource, treated as people treat it.
//!
//! `KUBE_KIND=node` and the rest of `hack/kube.sh env` name the cluster, which has the image. Kafka and MongoDB run outside,
//! at an address that pods and tests share:
//!
//! ```text
//! export STOCKSTREAM_RUN=$(mktemp -d)
//! hack/kube.sh up node && hack/kube.sh load "$(hack/image.sh | tail -1)"
//! set -a; . "$STOCKSTREAM_RUN/kube/env"
//! SERVICES_ADDRESS=$KUBE_HOST_ADDRESS hack/services.sh up
//! . "$STOCKSTREAM_RUN/env"
//! cargo test --workspace --test e2e cluster
//! ```

mod autoscale;
mod demo;
mod event_entry;
mod kube;
mod lifecycle;
mod pipeline;
mod secured;
