#!/usr/bin/env bash
# Make the project's Python environment from requirements.lock. Called by make; does nothing when all is up to date.
#
#   VENV         where (default .venv)
#   PYTHON       the Python to build it from (default: python3.11, then python3)
#   TORCH_INDEX  a further package index to look for torch in, such as PyTorch's index of CPU builds
#
# The environment counts as complete only when its stamp matches requirements.lock and pyproject.toml.
set -euo pipefail

cd -P "$(dirname "${BASH_SOURCE[0]}")/.."
venv=$(realpath -m "${VENV:-.venv}")
lock=requirements.lock
log=logs/setup.log
stamp=$venv/downlaw-stamp
marker=$venv/downlaw-incomplete
unset PYTHONHOME PYTHONPATH
export PIP_USER=0

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
checksum() { sha256sum <"$1" | cut -d' ' -f1; }

# The path is part of the stamp, because a virtual environment that was moved is broken.
lock_stamp="lock $(checksum "$lock") in $venv for $PWD"
project_stamp="project $(checksum pyproject.toml)"
lock_is_installed() { [[ -x $venv/bin/python && -f $stamp ]] && grep -qxF "$lock_stamp" "$stamp"; }
project_is_installed() { lock_is_installed && grep -qxF "$project_stamp" "$stamp"; }
write_stamp() { printf '%s\n' "$@" >"$stamp.new" && mv "$stamp.new" "$stamp"; }

check_platform() {
    local system machine libc
    system=$(uname -s)
    machine=$(uname -m)
    [[ $system == Linux && $machine == x86_64 ]] ||
        die "downlaw needs Linux on x86_64, and this is $system on $machine: fairseq has wheels for that platform only;" \
            "use such a machine, or a container or virtual machine of that kind."
    libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || true)
    [[ $libc =~ ^glibc\ ([0-9]+)\.([0-9]+) ]] && ((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2] >= 2028)) ||
        die "downlaw needs glibc 2.28 or newer, and this system has ${libc:-another C library}: the wheels of torch and" \
            "fairseq are built for it; use Debian 10, Ubuntu 20.04, RHEL 8 or newer."
}

is_cpython311() {
    [[ $("$1" -c 'import sys; print(sys.implementation.name, *sys.version_info[:2])' 2>/dev/null) == "cpython 3 11" ]]
}

find_python() {
    python=""
    if [[ -n ${PYTHON:-} ]]; then
        is_cpython311 "$PYTHON" || die "PYTHON=$PYTHON is not a CPython 3.11: let PYTHON name one, or leave it unset to" \
            "use the python3.11 on the PATH."
        python=$PYTHON
    else
        local candidate
        for candidate in python3.11 python3; do
            if is_cpython311 "$candidate"; then
                python=$candidate
                break
            fi
        done
        [[ -n $python ]] || die "downlaw needs CPython 3.11, and neither python3.11 nor python3 on the PATH is one: install it" \
            "(Debian 12: apt install python3.11-venv; elsewhere: pyenv, uv or conda), or name one with PYTHON=/path/to/python3.11."
    fi
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
        die "$python cannot make virtual environments, its venv module is incomplete: install the rest of it" \
            "(Debian and Ubuntu: apt install python3.11-venv)."
    # With .venv activated, python3.11 is .venv's own, which is about to go.
    python=$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))')
}

