#!/usr/bin/env bash
# The image stockstream:VERSION as an archive, made from files: no container engine, no registry, no base image.
#
#   hack/image.sh [OUT.tar]     default: target/image/stockstream-VERSION.tar; its path is the last line printed
#
# In it: /stockstream, which is the entry point, the shared libraries that it loads, the root certificates of Debian's
# package ca-certificates, an empty /tmp, and a user `stockstream` of id 65532, who runs it. The same binary gives the
# same archive. The binary is shipped without its debug information, which is kept beside the archive, as OUT.debug: give it to
# gdb, or to addr2line for a line of a backtrace. It brings this machine's C library along, so every Linux of the same architecture runs it.
# `docker load -i`, `kind load image-archive` and `hack/kube.sh load` take it. The Dockerfile makes the like with an engine.
#
# STOCKSTREAM_BINARY (target/dist/stockstream): built by cargo if it is missing
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
case "${1:-}" in
  -*) usage ;;
esac
version=$(product_version)
out=$(realpath -m "${1:-$top/target/image/stockstream-$version.tar}")
binary=${STOCKSTREAM_BINARY:-$top/target/dist/stockstream}
certificates=/usr/share/ca-certificates/mozilla

if [ ! -f "$binary" ]; then
  [ -z "${STOCKSTREAM_BINARY:-}" ] || needs "STOCKSTREAM_BINARY names no file: $binary"
  command -v cargo >/dev/null || needs "cargo is missing: install Rust (https://rustup.rs), or name a binary by STOCKSTREAM_BINARY"
  (cd "$top" && cargo build --profile dist --locked)
fi
[ -d "$certificates" ] || needs "root certificates are missing: install Debian's package ca-certificates"

command -v objcopy >/dev/null || needs "objcopy is missing: install Debian's package binutils"

parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT
symbols=${out%.tar}.debug
mkdir -p "$(dirname "$out")"
objcopy --only-keep-debug "$binary" "$symbols"
objcopy --strip-debug --add-gnu-debuglink="$symbols" "$binary" "$parts/stockstream"
# The package's own certificates, not /etc/ssl/certs: what somebody trusts on this machine is not for everyone.
cat "$certificates"/*.crt >"$parts/certificates"
cat >"$parts/passwd" <<'END'
root:x:0:0:root:/:/sbin/nologin
stockstream:x:65532:65532:stockstream:/:/sbin/nologin
END
printf 'root:x:0:\nstockstream:x:65532:\n' >"$parts/group"
# Without this file the C library asks DNS first and never looks at /etc/hosts.
echo 'hosts: files dns' >"$parts/nsswitch"

python3 "$hack/image.py" "$out" "stockstream:$version" \
  --entrypoint /stockstream --user 65532 \
  --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
  --label org.opencontainers.image.title=stockstream \
  --label "org.opencontainers.image.description=Stock analytics from Kafka events, kept in MongoDB, run by a Kubernetes operator" \
  --label "org.opencontainers.image.version=$version" \
  --label org.opencontainers.image.licenses=Apache-2.0 \
  stockstream="$parts/stockstream" \
  etc/ssl/certs/ca-certificates.crt="$parts/certificates" \
  etc/passwd="$parts/passwd" etc/group="$parts/group" etc/nsswitch.conf="$parts/nsswitch"
say "stockstream:$version, $(($(stat -c %s "$out") / 1048576)) MiB"
echo "$out"
