#!/usr/bin/env bash
# Certificates to try secured services with: good ones, and one for each way to be wrong. Needs OpenSSL's command line.
#
#   hack/certs.sh FOLDER [NAME…]    make them for localhost, 127.0.0.1 and these host names or addresses; nothing
#                                   happens if the folder is there already
#
# In it, as PEM (X.509 v3, P-256, keys as PKCS#8):
#   ca.crt          the authority of all others but the last two, ca.key its key
#   server.{crt,key}       what a server should show: it is for the names above
#   expired.{crt,key}      the same names, but its time is over since 2021
#   wrong-host.{crt,key}   good, but for wrong.host.example alone
#   client.{crt,key}       a client's, for mutual TLS; its name is CN=stockstream
#   unknown-ca.crt         an authority that nobody trusts, and that signed none of the above
#   stranger.{crt,key}     a client's of that authority
#   NAME.pem               of each of these pairs the key and the certificate in one file, as Kafka's broker takes them
#                          (ssl.keystore.type=PEM)
# The keys are for tests on this machine: they are readable by their owner alone, and nothing else protects them.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
[ $# -ge 1 ] && [ -n "$1" ] && [ "${1#-}" = "$1" ] || usage
folder=$(realpath -m "$1"); shift
[ -d "$folder" ] && exit 0
command -v openssl >/dev/null || needs "openssl is missing: install it (Debian: openssl)"
umask 077
mkdir -p "$(dirname "$folder")"
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

names=DNS:localhost,IP:127.0.0.1
for name in "$@"; do
  case "$name" in *:*) names+=,IP:$name ;; *[!0-9.]*) names+=,DNS:$name ;; *) names+=,IP:$name ;; esac
done

cat >openssl.cnf <<'CONF'
[req]
distinguished_name = subject
prompt = no
[subject]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ca]
default_ca = by
[by]
database = index
new_certs_dir = .
rand_serial = yes
unique_subject = no
policy = any
default_md = sha256
[any]
commonName = supplied
CONF

# Says what OpenSSL said only if it failed.
quietly() { local said; said=$("$@" 2>&1) || die "$1 $2 failed: $said"; }

# authority NAME
authority() {
  quietly openssl req -x509 -config openssl.cnf -extensions authority -subj "/CN=Stockstream test: $1" -days 3650 \
    -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.crt"
}

# certificate NAME AUTHORITY SUBJECT USAGE NAMES FROM UNTIL
certificate() {
  quietly openssl req -new -config openssl.cnf -subj "/CN=$3" \
    -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr"
  printf '%s\n' "basicConstraints = critical, CA:FALSE" "keyUsage = critical, digitalSignature" \
    "extendedKeyUsage = $4" "subjectKeyIdentifier = hash" "authorityKeyIdentifier = keyid" \
    ${5:+"subjectAltName = $5"} >"$1.ext"
  quietly openssl ca -batch -notext -config openssl.cnf -cert "$2.crt" -keyfile "$2.key" -in "$1.csr" -extfile "$1.ext" \
    -startdate "$6" -enddate "$7" -out "$1.crt"
  cat "$1.key" "$1.crt" >"$1.pem"
}

: >index
from=20200101000000Z until=20991231000000Z
authority ca
authority unknown-ca
certificate server ca localhost serverAuth "$names" $from $until
certificate expired ca localhost serverAuth "$names" 20200101000000Z 20210101000000Z
certificate wrong-host ca wrong.host.example serverAuth DNS:wrong.host.example $from $until
certificate client ca stockstream clientAuth "" $from $until
certificate stranger unknown-ca stockstream clientAuth "" $from $until
rm -f ./*.csr ./*.ext ./index* unknown-ca.key openssl.cnf
find . -regex '\./[0-9A-F]*\.pem' -delete # OpenSSL's own copies
mv -T "$work" "$folder"
