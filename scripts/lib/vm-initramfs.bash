# shellcheck shell=bash
# Part of scripts/vm: the initial RAM file system of a guest, in two layers.
# The first is cached for each kernel: busybox, /init and kernel modules; the
# second is made for each run: the build's programs, --with, --put, the command.

# Modules that /init may load, if they aren't built into the kernel: features
# that it knows by name, and what each takes.
declare -A FEATURE_MODULES=(
	[port]='virtio_pci virtio_console'
	[nvme]='nvme'
	[ext4]='ext4'
)

# The guest's directories, and the links among them.  Both layers have them: a
# file for /bin/x goes through the link, lest a directory /bin take its place.
make_layout() { # ROOT
	mkdir -p "$1"/{usr/bin,usr/lib,lib/vm,etc,dev/shm,proc,sys,tmp,run,root,out,mnt,var/tmp,home/nobody}
	chmod 1777 "$1"/{tmp,var/tmp,out,dev/shm}
	ln -s usr/bin "$1/bin"
	ln -s usr/bin "$1/sbin"
	ln -s bin "$1/usr/sbin"
}

# Where /init mounts file systems: it moves there afterwards what the second
# layer holds for them.
MOUNT_POINTS=(tmp run out mnt dev/shm)

# Prints a cpio archive of a directory.
make_cpio() { # DIR
	(cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
		cpio --null --quiet -o -H newc -R 0:0)
}

# Copies modules and what they need from a kernel's package into a root, and
# writes the list /lib/vm/modules/LIST, in the order to load them.
add_modules() { # KERNEL ROOT LIST MODULE...
	local kernel=$1 root=$2 list=$2/lib/vm/modules/$3 release module kind path target
	shift 3
	release=$(<"$kernel/release")
	mkdir -p "$root/lib/vm/modules"
	: >"$list"
	for module; do
		# -C /dev/null: the host's own modprobe.d has no say here.
		modprobe -C /dev/null -d "$kernel/modules" -S "$release" --show-depends "$module" \
			>"$root/.depends" 2>/dev/null ||
			{ rm -f "$root/.depends"; say "kernel $release has no module $module"; return 1; }
		while read -r kind path _; do
			if [[ $kind != insmod ]]; then continue; fi
			target=/lib/vm/modules/$(basename "${path%.ko*}").ko
			case $path in
			*.xz) xz -dc "$path" ;;
			*.zst) zstd -qdc "$path" ;;
			*.gz) gzip -dc "$path" ;;
			*) cat "$path" ;;
			esac >"$root$target"
			grep -qxF "$target" "$list" || echo "$target" >>"$list"
		done <"$root/.depends"
	done
	rm -f "$root/.depends"
}

find_busybox() {
	local path
	path=$(command -v busybox) || die 125 'busybox is missing: install busybox-static'
	# The guest has no dynamic linker.
	if ldd "$path" >/dev/null 2>&1; then die 125 "$path is not static: install busybox-static"; fi
	printf '%s\n' "$path"
}

fill_base_root() { # KERNEL ROOT BUSYBOX
	local kernel=$1 root=$2 busybox=$3 applet feature
	make_layout "$root"
	cp "$busybox" "$root/usr/bin/busybox"
	for applet in $("$busybox" --list); do
		if [[ $applet != busybox ]]; then ln -sf busybox "$root/usr/bin/$applet"; fi
	done
	install -m 755 "$VM_LIB/vm-init" "$root/init"
	install -m 755 "$VM_LIB/vm-as-nobody" "$root/usr/bin/as-nobody"
	printf '%s\n' 'root::0:0:root:/root:/bin/sh' \
		'nobody:*:65534:65534:nobody:/home/nobody:/bin/sh' >"$root/etc/passwd"
	printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' >"$root/etc/group"
	echo '127.0.0.1 localhost mlocktrace-vm' >"$root/etc/hosts"
	for feature in "${!FEATURE_MODULES[@]}"; do
		# shellcheck disable=SC2086  # a list of words
		add_modules "$kernel" "$root" "$feature" ${FEATURE_MODULES[$feature]}
	done
}

