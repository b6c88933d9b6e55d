#!/usr/bin/env bash
# Makes the Python environment in the folder $1 from requirements.lock, every file of it checked by its hash.
set -euo pipefail
venv=$1
python=${PYTHON_FOR_VENV:-python3}

say() { printf '%s\n' "$*" >&2; }

command -v "$python" >/dev/null || { say "error: python3 was not found; install Python 3.11 or newer."; exit 2; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  say "error: $("$python" --version) is too old; install Python 3.11 or newer, or name one with PYTHON_FOR_VENV=."
  exit 2
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "Python's venv module is missing: installing python3-venv"
    apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -q python3-venv >/dev/null
  else
    say "error: Python's venv module is missing; install python3-venv."
    exit 2
  fi
fi

begun=$SECONDS
say "Python environment …"
"$python" -m venv --clear "$venv"
# Python compiles what is imported; compiling all of it takes as long as the installation itself.
if ! "$venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock; then
  say "error: the Python packages could not be installed; see pip's own message above, and check that a package registry is in reach."
  exit 2
fi
# The package itself, as it is in this clone: its programs are in $venv/bin then.
if ! "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index \
  --editable "$(dirname "$0")"; then
  say "error: this clone's own package could not be installed into $venv; see pip's message above."
  exit 2
fi
touch "$venv/ready"
say "Python environment: done in $((SECONDS - begun)) s"
