# The image for those with a container engine and a registry: docker build -t stockstream:0.1.0 .
# hack/image.sh makes the like without both; what it puts where, and the labels, are to be the same here.
# As in rust-toolchain.toml.
FROM rust:1.95.0-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo build --profile dist --locked \
    && objcopy --only-keep-debug target/dist/stockstream stockstream.debug \
    && objcopy --strip-debug --add-gnu-debuglink=stockstream.debug target/dist/stockstream stockstream

# The debug information: docker build --target symbols --output . .
FROM scratch AS symbols
COPY --from=build /source/stockstream.debug /

FROM debian:bookworm-slim
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="stockstream" \
      org.opencontainers.image.description="Stock analytics from Kafka events, kept in MongoDB, run by a Kubernetes operator" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 65532 stockstream \
    && useradd --uid 65532 --gid 65532 --home-dir / --no-create-home --shell /usr/sbin/nologin stockstream
COPY --from=build /source/stockstream /stockstream
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/stockstream"]
