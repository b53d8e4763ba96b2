# The API's image. It needs no BuildKit; docker-compose.yml shows how it is meant to run: with a
# read-only root, without capabilities, as a user that is not root.

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --release --package log-api --features jemalloc

FROM debian:bookworm-slim
# The authorities that outgoing TLS trusts: the key set is fetched by https.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
# `/data` is for `serve --store embedded --data /data`, with a volume mounted there.
RUN groupadd --gid 10001 log-api \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin log-api \
    && install --directory --owner=log-api --group=log-api /data
COPY --from=build /src/target/release/log-api /usr/local/bin/log-api
USER 10001:10001
ENV LOG_API_BIND=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["log-api", "health"]
ENTRYPOINT ["log-api"]
CMD ["serve"]
