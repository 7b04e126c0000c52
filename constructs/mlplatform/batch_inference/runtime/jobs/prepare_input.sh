#!/usr/bin/env bash
# The step PrepareInput: the input as the run recorded it, the team's script ($1), then parts out of what that wrote (the other arguments).
set -e
script=$1
shift
cd "$(dirname "$0")/.."
mkdir -p code input/data raw
tar -xzf input/code/*.gz -C code
python3 platform/fetch_input.py --record input/record/input.json --output input/data
cd code
python3 "$script" --input ../input/data --output ../raw
exec python3 ../platform/prepare_parts.py "$@"
