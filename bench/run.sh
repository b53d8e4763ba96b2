#!/bin/sh
# Builds what is measured, installs the peers where they are asked for, and becomes the benchmark.
#
#   bench/run.sh TARGET scale|peers|plan [ARGUMENTS]     TARGET is cargo's target folder
#   bench/run.sh TARGET --self-test                      the tests of the load generator itself
#
# `cargo xtask bench` calls it.
set -eu
target=$1 set=$2
shift 2
# The version that the figures are compared with.
durable_streams=0.1.5
# Where Debian's libnginx-mod-nchan puts the module.
nchan=/usr/lib/nginx/modules/ngx_nchan_module.so
load="--locked --manifest-path bench/Cargo.toml --target-dir $target"

if [ "$set" = --self-test ]; then
    exec cargo test $load
fi
if [ "$(uname)" != Linux ]; then
    echo 'This benchmark needs Linux: it reads the accounting of processes from /proc.' >&2
    exit 1
fi
# As it is deployed: with the allocator that the image has.
cargo build --release --locked --target-dir "$target" --package log-api --features jemalloc
# The worker of the case `ingest`.
cargo build --release --locked --target-dir "$target" --package log-cli
cargo build --release $load
if [ "$set" = plan ]; then
    exec "$target/release/bench-load" plan --out "$target/bench" "$@"
fi

case "$set $* " in
*' --list '*) ;;
peers*)
    if [ ! -x "$target/peers/bin/durable-streams-server" ]; then
        cargo install durable-streams --version $durable_streams --locked --root "$target/peers"
    fi
    if [ ! -f $nchan ] || [ ! -x /usr/sbin/nginx ]; then
        if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
            echo 'nchan is missing (Debian, as root: apt-get install nginx libnginx-mod-nchan).' >&2
            exit 1
        fi
        apt-get --quiet update
        DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes install --no-install-recommends nginx libnginx-mod-nchan
    fi
    ;;
esac
# In place of this process, so that signals reach the process that has servers to stop.
exec "$target/release/bench-load" "$set" --out "$target/bench" --nchan $nchan \
    --commit "$(git describe --always --dirty)" --log-api "$target/release/log-api" \
    --joblog "$target/release/joblog" \
    --durable-streams "$target/peers/bin/durable-streams-server" "$@"
