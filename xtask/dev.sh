#!/bin/sh
# Runs Redis by compose and `log-api serve` with it, and stops Redis at the end. Arguments go to `log-api serve`.
set -eu

if docker compose version >/dev/null 2>&1; then
    compose='docker compose'
elif command -v docker-compose >/dev/null; then
    compose=docker-compose
else
    echo 'Neither `docker compose` nor `docker-compose` is here (Debian: apt-get install docker-compose).' >&2
    exit 1
fi

# Sets a variable that the environment does not have.
default() {
    if eval "[ -z \"\${$1+set}\" ]"; then
        export "$1=$2"
        echo "   $1 is set by $3"
    fi
}

if [ -f .env ]; then
    while IFS='=' read -r key value || [ -n "$key" ]; do
        case $key in
        '' | '#'*) continue ;;
        *[!A-Za-z0-9_]*) echo ".env: \`$key\` is no name of a setting" >&2; exit 1 ;;
        esac
        case $value in
        \"*\" | \'*\') value=${value#?} value=${value%?} ;;
        esac
        default "$key" "$value" .env
    done <.env
else
    echo 'There is no .env; .env.example shows what can be in it.'
fi
# Where most front ends are developed.
default CLERK_AUTHORIZED_PARTIES http://localhost:3000 'this command'
default LOG_API_CORS_ORIGINS http://localhost:3000 'this command'
default REDIS_URL "redis://127.0.0.1:${REDIS_PORT:-6379}" 'this command'

# Ctrl-C reaches the API too. SIGTERM comes to this script only and is passed on.
trap : INT
api=
trap '[ -z "$api" ] || kill -TERM "$api"' TERM
trap 'echo "3. Stopping Redis."; $compose stop redis' EXIT

echo '1. Redis by compose, on 127.0.0.1 only. Its data stays in a volume.'
$compose up --detach redis
# Redis answers `ping` with an error while it reads its data.
seconds=0
until [ "$($compose exec -T redis redis-cli ping 2>/dev/null)" = PONG ]; do
    seconds=$((seconds + 1))
    [ $seconds -lt 60 ] || { echo 'Redis does not answer after 60 s: look at its log by compose.' >&2; exit 1; }
    sleep 1
done

echo '2. The API, compiled here. Ctrl-C ends both.'
cargo run --package log-api -- serve "$@" &
api=$!
# A signal ends `wait` early; the second one waits for the end.
wait $api || wait $api || [ $? -gt 127 ]
