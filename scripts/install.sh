#!/usr/bin/env bash
# Make .venv and install what the app needs; with "dev" also what tests and checks need.
# Does nothing when the requirement files have not changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv
pip="$venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile"
python=${PYTHON:-python3}

requirements=requirements.txt
if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1 && [ "$(uname -sm)" = "Linux x86_64" ]; then
  requirements=requirements-gpu.txt
fi
files=("$requirements")
[ "${1:-}" = dev ] && files+=(requirements-dev.txt)

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Code Search Studio needs Python 3.11 or newer; $python is $("$python" -V 2>&1). Set PYTHON=..." >&2
  exit 2
}

for file in "${files[@]}"; do
  stamp=$venv/.installed-$file
  cmp -s "$file" "$stamp" && continue
  [ -x $venv/bin/python ] || "$python" -m venv $venv
  if [ "$file" = requirements.txt ] && [ "$(uname -s)" = Linux ]; then
    # The package index's own Linux build of torch brings 2.75 GB of CUDA libraries; PyTorch's CPU index does not.
    torch=$(grep '^torch==' "$file")
    cpu_index=https://download.pytorch.org/whl/cpu
    if ! $venv/bin/python -c "import torch" 2>/dev/null &&
      $venv/bin/python -c "import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=4)" $cpu_index/torch/ 2>/dev/null; then
      $pip "$torch" --index-url $cpu_index
    fi
  fi
  echo "Installing $file into $venv (a few minutes the first time)" >&2
  $pip -r "$file"
  cp "$file" "$stamp"
  # Of 18,000 modules those that the app imports are compiled, while more is being installed: all take a minute more.
  [ "$file" = "$requirements" ] && PYTHONDONTWRITEBYTECODE="" $venv/bin/python -c "import app, train.trainer" &
done
wait
