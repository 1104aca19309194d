# shellcheck shell=bash
# Part of scripts/vm: finds Debian kernels, downloads and unpacks them.
#
# The cache, $VM_CACHE:
#   apt/SUITE/         an isolated apt configuration and package lists
#   names/NAME         the package that NAME was resolved to
#   kernels/PACKAGE/   vmlinuz, vmlinux (of some), config, release, version,
#                      modules/lib/modules/RELEASE
# Everything is made under a lock and moved into place complete.

# Where a name is looked for, the likeliest suite first.
suites_of() { # NAME
	case ${1%-rt} in
	5.10 | linux-image-5.10.*) echo bullseye-security bullseye ;;
	6.1 | linux-image-6.1.0-*) echo bookworm-security bookworm bullseye-security ;;
	6.12) echo trixie-security trixie bookworm-backports bookworm-security ;;
	6.18) echo trixie-backports forky sid experimental ;;
	latest) echo trixie-backports experimental forky sid ;;
	*) echo bookworm-security bookworm trixie-security trixie-backports bookworm-backports \
		bullseye-security trixie experimental forky sid bullseye ;;
	esac
}

check_name() { # NAME
	[[ $1 == latest || $1 =~ ^[0-9]+\.[0-9]+(-rt)?$ || $1 =~ ^linux-image-[a-z0-9.+~-]+$ ]] ||
		die 2 "unknown kernel: $1 (see scripts/vm list)"
}

# Prints the unpacked package that NAME stands for; fails when there is none.
cached_package() { # NAME
	local package=$1
	if [[ -f $VM_CACHE/names/$1 ]]; then package=$(<"$VM_CACHE/names/$1"); fi
	[[ -f $VM_CACHE/kernels/$package/version ]] || return 1
	printf '%s\n' "$package"
}

forget_resolutions() { rm -rf "$VM_CACHE/names" "$VM_CACHE/apt"; }

# Base URI of the mirror that the machine's own apt uses, for a suite.
mirror_of() { # SUITE
	local wanted='[^-]*(-updates|-backports)?' uri
	if [[ -n ${MLOCKTRACE_MIRROR-} ]]; then
		uri=$MLOCKTRACE_MIRROR
	else
		if [[ $1 == *-security ]]; then wanted='.*-security'; fi
		uri=$(apt_uris | sed -nE "s/^$wanted //p" | sed -n 1p)
	fi
	# A machine may have just one of the two archives in its configuration.
	if [[ -z $uri && $1 == *-security ]]; then uri=$(mirror_of "${1%-security}"); fi
	if [[ $1 == *-security && $uri != *-security* ]]; then
		uri=$(sed -E 's,/debian(/|$),/debian-security\1,' <<<"$uri")
	fi
	printf '%s\n' "$uri"
}

# "SUITE URI" for each Debian archive in the machine's apt configuration.
apt_uris() {
	# shellcheck disable=SC2016  # the $(…) are apt's own
	apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		grep -E '^(bullseye|bookworm|trixie|forky|sid|(old)*stable|testing|unstable)(-[a-z]+)? ' |
		sort -u
}

write_apt_configuration() { # DIR SUITE URI
	local dir=$1 suite=$2 uri=$3 keyring signed_by=
	for keyring in /usr/share/keyrings/debian-archive-{keyring,removed-keys}.gpg; do
		if [[ -f $keyring ]]; then signed_by+=${signed_by:+,}$keyring; fi
	done
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	: >"$dir/status"
	echo "deb [arch=amd64${signed_by:+ signed-by=$signed_by}] $uri $suite main" >"$dir/sources.list"
	# The machine's own apt.conf.d stays in force (proxies), but not its hooks.
	cat >"$dir/apt.conf" <<-END
		Dir::State "$dir";
		Dir::State::lists "$dir/lists";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir/cache";
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		APT::Architecture "amd64";
		APT::Architectures { "amd64"; };
		APT::Sandbox::User "root";
		Acquire::Check-Valid-Until "false";
		Acquire::Languages "none";
		Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
		Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
		Acquire::Retries "2";
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
	END
}

