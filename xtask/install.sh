#!/bin/sh
# Installs what a command needs and this machine lacks. It says nothing where all is there.
#
#   install.sh program NAME [PACKAGE]  from Debian's package of that name, on Debian and as root
#   install.sh python FOLDER LIST      Python packages of a list, from PyPI, into a folder with a Python of its own
#   install.sh cargo COMMAND VERSION   a command of cargo, from crates.io
set -eu
name=$2
case $1 in
program)
    package=${3:-$name}
    if ! command -v "$name" >/dev/null && [ -f /etc/debian_version ] && [ "$(id -u)" = 0 ]; then
        echo "Installing Debian's $package (about a minute)."
        export DEBIAN_FRONTEND=noninteractive
        # Several of these packages start a server, on the same port.
        policy=/usr/sbin/policy-rc.d
        if [ ! -e "$policy" ]; then
            trap 'rm -f "$policy"' EXIT
            printf '#!/bin/sh\nexit 101\n' >"$policy"
            chmod +x "$policy"
        fi
        timeout 300 apt-get --quiet update
        timeout 300 apt-get --quiet install --yes --no-install-recommends "$package"
    fi
    if ! command -v "$name" >/dev/null; then
        echo "$name is missing (Debian, as root: apt-get install $package)" >&2
        exit 1
    fi
    ;;
python)
    list=$3
    if ! cmp --silent "$list" "$name/installed.txt"; then
        echo "Installing the Python packages of $list (about a minute)."
        sh "$0" program python3
        python3 -m venv --help >/dev/null 2>&1 && python3 -c 'import ensurepip' 2>/dev/null ||
            { timeout 300 apt-get --quiet update && timeout 300 apt-get --quiet install --yes python3-venv; }
        python3 -m venv --clear "$name"
        "$name/bin/pip" install --quiet --disable-pip-version-check --requirement "$list"
        cp "$list" "$name/installed.txt"
    fi
    ;;
cargo)
    if ! cargo "$name" --version >/dev/null 2>&1; then
        echo "Installing cargo-$name $3 (some minutes)."
        cargo install --locked --version "$3" "cargo-$name"
    fi
    ;;
*)
    echo "install.sh: there is nothing to install as '$1'" >&2
    exit 1
    ;;
esac
