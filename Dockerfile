# The image of the API. It can be built without BuildKit. docker-compose.yml shows how to run it: with a
# read-only root, without capabilities, and not as root.

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --release --package log-api --features jemalloc

FROM debian:bookworm-slim
# Clerk's public keys are fetched over https, which needs the certificates of the authorities.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
# `/data` is for `serve --store embedded --data /data`: mount a volume there.
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
