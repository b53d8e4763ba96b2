#!/bin/sh
# Makes a Docker image without a registry: packs programs of this machine, with the libraries they need, into a tar
# archive and hands it to `docker import`. No base image, no builder and no network is needed.
#
#   image.sh redis TAG [--force]   from Debian's redis-server; --force: even if there is an image of that name
#   image.sh pull-redis TAG        pulled from a registry; made as above if that fails
#   image.sh api TAG BINARY        from a compiled log-api
set -eu
umask 022
kind=$1 tag=$2 option=${3:-}

has_image() {
    timeout 10 docker image inspect "$tag" >/dev/null 2>&1
}

case $kind$option in
redis)
    if has_image; then
        echo 'There is an image of that name already; --force makes it again.'
        exit
    fi
    ;;
pull-redis)
    if has_image || timeout 300 docker pull "$tag"; then
        exit
    fi
    echo "It cannot be pulled. Making it from Debian's redis-server."
    kind=redis
    ;;
esac

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

# Copies a file to the same path inside the image, or to the path $2.
add() {
    mkdir -p "$root$(dirname "${2:-$1}")"
    cp -L "$1" "$root${2:-$1}"
}

# Copies a program and the libraries that it is linked to, the loader included.
# Cargo sets a library path for what it runs; the image will not have those folders.
add_program() {
    add "$1" "$2"
    { env -u LD_LIBRARY_PATH ldd "$1" || true; } | grep -o '/[^ ]*' | while read -r library; do
        add "$library"
    done
}

# The user that the program runs as. It owns /data, and nothing else.
add_user() {
    mkdir -p "$root/etc" "$root/data"
    printf 'root:x:0:0:root:/:/sbin/nologin\n%s:x:%s:%s::/:/sbin/nologin\n' "$1" "$2" "$2" >"$root/etc/passwd"
    printf 'root:x:0:\n%s:x:%s:\n' "$1" "$2" >"$root/etc/group"
    echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
}

# Imports the folder as the user $1; the further arguments are options of `docker import`.
import() {
    user=$1
    shift
    # Two calls: one call of tar gives everything one owner.
    tar="tar --directory $root --numeric-owner --sort=name --mtime=@0"
    $tar --create --owner=0 --group=0 --exclude=./data --file "$root.tar" .
    $tar --append "--owner=$user" "--group=$user" --file "$root.tar" ./data
    docker import "$@" --change "USER $user:$user" "$root.tar" "$tag" >/dev/null || { rm -f "$root.tar"; exit 1; }
    rm -f "$root.tar"
}

case $kind in
redis)
    sh "$(dirname "$0")/install.sh" program redis-server
    add_user redis 999
    add_program "$(command -v redis-server)" /usr/bin/redis-server
    add_program "$(command -v redis-cli)" /usr/bin/redis-cli
    # The shell is for the entry point and for health checks.
    add_program /bin/sh /bin/sh
    # In short what the official image does: bare options mean the server, which is open to its container's network.
    cat >"$root/usr/bin/docker-entrypoint.sh" <<'SCRIPT'
#!/bin/sh
set -e
case "$1" in
    -*) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ]; then
    shift
    case "$1" in
        -v | --version | -h | --help) set -- redis-server "$@" ;;
        "" | -*) set -- redis-server --protected-mode no "$@" ;;
        *) config=$1; shift; set -- redis-server "$config" --protected-mode no "$@" ;;
    esac
fi
exec "$@"
SCRIPT
    chmod 755 "$root/usr/bin/docker-entrypoint.sh"
    import 999 \
        --change 'ENV PATH=/usr/bin:/bin' \
        --change 'WORKDIR /data' \
        --change 'EXPOSE 6379' \
        --change 'ENTRYPOINT ["docker-entrypoint.sh"]' \
        --change 'CMD ["redis-server"]'
    version=$(docker run --rm --network none "$tag" redis-server --version | sed 's/.* v=\([0-9.]*\) .*/\1/')
    echo "Made $tag; it runs Redis $version."
    case $tag in
    *"$version"*) ;;
    *) echo "Its name says otherwise: Debian on this machine has another Redis." ;;
    esac
    ;;
api)
    add_user log-api 10001
    add_program "$option" /usr/local/bin/log-api
    # The authorities that outgoing TLS trusts.
    add /etc/ssl/certs/ca-certificates.crt
    # A test compares these lines with the last stage of the Dockerfile.
    import 10001 \
        --change 'ENV PATH=/usr/local/bin' \
        --change 'ENV LOG_API_BIND=0.0.0.0:8080' \
        --change 'EXPOSE 8080' \
        --change 'HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["log-api", "health"]' \
        --change 'ENTRYPOINT ["log-api"]' \
        --change 'CMD ["serve"]'
    # As compose starts it: without rights and without a writable root. A library that is missing shows here.
    docker run --rm --read-only --cap-drop ALL --network none "$tag" --help >/dev/null
    echo "Made $tag."
    ;;
*)
    echo "image.sh: there is no image '$kind'" >&2
    exit 1
    ;;
esac