# End with one line that says why a command failed, judged by what it printed: $1 is the step, $2 the output.
explain() {
    local step=$1 output=$2 package
    if [[ $output =~ (No space left on device|Disk quota exceeded) ]]; then
        die "the disk is full while $step: make room (about 3 GB, several more if torch comes with CUDA) in $venv and" \
            "${TMPDIR:-/tmp}, or move them by VENV and TMPDIR; then run make again (full output: $log)."
    fi
    if [[ $output =~ (Failed building wheel for|Failed to build)\ ([A-Za-z0-9._-]+) ]]; then
        package=${BASH_REMATCH[2]}
        if [[ $output =~ command\ \'([^\']+)\'\ failed:\ No\ such\ file ]]; then
            die "$package has to be compiled, and there is no compiler (${BASH_REMATCH[1]}): every package in $lock comes" \
                "compiled or needs no compiling, so see first why pip chose another file (full output: $log)."
        fi
        die "$package could not be built from its source (full output: $log)."
    fi
    # With no retries left to warn of, pip says no more than that it found no version at all.
    if [[ $output =~ (from versions: none|Max retries exceeded|Read timed out|ConnectionResetError) ]]; then
        die "pip cannot reach a package index, or only an incomplete one, while $step: check the network, the proxy" \
            "(https_proxy) and 'pip config list'; then run make again (full output: $log)."
    fi
    if [[ $output =~ No\ matching\ distribution\ found\ for\ ([^[:space:]]+) ]]; then
        die "the package index has no ${BASH_REMATCH[1]} for this Python: is it a complete mirror? See 'pip config list'" \
            "(full output: $log)."
    fi
    [[ $output =~ .*(ERROR:[^$'\n']*) ]] || [[ $output =~ ([^$'\n']*)$'\n'*$ ]]
    die "failed while $step: ${BASH_REMATCH[1]} (full output: $log)."
}

# Run a command, its output into the log and signs of life to the terminal: $1 is the step, the rest the command.
run() {
    local step=$1 line output="" found=0
    shift
    say "$step ..."
    while IFS= read -r line; do
        # Kept in memory too: when the disk is full, the log is the last to hear of it.
        output+=$line$'\n'
        { printf '%s\n' "$line" >>"$log"; } 2>/dev/null || true
        case $line in
            "Collecting "* | "Processing "*) ((++found % 20)) || say "  $found of $packages packages found" ;;
            "Installing collected packages"*) say "  unpacking" ;;
        esac
    done < <(exec "$@" 2>&1)
    wait "$!" || explain "$step" "$output"
}

pip() {
    local step=$1
    shift
    run "$step" "$venv/bin/python" -m pip --no-input --disable-pip-version-check "$@"
}

pinned() {
    grep -E "^$1==" "$lock" || die "$lock does not pin $1: restore it from git, or make it anew with 'make lock'."
}

install_lock() {
    local torch setuptools index=()
    torch=$(pinned torch)
    setuptools=$(pinned setuptools)
    packages=$(grep -c == "$lock")
    [[ -z ${TORCH_INDEX:-} ]] || index=(--extra-index-url "$TORCH_INDEX")
    check_platform
    find_python
    if [[ -e $venv ]]; then
        # Half an installation cannot be told from a whole one, so what is not complete is made afresh.
        [[ -f $venv/pyvenv.cfg || -f $marker ]] || die "$venv is in the way and is no virtual environment: move it, or set VENV."
        say "$venv does not match $lock, or was left unfinished: making it afresh"
        rm -rf "$venv"
    fi
    { mkdir -p "$venv" && : >"$marker"; } 2>/dev/null || die "cannot write $venv: check its permissions and the free space."
    say "making $venv with $("$python" -V): once, a few minutes, about 2 GB (several more if torch comes with CUDA)"
    run "making the virtual environment" "$python" -m venv --without-pip "$venv"
    run "installing pip" "$venv/bin/python" -m ensurepip --default-pip
    # torch goes first and by its pin, so that whichever build the index gives satisfies all that follows.
    pip "installing torch" install ${index[@]+"${index[@]}"} "$torch" "$setuptools"
    # What comes as source is built with the setuptools of the lock, not with the newest.
    pip "installing the packages of $lock" install --use-pep517 --no-build-isolation -r "$lock"
    rm -f "$marker"
}

install_project() {
    pip "installing the downlaw command" install --no-deps --no-build-isolation --editable .
    pip "checking that the packages fit together" check
}

project_is_installed && exit 0
# Two makes at once: the second waits, then finds all done.
exec 9<"$lock"
flock --nonblock 9 2>/dev/null || { say "waiting for another set-up"; flock 9 2>/dev/null || true; }
{ mkdir -p logs && : >"$log"; } 2>/dev/null || die "cannot write $PWD/$log: check the permissions and the free space."
if ! lock_is_installed; then
    install_lock
    write_stamp "$lock_stamp"
fi
if ! project_is_installed; then
    install_project
    write_stamp "$lock_stamp" "$project_stamp"
fi
say "done"
