//! The whole on a real one-node Kubernetes: installed by Helm, described by one resource, treated as people treat it.
//!
//! `KUBE_KIND=node` and the rest of `hack/kube.sh env` name the cluster, which has the image. Kafka and MongoDB run outside,
//! at an address that pods and tests share:
//!
//! ```text
//! export STOCKSTREAM_RUN=$(mktemp -d)
//! hack/kube.sh up node && hack/kube.sh load "$(hack/image.sh | tail -1)"
//! set -a; . "$STOCKSTREAM_RUN/kube/env"
//! KAFKA_BIND=0.0.0.0 KAFKA_ADVERTISE=$KUBE_HOST_ADDRESS MONGO_BIND=0.0.0.0 hack/services.sh up
//! . "$STOCKSTREAM_RUN/env"
//! KAFKA_BOOTSTRAP_SERVERS=$KUBE_HOST_ADDRESS:$KAFKA_PORT MONGODB_URI=mongodb://$KUBE_HOST_ADDRESS:$MONGO_PORT/stock_management
//! cargo test --workspace --test e2e cluster
//! ```

mod kube;
mod life;
mod pipeline;
