//! The texts below the options in `--help`.

/// The help of `joblog` itself.
pub(crate) fn top() -> String {
    join(&[EXAMPLES, ENVIRONMENT, EXIT_CODES])
}

/// The help of `joblog run`.
pub(crate) fn run() -> String {
    join(&[RUN, RUN_EXIT_CODES])
}

/// The help of `joblog tail`.
pub(crate) fn tail() -> String {
    join(&[TAIL, EXIT_CODES])
}

/// The help of `joblog cat`.
pub(crate) fn cat() -> String {
    join(&[CAT, EXIT_CODES])
}

/// The help of `joblog create`.
pub(crate) fn create() -> String {
    join(&[CREATE, EXIT_CODES])
}

/// The help of `joblog status`.
pub(crate) fn status() -> String {
    join(&[STATUS, EXIT_CODES])
}

/// The help of `joblog completions`.
pub(crate) const COMPLETIONS: &str = "\
Example:
  joblog completions bash > ~/.local/share/bash-completion/completions/joblog";

/// The help of `joblog man`.
pub(crate) const MANUAL: &str = "\
Examples:
  joblog man > joblog.1
  joblog man run | man -l -";

fn join(parts: &[&str]) -> String {
    parts.join("\n\n")
}

const EXAMPLES: &str = "\
Run a build and watch it. In one terminal:
  export JOBLOG_REDIS_URL=redis://127.0.0.1:6379 JOBLOG_JOB=build-1
  joblog run --user user_ann -- cargo build
In another terminal:
  export JOBLOG_REDIS_URL=redis://127.0.0.1:6379 JOBLOG_JOB=build-1
  joblog tail --from start
From anywhere else, through the API:
  JOBLOG_TOKEN=eyJ… joblog tail --url https://logs.example.com build-1";

const ENVIRONMENT: &str = "\
Environment variables (an option wins over its variable):
  JOBLOG_REDIS_URL  the Redis server, instead of --redis
  REDIS_URL         the Redis server, if nothing else names one
  JOBLOG_REDIS_CA_FILE, JOBLOG_REDIS_CERT_FILE, JOBLOG_REDIS_KEY_FILE
                    files for TLS to Redis, instead of --redis-ca-file and so on
  JOBLOG_URL        the API, instead of --url; it wins over a Redis server of the environment
  JOBLOG_KEY        the API key, or the append token of the job, for run and create over the API
  JOBLOG_TOKEN      the session token for the API; --token-command wins over it
  JOBLOG_JOB        the id of the job
  JOBLOG_USER       the owner of a new job, instead of --user
  NO_COLOR          if it is set, the output has no colours";

const EXIT_CODES: &str = "\
Exit codes:
  0    success; for `tail`: the job ended `ready`
  1    `tail` only: the job ended `failed`
  2    the command line or an environment variable is wrong
  3    the job does not exist, or it is not yours, or it was deleted
  4    there is no token, or the server refused it
  5    Redis or the API could not be reached for too long
  6    any other error; the message on standard error describes it
It is no error if the reader of standard output goes away (`| head`).";

const RUN_EXIT_CODES: &str = "\
Exit codes: the exit code of the command, whatever happened to its log. If signal n ended the command, 128 + n. And:
  125  joblog failed before it started the command
  126  the command was found, but it could not be started
  127  the command was not found";

const RUN: &str = "\
What you see: the output of the command, unchanged, with colours and secrets.
What the log gets: the same lines, without terminal control sequences and without secrets. Joblog replaces
secrets with [REDACTED], in every way in which tools write them:
  - the values of --secret-env variables, and of variables whose names say that they are secrets: *_TOKEN, *_SECRET,
    *_PASSWORD, *_API_KEY, *_KEY and the like (not with --no-default-secrets). A value under 4 bytes, and a common word or
    number, is not hidden: joblog says so.
  - the content of --secret-file files, their lines, and the secret values in them.
  - everything that looks like a secret: tokens of known providers, private keys, values of secret names, passwords in
    addresses.

