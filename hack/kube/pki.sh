# Certificates and kubeconfigs of one cluster, in $PKI; sourced by hack/kube.sh.
# shellcheck shell=bash disable=SC2154

# new_ca NAME
new_ca() {
  openssl req -x509 -config "$PKI/openssl.cnf" -extensions ca -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
    -keyout "$PKI/$1.key" -out "$PKI/$1.crt" -subj "/CN=stockstream-$1" 2>/dev/null
}

# certificate NAME SUBJECT [ALTERNATIVE-NAMES] [CA]: to $PKI/NAME.{key,crt}
certificate() {
  local ca=${4:-ca} extensions=basicConstraints=CA:FALSE # an extension makes it X.509 v3: rustls refuses v1
  [ -z "${3:-}" ] || extensions+=$'\n'subjectAltName=$3
  openssl req -config "$PKI/openssl.cnf" -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -keyout "$PKI/$1.key" -subj "$2" 2>/dev/null |
    openssl x509 -req -CA "$PKI/$ca.crt" -CAkey "$PKI/$ca.key" -set_serial "0x$(openssl rand -hex 8)" -days 365 \
      -extfile <(echo "$extensions") -out "$PKI/$1.crt" 2>/dev/null
}

# kubeconfig NAME: that of the user whose certificate $PKI/NAME.crt is
kubeconfig() {
  cat <<CONF
apiVersion: v1
kind: Config
current-context: stockstream
clusters: [{name: stockstream, cluster: {server: "$KUBE_SERVER", certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")}}]
contexts: [{name: stockstream, context: {cluster: stockstream, user: "$1"}}]
users: [{name: "$1", user: {client-certificate-data: $(base64 -w0 "$PKI/$1.crt"), client-key-data: $(base64 -w0 "$PKI/$1.key")}}]
CONF
}

# make_pki SERVER-ADDRESS SERVICE-ADDRESS NODE-ADDRESS
make_pki() {
  [ ! -f "$PKI/done" ] || return 0
  rm -rf "$PKI"; mkdir -p "$PKI"; chmod 700 "$PKI"
  cat >"$PKI/openssl.cnf" <<'CONF'
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
CONF
  new_ca ca
  new_ca front-proxy-ca # whom an aggregated API server believes; one for all would let every user forge another's name
  certificate apiserver /CN=kube-apiserver \
    "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:$1,IP:$2"
  certificate front-proxy /CN=front-proxy "" front-proxy-ca
  certificate apiserver-kubelet /CN=kube-apiserver-kubelet
  certificate kubelet "/CN=$3" "IP:$3"
  certificate bootstrap /O=system:masters/CN=bootstrap
  certificate admin /O=stockstream:admins/CN=admin
  certificate controller-manager /CN=system:kube-controller-manager
  certificate scheduler /CN=system:kube-scheduler
  certificate node "/O=system:nodes/CN=system:node:$NODE_NAME"
  certificate proxy /CN=system:kube-proxy
  openssl ecparam -name prime256v1 -genkey -noout -out "$PKI/service-accounts.key"
  openssl ec -in "$PKI/service-accounts.key" -pubout -out "$PKI/service-accounts.pub" 2>/dev/null
  local user
  for user in bootstrap admin controller-manager scheduler node proxy; do
    (umask 077; kubeconfig "$user" >"$DIR/$user.kubeconfig")
  done
  touch "$PKI/done"
}
