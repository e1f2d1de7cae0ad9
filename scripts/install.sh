#!/usr/bin/env bash
# Make .venv and install what the app needs; with "dev" also what tests and checks need.
# Does nothing when the requirement files have not changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv
python=${PYTHON:-python3}
pip="$venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile"
# What is installed from requirement files is installed by uv, in a fifth of pip's time.
uv=uv==0.13.9

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

install() {
  $venv/bin/uv pip install --quiet --python $venv/bin/python -r "$1" || {
    echo "uv could not install $1 (its words are above); trying pip, which takes longer" >&2
    $pip -r "$1"
  }
}

has_torch() { # whether the venv has the version that the requirements name
  $venv/bin/python - "$1" 2>/dev/null <<'EOF'
import importlib.metadata, sys
sys.exit("torch==" + importlib.metadata.version("torch").split("+")[0] != sys.argv[1])
EOF
}

install_torch() { # the processor's build: the package index's own one for Linux brings 2.75 GB of CUDA libraries
  local torch cpu_index=https://download.pytorch.org/whl/cpu
  torch=$(grep '^torch==' requirements.txt)
  has_torch "$torch" && return
  if $venv/bin/python -c "import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=4)" $cpu_index/torch/ 2>/dev/null; then
    $pip "$torch" --index-url $cpu_index
  else
    $pip "$torch"
  fi
}

for file in "${files[@]}"; do
  stamp=$venv/.installed-$file
  cmp -s "$file" "$stamp" && continue
  echo "Installing $file into $venv (a minute or more the first time)" >&2
  [ -x $venv/bin/python ] || "$python" -m venv $venv
  [ -x $venv/bin/uv ] || $pip $uv || true # where it is not to be had, pip is
  if [ "$file" = requirements.txt ] && [ "$(uname -s)" = Linux ]; then
    install_torch
  fi
  install "$file"
  cp "$file" "$stamp"
  # Of 18,000 modules those that the app imports are compiled, beside what comes next: all take a minute more.
  if [ "$file" = "$requirements" ]; then
    PYTHONDONTWRITEBYTECODE="" $venv/bin/python >/dev/null - <<'EOF' &
from ui.imports import quick_imports
with quick_imports():
    import app, ui.page, search_core.engine, train.trainer, transformers.models.bert.modeling_bert
    import matplotlib.backends.backend_agg, plotly.graph_objects
EOF
  fi
done
