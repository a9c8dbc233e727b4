# The menu of hack/, for https://just.systems: `just` lists it. Each recipe only calls a script, whose head says more.
set positional-arguments

[private]
default:
    @{{ just_executable() }} --list --unsorted

# Run all checks and tests, or with --services without Kubernetes, with --unit without services
[group('test')]
test *args:
    @hack/test.sh "$@"

# Check licenses, duplicates and sources of dependencies, or with `advisories` known vulnerabilities
[group('test')]
deny *args:
    @hack/deny.sh "$@"

# Check the Helm chart, or with `update` write what is generated
[group('test')]
chart *args:
    @hack/chart.sh "$@"

# Fail where files of a crate use each other in a circle
[group('test')]
circles *crates:
    @hack/circles.py "$@"

# Run the chaos campaign: --seed N --faults N --only KIND --copies
[group('test')]
chaos *args:
    @hack/chaos.sh "$@"

# Start Kafka and two MongoDB-compatible servers on free ports
[group('services')]
services-up:
    @hack/services.sh up

# Print the addresses of the services as KEY=value lines
[group('services')]
services-env:
    @hack/services.sh env

# Stop the services and delete their data
[group('services')]
services-down:
    @hack/services.sh down

# Make certificates for tests in a folder: FOLDER [HOST…]
[group('services')]
certs *args:
    @hack/certs.sh "$@"

# Start a one-node Kubernetes from files, or with `control-plane` only its API
[group('kubernetes')]
kube-up *kind:
    @hack/kube.sh up "$@"

# Stop that Kubernetes and delete its data
[group('kubernetes')]
kube-down:
    @hack/kube.sh down

# Try out hack/kube.sh on this machine
[group('kubernetes')]
kube-check:
    @hack/kube-check.sh

# Install Stockstream into a kind cluster, with --demo also Kafka, MongoDB and sales
[group('kubernetes')]
kind *args:
    @hack/kind.sh "$@"

# Check kind-config.yaml and what hack/kind.sh does, without a container engine
[group('kubernetes')]
kind-check:
    @hack/kind-check.sh

# Make the container image as an archive, without a container engine
[group('kubernetes')]
image *out:
    @hack/image.sh "$@"

# Measure workers beside a consumer that does nothing
[group('measure')]
bench *args:
    @hack/bench.sh "$@"

# Measure the pages of a dashboard
[group('measure')]
pages *sales:
    @hack/pages.sh "$@"

# Measure how soon a worker counts after a start and after a kill
[group('measure')]
handover *rounds:
    @hack/handover.sh "$@"

# Measure an operator with many pipelines
[group('measure')]
scale *args:
    @hack/scale.sh "$@"

# Watch memory and connections over MINUTES at RATE events a second
[group('measure')]
soak *args:
    @hack/soak.sh "$@"
