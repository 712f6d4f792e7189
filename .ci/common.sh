# Shared by .ci/run and .ci/long: a working directory, the services, virtual environments, copies of the tree.
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=2 PYTHONUNBUFFERED=1
export REQUIRE_SERVICES=1
# Hundreds of processes import the package: none is to compile it anew.
unset PYTHONDONTWRITEBYTECODE
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Where tests find the code of earlier versions: the copies that they run in have no history.
export TEST_HISTORY=$root
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A heading with the seconds since the begin and the CPU seconds that this shell's commands have used.
step() {
  times >"$work/times" # not in a pipe or a substitution: those would tell their own
  printf '\n=== %s (%d s, %d CPU s)\n' "$*" "$SECONDS" \
    "$(tr ms '  ' <"$work/times" | awk 'NR == 2 { print $1 * 60 + $2 + $3 * 60 + $4 }' | cut -d . -f 1)"
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start NAME PORT PROGRAM COMMAND…: run the command, if nobody answers and the program is installed, and wait for it.
start() {
  local name=$1 port=$2 program=$3
  shift 3
  if ! answers "$port"; then
    if ! command -v "$program" >/dev/null; then
      echo "$name does not answer on port $port and is not installed: its tests will fail."
      return
    fi
    echo "starting $name"
    "$@" >/dev/null 2>&1 </dev/null || true
    for _ in $(seq 60); do answers "$port" && break || sleep 1; done
  fi
  answers "$port" && echo "$name answers on port $port" || echo "$name does not answer on port $port: its tests will fail."
}

start_services() {
  local cluster
  cluster=$(ls /etc/postgresql 2>/dev/null | sort -V | tail -1)
  start PostgreSQL 5432 pg_ctlcluster pg_ctlcluster --skip-systemctl-redirect "${cluster:-none}" main start
  start MariaDB 3306 mariadbd start-stop-daemon --start --oknodo --background --exec "$(command -v mariadbd || echo mariadbd)"
  start Redis 6379 redis-server redis-server --daemonize yes --bind 127.0.0.1 --port 6379 --save '' --appendonly no
  start RabbitMQ 5672 rabbitmq-server rabbitmq-server -detached
}

# For the tests of the pages. It is needed: what is not there and cannot be installed fails them.
install_chromium() {
  command -v chromium >/dev/null && return
  apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null
}

# The tree as it is, without what git ignores: what a fresh clone would be, also before the commit.
fresh_copy() {
  mkdir -p "$1"
  # ls drops what is deleted and not yet committed.
  (cd "$root" && { git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null || true; } \
    | tar -c -T -) | tar -x -C "$1"
  # Files that tests read beside the checkout, where they are there.
  if [ -d "$root/../shared" ]; then ln -s "$(cd "$root/../shared" && pwd)" "$(dirname "$1")/shared"; fi
}

# run_readme_command END OPTION…: the one line of the README that begins a virtual environment and ends so, with options.
run_readme_command() { bash -euo pipefail -c "$(grep -E "^python3 -m venv .*$1\$" "$root/README.md") ${*:2}" </dev/null; }

# The README's first screen as typed into the clone: it ends with 0 once the store is connected and all of it is read.
# What it begins in the background ends with it. A script is quicker than a person: it waits for the sandbox, once begun.
run_first_screen() {
  local code
  code=$(awk '/^## The smallest host app/ { exit } /^```$/ { on = 0 } on; /^```sh/ { on = 1 }' README.md)
  timeout 300 bash -euo pipefail -c "trap 'kill \$(jobs -p) && wait || true' EXIT
${code%&*}&
until (exec 3<>/dev/tcp/127.0.0.1/8090) 2>/dev/null; do sleep 0.1; done
${code##*&}" </dev/null
}
