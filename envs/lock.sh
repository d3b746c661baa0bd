#!/usr/bin/env bash
# Resolve requirements.in anew in a scratch environment and write requirements.lock and envs/downlaw.yaml. Called by make.
#
#   VENV         the environment whose Python is used (default .venv)
#   TORCH_INDEX  a further package index to look for torch in
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=${VENV:-.venv}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
pip=("$scratch/venv/bin/python" -m pip --no-input --disable-pip-version-check)

"$venv/bin/python" -m venv "$scratch/venv"
# In the same order as envs/setup.sh.
mapfile -t first < <(grep -oE '^(torch|setuptools)==[^ ]+' requirements.in)
"${pip[@]}" install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} "${first[@]}"
"${pip[@]}" install --use-pep517 --no-build-isolation -r requirements.in
"${pip[@]}" check
# Some packages refuse each other only when imported, which no metadata tells.
"$scratch/venv/bin/python" envs/imports.py

# A build's label ("+cpu") and the CUDA packages depend on the index that torch came from, not on the study.
"${pip[@]}" freeze --all --exclude pip --exclude wheel |
    sed -E 's/\+[A-Za-z0-9.]+$//' |
    grep -vE '^(nvidia|cuda|triton)' |
    LC_ALL=C sort --ignore-case >"$scratch/packages"

{
    echo "# Every package of the environment, made from requirements.in by 'make lock'. Do not edit."
    cat "$scratch/packages"
} >requirements.lock.new
{
    echo "# requirements.lock as a conda environment, for 'snakemake --sdm conda'. Made by 'make lock'. Do not edit."
    printf '%s\n' "name: downlaw" "channels:" "  - conda-forge" "  - nodefaults"
    printf '%s\n' "dependencies:" "  - python=3.11" "  - pip" "  - pip:"
    sed 's/^/      - /' "$scratch/packages"
} >envs/downlaw.yaml.new
mv requirements.lock.new requirements.lock
mv envs/downlaw.yaml.new envs/downlaw.yaml
