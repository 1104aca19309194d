# shellcheck shell=bash
# What the scripts share: where things are, how they speak, who is root.
# shellcheck disable=SC2034  # used by the scripts that read this file

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# The same variable as in scripts/vm.
BUILD=${MLOCKTRACE_BUILD:-$ROOT/build}
export MLOCKTRACE_BUILD=$BUILD
BUILD_SANITIZE=$BUILD-sanitize
BUILD_LINT=$BUILD-lint
# bpftool, modprobe and mke2fs live there; not on every user's PATH.
export PATH=$PATH:/usr/sbin:/sbin

if [[ -t 1 && -z ${NO_COLOR-} && ${TERM-} != dumb ]]; then
	BOLD=$'\e[1m' RED=$'\e[31m' GREEN=$'\e[32m' YELLOW=$'\e[33m' PLAIN=$'\e[0m'
else
	BOLD='' RED='' GREEN='' YELLOW='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }
warn() { printf '%s%s%s\n' "$YELLOW" "$*" "$PLAIN"; }
die() { # MESSAGE...
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

as_root() { # COMMAND...
	if ((EUID == 0)); then
		"$@"
	elif ! command -v sudo >/dev/null; then
		say "$1 needs root, and there is no sudo" >&2
		return 1
	elif [[ -t 0 ]]; then
		sudo "$@"
	else
		# Nobody is there to type a password.
		sudo -n "$@"
	fi
}

# Whether as_root has a chance without asking anybody.
can_be_root() {
	((EUID == 0)) || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }
}

# C and C++ files that people write (vmlinux/ is the kernel's).
source_files() { # EXTENSION...
	local -a names=()
	local extension
	for extension; do names+=(-o -name "*.$extension"); done
	(cd "$ROOT" && find bpf userspace tests -type f '(' "${names[@]:1}" ')' | LC_ALL=C sort)
}

shell_scripts() {
	(cd "$ROOT" && grep -lE '^#!.*\bsh\b|^#!.*\bbash\b' -r scripts tests .ci | LC_ALL=C sort)
}

# Seconds since START ($EPOCHREALTIME), as 12.3.
elapsed() { # START
	local start=${1/[.,]/} now=${EPOCHREALTIME/[.,]/}
	local tenths=$(((now - start) / 100000))
	printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# Installs into DIR/node_modules the versions that PACKAGE.JSON names, unless they are there.
npm_modules() { # PACKAGE.JSON DIR
	if cmp -s "$1" "$2/package.json" && [[ -f $2/installed ]]; then return 0; fi
	mkdir -p "$2"
	rm -f "$2/installed"
	cp "$1" "$2/package.json"
	(cd "$2" && npm install --no-package-lock --no-audit --no-fund --loglevel=error)
	touch "$2/installed"
}