# Makes the package lists of a suite, once; fails when the mirror lacks it.
suite_lists() { # SUITE
	local dir=$VM_CACHE/apt/$1 uri
	if [[ -f $dir/ready ]]; then return 0; fi
	uri=$(mirror_of "$1")
	[[ -n $uri ]] || return 1
	mkdir -p "$VM_CACHE/apt"
	(
		flock 9
		if [[ -f $dir/ready ]]; then exit 0; fi
		write_apt_configuration "$dir" "$1" "$uri"
		# apt-get update may succeed without any list: its warnings count, too.
		suite_apt apt-get "$1" -o APT::Update::Error-Mode=any -qq update >"$dir/log" 2>&1 || exit 1
		touch "$dir/ready"
	) 9>"$VM_CACHE/apt/$1.lock"
}

suite_apt() { # PROGRAM SUITE ARGUMENT...
	local program=$1 suite=$2
	shift 2
	"$program" -c "$VM_CACHE/apt/$suite/apt.conf" "$@"
}

# "VERSION PACKAGE" for each package of a suite whose name matches, oldest first.
suite_packages() { # SUITE REGEX
	local -a names
	mapfile -t names < <(suite_apt apt-cache "$1" pkgnames linux-image- | grep -E "^($2)\$" || true)
	((${#names[@]})) || return 0
	suite_apt apt-cache "$1" show --no-all-versions "${names[@]}" |
		awk '$1 == "Package:" { p = $2 } $1 == "Version:" { print $2, p }' | sort -V
}

# Names in a package's Depends that match, one a line; those that the suite has
# (of older versions, backports keep only a part).
depends_of() { # SUITE PACKAGE REGEX
	local name
	suite_apt apt-cache "$1" show --no-all-versions "$2" |
		sed -n 's/^Depends: //p' | tr ',|' '\n\n' | awk '{ print $1 }' |
		{ grep -E "^($3)\$" || true; } |
		while read -r name; do
			if [[ -n $(suite_apt apt-cache "$1" show "$name" 2>/dev/null) ]]; then echo "$name"; fi
		done
}

# "VERSION PACKAGE" of the best match for NAME in a suite; nothing when none.
# Signed kernels are preferred; a few versions exist unsigned only.
match_in_suite() { # NAME SUITE
	local regex found
	case $1 in
	latest) regex='linux-image-[0-9].*-cloud-amd64' ;;
	linux-image-*) regex=${1//[.+]/\\&} ;;
	*-rt) regex="linux-image-${1//./\\.}" regex="${regex%-rt}([.+~-].*)?-rt-amd64" ;;
	*) regex="linux-image-${1//./\\.}([.+~-].*)?-cloud-amd64" ;;
	esac
	found=$(suite_packages "$2" "$regex" | tail -n 1)
	if [[ -z $found ]]; then found=$(suite_packages "$2" "$regex-unsigned" | tail -n 1); fi
	if [[ -n $found ]]; then printf '%s\n' "$found"; fi
}

