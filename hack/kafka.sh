#!/usr/bin/env bash
# A real Apache Kafka broker (KRaft, one node) from its jars on Maven Central. Needs Java 17 and Maven.
#
#   hack/kafka.sh up                start the broker; nothing happens if it runs already
#   hack/kafka.sh down [--wipe]     stop it and wait for its end; --wipe also deletes all it holds
#   hack/kafka.sh run CLASS ARGS…   one of Kafka's own tools, such as org.apache.kafka.tools.TopicCommand
#   hack/kafka.sh install           only fetch what `up` needs
#
# KAFKA_PORT (9092)              KAFKA_CONTROLLER_PORT (KAFKA_PORT + 1)     KAFKA_HEAP (512m)
# KAFKA_BIND (127.0.0.1)         KAFKA_ADVERTISE (127.0.0.1): both for clients in containers
# Secured listeners, each only if its port is given; they show certificates of KAFKA_CERTS, a folder by hack/certs.sh:
#   KAFKA_SASL_SSL_PORT     SASL_SSL by SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN, for KAFKA_USER with KAFKA_PASSWORD
#   KAFKA_SSL_PORT          mutual TLS: the client's certificate must be of ca.crt
#   KAFKA_EXPIRED_PORT      TLS with the expired certificate
#   KAFKA_WRONG_HOST_PORT   TLS with the certificate of another host
# With any of them ACLs count: who comes by PLAINTEXT, KAFKA_USER and the certificate CN=stockstream may do everything,
# all others what `run kafka.admin.AclCommand` gives them. More SCRAM users: `run kafka.admin.ConfigCommand`; KAFKA_USER's
# passwords are those of the first `up`. KAFKA_REAUTH_MS (0, never): after so long a client must show its password again.
# KAFKA_BEHIND_PORT, KAFKA_PROXY_PORT: a listener at the first that sends its clients to the second, for a proxy between
# KAFKA_SESSION_MIN_MS (6000): the shortest session timeout that a consumer may ask for
# STOCKSTREAM_CACHE (~/.cache/stockstream): downloads, shared by all brokers, in kafka/
# STOCKSTREAM_RUN (STOCKSTREAM_CACHE/run): one broker, in kafka/: kafka.pid, kafka.log, server.properties, data/
#
# Brokers with run folders and ports of their own live side by side. What a broker holds outlives `kill -9` of the
# process in kafka.pid and `down`: `up` with the same environment goes on where it was.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
VERSION=${KAFKA_VERSION:-4.1.1}
PORT=${KAFKA_PORT:-9092}
BIND=${KAFKA_BIND:-127.0.0.1}
CONTROLLER=${KAFKA_CONTROLLER_PORT:-$((PORT + 1))}
CACHE=$(cache_folder)
RUN=$(run_folder)
JARS=$CACHE/kafka
DIR=$RUN/kafka
CERTS=${KAFKA_CERTS:+$(realpath -m "$KAFKA_CERTS")}
ADVERTISE=${KAFKA_ADVERTISE:-127.0.0.1}

# The tools' output is on stdout, so what Kafka logs goes to stderr.
kafka_java=(java -Xmx"${KAFKA_HEAP:-512m}" -Dlog4j2.configurationFile="$JARS/log4j2-stderr.xml" -cp "$JARS/libs/*")
process=("$DIR/kafka.pid" "$DIR")

install() {
  command -v java >/dev/null || needs "Java is missing: install a JRE of version 17 or newer (Debian: default-jdk-headless)"
  mkdir -p "$JARS"
  cat >"$JARS/log4j2-stderr.xml.$$" <<'XML'
<Configuration><Appenders><Console name="c" target="SYSTEM_ERR"><PatternLayout pattern="%d %p %c{1} %m%n"/></Console></Appenders>
<Loggers><Root level="warn"><AppenderRef ref="c"/></Root></Loggers></Configuration>
XML
  mv "$JARS/log4j2-stderr.xml.$$" "$JARS/log4j2-stderr.xml"
  [ -f "$JARS/libs/kafka_2.13-$VERSION.jar" ] && return
  command -v mvn >/dev/null || needs "Maven is missing: install it (Debian: maven)"
  rm -rf "$JARS/new"
  cat >"$JARS/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>stockstream</groupId><artifactId>kafka</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$VERSION</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$VERSION</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.1</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.25.1</version></dependency>
</dependencies></project>
POM
  (cd "$JARS" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=new)
  rm -rf "$JARS/libs"; mv "$JARS/new" "$JARS/libs"
}

# Two test runs that begin at once must not write the cache at once.
install_once() { locked "$JARS" install; }

# Listeners besides PLAINTEXT and CONTROLLER.
listeners='' advertised='' protocols=''
# listen NAME PORT PROTOCOL [HOST]
listen() {
  [ -n "$2" ] || return 0
  listeners+=",$1://$BIND:$2" advertised+=",$1://${4:-$ADVERTISE}:$2" protocols+=",$1:$3"
}