The job:
  - If the job does not exist, joblog creates it. A new job needs an owner (--user), or nobody could read it.
  - If the job has already ended, joblog refuses to run the command.
  - If another joblog run is running the job, joblog refuses, too. The job belongs to the run until it has ended.
  - A queued job becomes `starting`. When the command ends with exit code 0, the job ends `ready`, otherwise `failed`.
  - If joblog is killed, or its machine is lost, the job ends `failed` with the message `the worker was lost`: within two
    minutes after the lease of a minute, by the service, or by `joblog status` and `joblog tail` on Redis.

Through the API (--url), everything is the same, but for this: there are no claims. A second run of the same job is not
refused, and both write. If joblog is killed, nobody notices, and the job stays as it is. The line `the log: ADDRESS` says
where to look. Without --job, an API key makes a job with a name of its own.

The order of lines: each output keeps its order. Between standard output and standard error, the one that was written first
comes first, if joblog runs between the two writes. What one process writes to both within some microseconds (`echo a >&2;
echo b; echo c >&2` in one shell) can change places, because two pipes do not say in which order they were written. With
--merge, the order is exact.

If Redis or the API cannot be reached, the command goes on, and up to 8 MiB of lines wait. If this buffer is full for 30 s,
lines are dropped, and the log says how many. When the command has ended, joblog waits for up to --give-up-after seconds.
Ctrl-C ends this wait.

Signals are passed on to the command. On a terminal, that is all: Ctrl-C, Ctrl-Z and `fg` work as for any command. Anywhere
else the command and all that it starts are a process group, and the whole group gets the signal. What has not ended
--kill-after seconds after TERM, INT or HUP is killed.

The command does not inherit the variables JOBLOG_*. It does inherit REDIS_URL, because a build may need a Redis of its own.
Name the log's Redis with JOBLOG_REDIS_URL, so that no test suite can empty it.

If a process that the command started goes on after it, joblog waits until that process writes nothing for 1.5 s, and at most
10 s. What it writes later is not in the log, and the last line says so. The process does not die of a broken pipe: a small
process of joblog reads and discards its output until it ends.

Many tools print colours to a terminal only, and here they write to a pipe. To get colours, set CARGO_TERM_COLOR=always or
FORCE_COLOR=1.

Examples:
  joblog run --redis redis://127.0.0.1:6379 --job build-1 --user user_ann -- cargo build
  joblog run --job build-2 --secret-env 'REGISTRY_*' --secret-file .env --phase install -- npm ci
  joblog run --job build-3 --merge -- sh -c 'make && make test'
  JOBLOG_KEY=jlk_… joblog run --url https://logs.example.com --user user_ann -- make";

const TAIL: &str = "\
Without --from, --since or --lines, tail prints new lines only. If the connection breaks, tail reconnects and continues after the
last line. If lines were deleted before tail could read them, it says so on standard error.

Examples:
  joblog tail build-1 --from start
  joblog tail build-1 -n 100
  joblog tail build-1 --since 10m --show ts,source
  joblog tail build-1 --json | jq -r .text
  joblog tail build-1 --url https://logs.example.com --token-command 'my-cli session-token'";

const CAT: &str = "\
Cat prints the lines that exist now, and does not wait for new ones.

Examples:
  joblog cat build-1 | less
  joblog cat build-1 --show ts,source,phase
  joblog cat build-1 --since 2026-01-02T03:04:05Z --json";

const CREATE: &str = "\
The job is created in Redis, or through the API. The API needs a key with the scope `jobs:create` in JOBLOG_KEY, and joblog
prints the append token, with which a worker can write to this job and to no other.

Examples:
  joblog create build-1 --user user_ann --redis redis://127.0.0.1:6379
  JOBLOG_KEY=jlk_… joblog create build-1 --user user_ann --url https://logs.example.com";

const STATUS: &str = "\
This prints the job's status: `queued`, `starting`, `ready`, `failed` and so on. A service that does not know this question
only says how a job has ended: then every other status is `running`.

Examples:
  joblog status build-1
  joblog status build-1 --url https://logs.example.com";
