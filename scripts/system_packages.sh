#!/usr/bin/env bash
# Chromium for the browser tests: an installed one is used, otherwise Debian's or Ubuntu's package is installed.
set -euo pipefail
for browser in chromium chromium-browser google-chrome; do
  command -v $browser >/dev/null 2>&1 && exit 0
done
if ! command -v apt-get >/dev/null 2>&1; then
  echo "No Chromium found: install it to run the browser tests (they are skipped without it)." >&2
  exit 0
fi
sudo=""
if [ "$(id -u)" != 0 ]; then
  sudo=$(command -v sudo) || {
    echo "Installing Chromium for the browser tests needs root: run 'apt-get install chromium' (they are skipped without it)." >&2
    exit 0
  }
fi
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
$sudo apt-get install -y -qq --no-install-recommends chromium >/dev/null