secured() {
  listen SASL_SSL "${KAFKA_SASL_SSL_PORT:-}" SASL_SSL
  listen SSL "${KAFKA_SSL_PORT:-}" SSL
  listen EXPIRED "${KAFKA_EXPIRED_PORT:-}" SSL
  # By the name in its certificate: whoever came by that name must not be sent on to one that the certificate does not hold.
  listen WRONG_HOST "${KAFKA_WRONG_HOST_PORT:-}" SSL wrong.host.example
  [ -n "$listeners" ] || return 0
  [ -f "$CERTS/server.pem" ] || needs "secured listeners need KAFKA_CERTS, a folder that hack/certs.sh made"
  [ -n "${KAFKA_SASL_SSL_PORT:-}" ] || return 0
  # It stands in three files that quote differently; these characters are the same in all of them.
  [[ "${KAFKA_USER:-}:${KAFKA_PASSWORD:-}" =~ ^[A-Za-z0-9_.-]+:[A-Za-z0-9_.-]+$ ]] ||
    needs "SASL needs KAFKA_USER and KAFKA_PASSWORD, of letters, digits, '_', '.' and '-'"
}

# What server.properties holds besides for secured listeners.
secured_properties() {
  [ -n "$listeners" ] || return 0
  cat <<CONF
ssl.keystore.type=PEM
ssl.keystore.location=$CERTS/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=$CERTS/ca.crt
listener.name.ssl.ssl.client.auth=required
listener.name.expired.ssl.keystore.location=$CERTS/expired.pem
listener.name.wrong_host.ssl.keystore.location=$CERTS/wrong-host.pem
sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256,PLAIN
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_${KAFKA_USER:-}="${KAFKA_PASSWORD:-}";
connections.max.reauth.ms=${KAFKA_REAUTH_MS:-0}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:CN=stockstream${KAFKA_USER:+;User:$KAFKA_USER}
CONF
}

format() {
  # A random id of 16 bytes; the fixed first one keeps a leading "-" away, which Kafka refuses.
  local id scram
  id=$({ printf s; head -c 15 /dev/urandom; } | base64 | tr '+/' '-_' | cut -c-22)
  # By a file of arguments: what is on the command line, every user of the machine can read.
  {
    printf '%s\n' kafka.tools.StorageTool format --standalone -t "$id" -c server.properties
    if [ -n "${KAFKA_SASL_SSL_PORT:-}" ]; then
      for scram in SCRAM-SHA-512 SCRAM-SHA-256; do
        printf -- '--add-scram\n%s=[name=%s,password=%s]\n' $scram "$KAFKA_USER" "$KAFKA_PASSWORD"
      done
    fi
  } >format.args
  "${kafka_java[@]}" @format.args >/dev/null
  rm format.args
}

up() {
  secured
  install_once
  mkdir -p "$DIR"; cd "$DIR"
  if alive "${process[@]}"; then echo "kafka: $ADVERTISE:$PORT"; return; fi
  port_must_be_free "$BIND" "$PORT" KAFKA_PORT
  umask 077 # there are passwords in it
  local behind=${KAFKA_BEHIND_PORT:-}
  cat >server.properties <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$CONTROLLER
listeners=PLAINTEXT://$BIND:$PORT,CONTROLLER://127.0.0.1:$CONTROLLER$listeners${behind:+,BEHIND://$BIND:$behind}
advertised.listeners=PLAINTEXT://$ADVERTISE:$PORT$advertised${behind:+,BEHIND://$ADVERTISE:$KAFKA_PROXY_PORT}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT$protocols${behind:+,BEHIND:PLAINTEXT}
log.dirs=$PWD/data
num.partitions=3
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=${KAFKA_SESSION_MIN_MS:-6000}
auto.create.topics.enable=false
# A broker that was killed may come back when the controller has given up its old self: 9 s unless said otherwise.
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
CONF
  secured_properties >>server.properties
  [ -f data/meta.properties ] || format
  spawn "$DIR/kafka.pid" "$DIR/kafka.log" "${kafka_java[@]}" kafka.Kafka server.properties
  # A broker that was killed reads its logs first.
  wait_for_answer 180 "${process[@]}" "$BIND" "$PORT" || { log_end "the broker did not start" "$DIR/kafka.log"; down; exit 1; }
  echo "kafka: $ADVERTISE:$PORT"
}

down() {
  stop_process "${process[@]}"
  if [ "${1:-}" = --wipe ]; then rm -rf "$DIR"; fi
}

case "${1:-}" in
  up) up ;;
  down) shift; down "$@" ;;
  run) shift; install_once; exec "${kafka_java[@]}" "$@" ;;
  install) install_once ;;
  *) usage ;;
esac
