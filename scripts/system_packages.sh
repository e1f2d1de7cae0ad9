#!/usr/bin/env bash
# What tests need of the system: Chromium (the page in a browser) and Universal Ctags (an independent count of
# definitions). What is missing is installed from Debian's or Ubuntu's packages; without, its tests are skipped.
set -euo pipefail
missing=""
command -v chromium-headless-shell >/dev/null 2>&1 || command -v chromium >/dev/null 2>&1 ||
  command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || missing="chromium"
ctags --version 2>/dev/null | grep -q "Universal Ctags" || missing="$missing universal-ctags"
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
  echo "Not found:" $missing "- install it to run every test (some are skipped without it)." >&2
  exit 0
fi
sudo=""
if [ "$(id -u)" != 0 ]; then
  sudo=$(command -v sudo) || {
    echo "Installing it needs root: run 'apt-get install" $missing"' (some tests are skipped without it)." >&2
    exit 0
  }
fi
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# Where it is packaged, the part of Chromium that shows no window: it starts sooner.
apt-cache show chromium-headless-shell >/dev/null 2>&1 && missing=${missing/chromium/chromium-headless-shell}
# shellcheck disable=SC2086 # names of packages, by spaces
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