# Prints "SUITE PACKAGE" for NAME.
resolve() { # NAME
	local suite found package best= best_suite=
	for suite in $(suites_of "$1"); do
		suite_lists "$suite" || continue
		found=$(match_in_suite "$1" "$suite")
		[[ -n $found ]] || continue
		if [[ -z $best ]] || dpkg --compare-versions "${found% *}" gt "${best% *}"; then
			best=$found best_suite=$suite
		fi
		# Only "latest" compares suites.
		if [[ $1 != latest ]]; then break; fi
	done
	[[ -n $best ]] || return 1
	package=${best#* }
	# A metapackage (linux-image-cloud-amd64) stands for the image it depends on.
	if [[ $package != linux-image-[0-9]* || $package =~ ^linux-image-[0-9]+\.[0-9]+-(cloud-|rt-)?amd64$ ]]; then
		found=$(depends_of "$best_suite" "$package" 'linux-image-[0-9].*' | head -n 1)
		package=${found:-$package}
	fi
	printf '%s %s\n' "$best_suite" "$package"
}

# Makes sure that NAME is unpacked in the cache.
fetch_kernel() { # NAME
	local resolved suite package
	if cached_package "$1" >/dev/null; then return 0; fi
	need_programs apt-get dpkg-deb depmod flock
	say "looking for kernel $1"
	mkdir -p "$VM_CACHE/names" "$VM_CACHE/kernels"
	if ! resolved=$(resolve "$1"); then
		say "kernel $1 can't be had: no reachable Debian suite offers it"
		return 3
	fi
	read -r suite package <<<"$resolved"
	if ! unpack_kernel "$suite" "$package"; then
		say "kernel $1 can't be had: downloading $package from $suite failed"
		return 3
	fi
	if [[ $1 != "$package" ]]; then
		echo "$package" >"$VM_CACHE/names/.$1.$$"
		mv "$VM_CACHE/names/.$1.$$" "$VM_CACHE/names/$1"
	fi
	say "kernel $1 is $package $(<"$VM_CACHE/kernels/$package/version")"
}

unpack_kernel() { # SUITE PACKAGE
	local final=$VM_CACHE/kernels/$2
	(
		flock 9
		if [[ -f $final/version ]]; then exit 0; fi
		work=$(mktemp -d "$VM_CACHE/kernels/.tmp.XXXXXX")
		trap 'rm -rf "$work"' EXIT
		download_and_unpack "$1" "$2" "$work" && rm -rf "$final" && mv -T "$work/kernel" "$final"
	) 9>"$VM_CACHE/kernels/.$2.lock"
}

download_and_unpack() { # SUITE PACKAGE WORK
	local suite=$1 package=$2 work=$3 flavour deb
	# Since 7.x the image is split: linux-image-V only depends on linux-binary-V,
	# linux-modules-V and linux-base-V.
	flavour=${package#linux-image-}
	flavour=${flavour%-unsigned}
	local -a packages=("$package")
	mapfile -t -O 1 packages < <(depends_of "$suite" "$package" "linux-[a-z-]+-${flavour//[.+]/\\&}(-unsigned)?")
	mkdir -p "$work/deb" "$work/tree" "$work/kernel"
	say "downloading ${packages[*]} from $suite"
	(cd "$work/deb" && suite_apt apt-get "$suite" -qq download "${packages[@]}" >"$work/log" 2>&1) || {
		cat "$work/log" >&2
		return 1
	}
	for deb in "$work"/deb/*.deb; do dpkg-deb -x "$deb" "$work/tree" || return 1; done
	arrange_kernel "$work/tree" "$work/kernel" &&
		dpkg-deb -f "$work/deb/${package}"_*.deb Version >"$work/kernel/version"
}

# Keeps of an unpacked package the kernel, its configuration and its modules.
arrange_kernel() { # TREE KERNEL
	local tree=$1 kernel=$2 image release modules config
	image=$(find "$tree" -name 'vmlinuz*' -type f | head -n 1)
	modules=$(find "$tree" -path '*lib/modules/*' -name modules.builtin | head -n 1)
	if [[ -z $image || -z $modules ]]; then
		say 'the package holds no kernel'
		return 1
	fi
	modules=${modules%/modules.builtin}
	release=${modules##*/}
	mkdir -p "$kernel/modules/lib/modules"
	# In /boot, or with the modules since 6.19.
	config=$(find "$tree" "(" -path "*/boot/config-$release" -o -path "*/$release/config" ")" -type f | head -n 1)
	if [[ -n $config ]]; then cp "$config" "$kernel/config"; fi
	mv "$image" "$kernel/vmlinuz" &&
		mv "$modules" "$kernel/modules/lib/modules/$release" &&
		depmod -b "$kernel/modules" "$release" &&
		echo "$release" >"$kernel/release" &&
		extract_vmlinux "$kernel"
}

# Emulated, unpacking a zstd image takes seconds of each boot.  QEMU boots the
# ELF file inside as well (PVH).  With lz4 (before 6.12), it would save little.
extract_vmlinux() { # KERNEL
	local kernel=$1 sectors offset length elf
	# Linux boot protocol: setup_sects, payload_offset and payload_length.
	sectors=$(od -An -tu1 -j $((0x1f1)) -N 1 "$kernel/vmlinuz")
	read -r offset length < <(od -An -tu4 -j $((0x248)) -N 8 "$kernel/vmlinuz")
	offset=$(((sectors + 1) * 512 + offset))
	tail -c "+$((offset + 1))" "$kernel/vmlinuz" | head -c "$length" >"$kernel/payload" || true
	if [[ $(od -An -tx1 -N 4 "$kernel/payload") == ' 28 b5 2f fd' ]]; then
		# zstd complains about the length that follows its data.
		zstd -qdc "$kernel/payload" >"$kernel/vmlinux" 2>/dev/null || true
		elf=$(od -An -tx1 -N 4 "$kernel/vmlinux")
		if [[ $elf != ' 7f 45 4c 46' ]]; then rm -f "$kernel/vmlinux"; fi
	fi
	rm -f "$kernel/payload"
}
