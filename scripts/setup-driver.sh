#!/usr/bin/env bash
# Makes sure that Dawn gets a WebGPU adapter: where there is no GPU (nor a driver for it), installs Mesa's software
# Vulkan driver (lavapipe, 24 or newer) through apt. Says nothing when an adapter is there already; run it as often
# as you like. Exits with 0 only when Dawn really got an adapter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The newest Debian release whose own Mesa Dawn refuses, and where a new enough one is to be had.
OLD_DEBIAN=bookworm

say() { echo "setup-driver: $*" >&2; }

adapter_found() {
  local status=0
  adapter_said=$(node scripts/adapter.mjs 2>&1) || status=$?
  if [ "$status" -eq 2 ]; then
    say "${adapter_said##*$'\n'}"
    exit 1
  fi
  return "$status"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    say "needs root and there is no sudo; as root, run: $*"
    exit 1
  fi
}

# Quiet unless it fails, and then the whole of what apt said.
apt_quietly() {
  local log
  log=$(mktemp)
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    say "apt-get $1 failed"
    exit 1
  fi
  rm -f "$log"
}

codename() { (. /etc/os-release && echo "${VERSION_CODENAME:-unknown}"); }

# The mirror that this machine takes its release from, so that a private mirror stays the only one.
release_mirror() {
  apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' | awk -v release="$1" '$1 == release {print $2; exit}'
}

has_backports() {
  apt-get indextargets --format '$(CODENAME)' 'Created-By: Packages' | grep -qx "$OLD_DEBIAN-backports"
}

add_backports() {
  has_backports && return
  local mirror list=/etc/apt/sources.list.d/weft-backports.list
  mirror=$(release_mirror "$OLD_DEBIAN")
  if [ -z "$mirror" ]; then
    say "cannot tell which mirror $OLD_DEBIAN comes from; add $OLD_DEBIAN-backports to the apt sources and run this again"
    exit 1
  fi
  say "adding $OLD_DEBIAN-backports to the apt sources ($list)"
  echo "deb $mirror $OLD_DEBIAN-backports main" | as_root tee "$list" >/dev/null
  apt_quietly update
}

install_driver() {
  local from=()
  say "no WebGPU adapter; installing the software Vulkan driver (mesa-vulkan-drivers)"
  apt_quietly update # before anything else: apt cannot name its mirrors without their lists
  if [ "$(codename)" = "$OLD_DEBIAN" ]; then
    add_backports
    from=(-t "$OLD_DEBIAN-backports")
  fi
  apt_quietly install -y --no-install-recommends "${from[@]}" mesa-vulkan-drivers libvulkan1
}

adapter_found && exit 0
if ! command -v apt-get >/dev/null; then
  say "no WebGPU adapter: install a Vulkan driver (Mesa 24 or newer has the software driver lavapipe), then run this again"
  exit 1
fi
install_driver
if ! adapter_found; then
  say "the driver is installed, and still Dawn gets no adapter: $adapter_said"
  exit 1
fi
say "ready: ${adapter_said##*$'\n'}"