# Prints the path of a kernel's first layer, which is made when needed.
base_initramfs() { # KERNEL
	local busybox key file
	busybox=$(find_busybox)
	key=$(cat "$busybox" "$VM_LIB/vm-init" "$VM_LIB/vm-as-nobody" "$VM_LIB/vm-initramfs.bash" \
		"$1/release" "$1/version" | sha256sum)
	file=$VM_CACHE/initramfs/${1##*/}-${key:0:16}.cpio
	if [[ ! -f $file ]]; then
		mkdir -p "$VM_CACHE/initramfs"
		(
			flock 9
			if [[ -f $file ]]; then exit 0; fi
			work=$(mktemp -d "$VM_CACHE/initramfs/.tmp.XXXXXX")
			trap 'rm -rf "$work"' EXIT
			mkdir "$work/root"
			fill_base_root "$1" "$work/root" "$busybox"
			make_cpio "$work/root" >"$work/cpio"
			mv "$work/cpio" "$file"
		) 9>"$VM_CACHE/initramfs/.lock" || return 1
	fi
	printf '%s\n' "$file"
}

# Copies the build's programs for guests.
add_programs() { # ROOT
	local file
	for file in "$VM_BUILD"/vm-bin/*; do
		if [[ -f $file && -x $file ]]; then cp -L "$file" "$1/usr/bin/"; fi
	done
}

# Copies a file of the host's to its own path.
take_along() { # ROOT FILE
	mkdir -p "$1$(dirname "$2")"
	cp -L --update --preserve=mode,timestamps "$2" "$1$2"
}

# Copies a program of the host's, what it is linked to, and what interprets it.
add_with() { # ROOT PROGRAM
	local root=$1 name=${2##*/} path real line file
	path=$(type -P "$2") || die 2 "--with: no such program: $2"
	path=$(realpath -s "$path")
	# busybox's shell prefers its own applets to what is on PATH.
	if [[ ${COMMAND[0]} == "$name" ]]; then COMMAND[0]=$path; fi
	real=$(realpath "$path")
	# $ORIGIN in a RUNPATH is where the file is, not the links to it.
	take_along "$root" "$real"
	mkdir -p "$root$(dirname "$path")"
	# Relative: an absolute link would be followed out of ROOT, and written through.
	if [[ ! $root$path -ef $root$real ]]; then ln -srf "$root$real" "$root$path"; fi
	# By name, wherever it is.
	if [[ ! -e $root/usr/bin/$name ]]; then ln -sr "$root$path" "$root/usr/bin/$name"; fi
	IFS= read -rn 256 line <"$real" || true
	if [[ $line == '#!'* ]]; then
		add_interpreter "$root" "${line#'#!'}"
		return
	fi
	# What is static has no such lines.
	ldd "$real" 2>/dev/null >"$root/.ldd" || true
	if line=$(grep -m 1 'not found' "$root/.ldd"); then die 2 "--with $2: ${line#$'\t'}"; fi
	# NAME => FILE (0x…), FILE (0x…); both are files where an interpreter isn't ldd's own.
	for file in $(grep -oE '/[^ ]+' "$root/.ldd"); do take_along "$root" "$file"; done
	rm "$root/.ldd"
	# Libraries may be in a directory that only this knows.
	if [[ -f /etc/ld.so.cache ]]; then take_along "$root" /etc/ld.so.cache; fi
}

# A script's interpreter; with /usr/bin/env, the one that it looks for as well.
add_interpreter() { # ROOT WORDS
	local root=$1 word
	local -a words
	read -ra words <<<"$2"
	add_with "$root" "${words[0]}"
	if [[ ${words[0]} != */env ]]; then return; fi
	for word in "${words[@]:1}"; do
		# Options and variables of env's.
		if [[ $word == -* || $word == *=* ]]; then continue; fi
		add_with "$root" "$word"
		return
	done
}

# Copies SRC[:DST].
add_put() { # ROOT SPEC
	local root=$1 source=$2 target=
	if [[ ! -e $source && $source == *:* ]]; then
		target=${source##*:}
		source=${source%:*}
	fi
	[[ -e $source ]] || die 2 "--put: no such file: $source"
	if [[ -z $target || $target == */ ]]; then
		target=${target:-/root/}$(basename "$(realpath "$source")")
	fi
	if [[ $target != /* ]]; then target=/root/$target; fi
	mkdir -p "$root$(dirname "$target")"
	# Links between files of a directory stay links, a link named as SRC doesn't.
	if [[ -d $source ]]; then
		if [[ ! -d $root$target ]]; then
			mkdir "$root$target"
			chmod --reference="$source" "$root$target"
		fi
		# cp would not copy a directory to where a link to a directory is.
		tar -C "$source" -cf - . |
			tar -C "$root$target" -xpf - --keep-directory-symlink --no-overwrite-dir
	else
		cp -L --remove-destination --preserve=mode,timestamps "$source" "$root$target"
	fi
}

# Puts aside what belongs on file systems that aren't mounted yet.
put_aside() { # ROOT
	local dir
	for dir in "${MOUNT_POINTS[@]}"; do
		if [[ $(find "$1/$dir" -mindepth 1 -print -quit) ]]; then
			mkdir -p "$1/lib/vm/put/$(dirname "$dir")"
			mv "$1/$dir" "$1/lib/vm/put/$dir"
		fi
	done
}

# 'words' as a line of sh that means exactly them.
shell_quote() {
	local word
	for word; do
		printf "'%s' " "${word//\'/\'\\\'\'}"
	done
}
