# Eduline on Debian. Built in one stage, run in another, by a user who owns nothing but /var/lib/eduline.

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc make pkg-config libclang-dev libssl-dev libxml2-dev libxmlsec1-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package eduline

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl libssl3 libxml2 libxmlsec1-openssl libxslt1.1 openssl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /var/lib/eduline --create-home --shell /usr/sbin/nologin eduline \
    && install -d -o eduline -g eduline /var/lib/eduline-tls
COPY --from=build /src/target/release/eduline /usr/local/bin/eduline
COPY config /etc/eduline
USER eduline
WORKDIR /var/lib/eduline
ENV EDULINE_CONFIG=/etc/eduline/eduline.toml \
    EDULINE_DATA=/var/lib/eduline \
    EDULINE_LISTEN=0.0.0.0:8080
VOLUME /var/lib/eduline
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
    CMD curl --fail --silent --output /dev/null http://127.0.0.1:8080/health/ready
ENTRYPOINT ["eduline"]
CMD ["serve", "all"]
