# shellcheck shell=bash
# Part of scripts/vm: boots a guest and carries its streams and status.

need_programs() {
	local program
	for program; do
		command -v "$program" >/dev/null ||
			die 125 "$program is missing; install: ${VM_DEPS[*]}"
	done
}

# Sizes are QEMU's: a number with K, M, G or T; without, bytes are meant.
size_bytes() { # OPTION SIZE
	[[ $2 =~ ^[0-9]+[KMGT]?$ ]] || die 2 "$1: not a size: $2"
	numfmt --from=iec "$2"
}

check_number() { # OPTION VALUE
	[[ $2 =~ ^[1-9][0-9]{0,5}$ ]] || die 2 "$1: not a number from 1: $2"
}

parse_run_options() {
	OPT_KERNEL=$KERNEL_REFERENCE OPT_MEMORY='' OPT_CPUS='' OPT_POSSIBLE='' OPT_NUMA='' OPT_SWAP='' OPT_DISK=''
	OPT_CGROUP=v2 OPT_ICOUNT='' OPT_TIMEOUT=300 OPT_PUT=() OPT_WITH=() OPT_OUT='' OPT_APPEND=''
	OPT_MODULES='' OPT_CONSOLE='' OPT_PARALLEL='' OPT_VERBOSE=''
	while (($#)); do
		case $1 in
		--icount) OPT_ICOUNT=1 ;;
		--parallel) OPT_PARALLEL=1 ;;
		--verbose) OPT_VERBOSE=1 ;;
		--)
			shift
			break
			;;
		--kernel | --memory | --cpus | --possible-cpus | --numa | --swap | --disk | --cgroup | --timeout | --put | \
			--with | --out | --append | --modules | --console)
			(($# > 1)) || die 2 "$1: value missing"
			take_option "$1" "$2"
			shift
			;;
		--*=*)
			set -- "${1%%=*}" "${1#*=}" "${@:2}"
			continue
			;;
		*) die 2 "run: unknown option: $1 (CMD comes after --)" ;;
		esac
		shift
	done
	(($#)) || die 2 'run: no command (after --)'
	COMMAND=("$@")
	OPT_CPUS=${OPT_CPUS:-2}
	OPT_MEMORY=${OPT_MEMORY:-${OPT_ICOUNT:+2G}}
	OPT_MEMORY=$(size_bytes --memory "${OPT_MEMORY:-1G}")
	if [[ -n $OPT_ICOUNT ]]; then OPT_CPUS=1; fi
	OPT_POSSIBLE=${OPT_POSSIBLE:-$OPT_CPUS}
	((OPT_POSSIBLE >= OPT_CPUS)) || die 2 '--possible-cpus: fewer than --cpus'
}

take_option() { # OPTION VALUE
	case $1 in
	--kernel) check_name "$2" && OPT_KERNEL=$2 ;;
	--memory) OPT_MEMORY=$2 ;;
	--cpus) check_number "$1" "$2" && OPT_CPUS=$2 ;;
	--possible-cpus) check_number "$1" "$2" && OPT_POSSIBLE=$2 ;;
	--numa) check_number "$1" "$2" && OPT_NUMA=$2 ;;
	--swap) OPT_SWAP=$(size_bytes "$1" "$2") ;;
	--disk) OPT_DISK=$(size_bytes "$1" "$2") ;;
	--cgroup)
		[[ $2 == v[12] ]] || die 2 "--cgroup: v1 or v2, not $2"
		OPT_CGROUP=$2
		;;
	--timeout) check_number "$1" "$2" && OPT_TIMEOUT=$2 ;;
	--put) OPT_PUT+=("$2") ;;
	--with) OPT_WITH+=("$2") ;;
	--out) OPT_OUT=$2 ;;
	--append) OPT_APPEND+=" $2" ;;
	--modules) OPT_MODULES+=" ${2//,/ }" ;;
	--console) OPT_CONSOLE=$2 ;;
	esac
}

# kvm or tcg.  /dev/kvm may be there and not work (nested, restricted): a trial
# boot decides, once after each boot of the host.
accelerator() { # VMLINUZ
	local mark answer=${MLOCKTRACE_ACCEL:-auto}
	if [[ $answer != auto ]]; then
		[[ $answer == kvm || $answer == tcg ]] || die 2 "MLOCKTRACE_ACCEL: kvm, tcg or auto, not $answer"
		echo "$answer"
		return
	fi
	mark=$VM_CACHE/accel-$(</proc/sys/kernel/random/boot_id)
	if [[ ! -f $mark ]]; then
		answer=tcg
		if [[ -w /dev/kvm ]] && kvm_boots "$1"; then answer=kvm; fi
		rm -f "$VM_CACHE"/accel-*
		echo "$answer" >"$mark.$$" && mv "$mark.$$" "$mark"
	fi
	cat "$mark"
}

# Without an initramfs the kernel panics at the end of its boot, which says so.
kvm_boots() { # VMLINUZ
	timeout -k 1 10 qemu-system-x86_64 -accel kvm -cpu max,-rdrand,-rdseed -m 512M -smp 2 \
		-display none -vga none -net none -monitor none -no-reboot -nodefaults -serial stdio \
		-kernel "$1" -append 'console=ttyS0 panic=-1 nokaslr' </dev/null 2>/dev/null |
		grep -q 'Kernel panic'
}

# The second layer of the initramfs, and the whole, in $RUN/initrd.
make_initrd() { # KERNEL
	local root=$RUN/root base spec
	base=$(base_initramfs "$1") || die 125 'making the initramfs failed'
	make_layout "$root"
	add_programs "$root"
	for spec in ${OPT_WITH[@]+"${OPT_WITH[@]}"}; do add_with "$root" "$spec"; done
	for spec in ${OPT_PUT[@]+"${OPT_PUT[@]}"}; do add_put "$root" "$spec"; done
	put_aside "$root"
	if [[ -n $OPT_MODULES ]]; then
		# shellcheck disable=SC2086  # a list of words
		add_modules "$1" "$root" extra $OPT_MODULES || exit 2
	fi
	cat >"$root/lib/vm/options" <<-END
		OPT_CGROUP=$OPT_CGROUP OPT_SWAP=$OPT_SWAP OPT_DISK=$OPT_DISK
		OPT_OUT=${OPT_OUT:+1} OPT_MODULES=${OPT_MODULES:+1} OPT_QUIET=$OPT_ICOUNT
	END
	echo "exec $(shell_quote "${COMMAND[@]}")" >"$root/lib/vm/command"
	{
		cat "$base"
		make_cpio "$root"
	} >"$RUN/initrd"
	rm -rf "$root"
}

# Fills QEMU with its command line.
build_qemu() { # KERNEL
	local accel append image=$1/vmlinuz cpu='max,-rdrand,-rdseed'
	if [[ -f $1/vmlinux ]]; then image=$1/vmlinux; fi
	# The crypto self-tests take 2 s of an emulated boot.
	append='console=ttyS0 panic=-1 oops=panic quiet nokaslr mitigations=off'
	append+=' random.trust_bootloader=on random.trust_cpu=off nowatchdog cryptomgr.notests=1'
	# mem-merge=off: KSM of this machine, which a test may switch on, has enough to do.
	QEMU=(qemu-system-x86_64 -machine mem-merge=off -display none -vga none -net none -monitor none -no-reboot
		-nodefaults -no-user-config -kernel "$image" -initrd "$RUN/initrd")
	if [[ -n $OPT_ICOUNT ]]; then
		# -erms: a rep movsb counts as one instruction, whatever it moves.
		QEMU+=(-cpu "$cpu,-erms" -icount 'shift=0,sleep=off'
			-accel 'tcg,thread=single' -seed 1 -rtc 'base=2020-01-01,clock=vm')
		append+=' norandmaps tsc=reliable clocksource=tsc transparent_hugepage=never'
	else
		accel=$(accelerator "$1/vmlinuz")
		if [[ $accel == tcg ]]; then
			# With a thread a CPU, TCG can let a CPU run into another's half-patched
			# code (an oops in one of ~150 boots).
			accel=tcg,thread=$([[ $OPT_PARALLEL ]] && echo multi || echo single)
			# What QEMU 7.2 leaves in the flags after a cmpxchg16b may have reserved bits
			# set: an interrupt right there ends in a panic ("EFLAGS: 7d5e9242", seen once).
			cpu+=,-cx16
		fi
		QEMU+=(-cpu "$cpu" -accel "$accel")
		if [[ " ${KERNELS_EXPEDITED[*]} " == *" $OPT_KERNEL "* ]]; then append+=' rcupdate.rcu_expedited=1'; fi
	fi
	# A socket for each CPU: nodes of one socket look odd to the kernel.
	QEMU+=(-m "$((OPT_MEMORY >> 20))M" -smp "cpus=$OPT_CPUS,maxcpus=$OPT_POSSIBLE,sockets=$OPT_POSSIBLE,cores=1,threads=1"
		-append "$append$OPT_APPEND")
	add_numa
	add_ports
	add_disks
}

add_numa() {
	local node megabytes first last
	if [[ -z $OPT_NUMA ]]; then return 0; fi
	megabytes=$(((OPT_MEMORY >> 20) / OPT_NUMA))
	# -m has to be the sum.
	QEMU+=(-m "$((megabytes * OPT_NUMA))M")
	for ((node = 0; node < OPT_NUMA; node++)); do
		first=$((node * OPT_CPUS / OPT_NUMA))
		last=$(((node + 1) * OPT_CPUS / OPT_NUMA - 1))
		QEMU+=(-object "memory-backend-ram,id=node$node,size=${megabytes}M"
			-numa "node,nodeid=$node,memdev=node$node$( ((last < first)) || echo ",cpus=$first-$last")")
	done
}

add_ports() {
	# ioeventfd=off: a write is done when the guest's instruction is, instead of
	# the guest spinning until another thread of QEMU has come to it.
	QEMU+=(-chardev "file,id=console,path=$RUN/console" -serial chardev:console
		-device 'virtio-serial-pci,max_ports=5,ioeventfd=off'
		-chardev "file,id=stdout,path=$RUN/stdout" -device 'virtserialport,nr=1,chardev=stdout'
		-chardev "file,id=stderr,path=$RUN/stderr" -device 'virtserialport,nr=2,chardev=stderr'
		-chardev "file,id=out,path=$RUN/out.tar" -device 'virtserialport,nr=3,chardev=out'
		-chardev "file,id=events,path=$RUN/events" -device 'virtserialport,nr=4,chardev=events')
}

add_disk() { # FILE SERIAL
	QEMU+=(-drive "if=none,id=$2,format=raw,cache=unsafe,discard=unmap,file=$1"
		-device "nvme,serial=$2,drive=$2")
}

add_disks() {
	if [[ -n $OPT_SWAP ]]; then add_disk "$RUN/swap.img" swap; fi
	if [[ -n $OPT_DISK ]]; then add_disk "$RUN/data.img" data; fi
}

make_disks() {
	if [[ -n $OPT_SWAP ]]; then
		rm -f "$RUN/swap.img"
		truncate -s "$OPT_SWAP" "$RUN/swap.img"
	fi
	if [[ -n $OPT_DISK ]]; then
		rm -f "$RUN/data.img"
		truncate -s "$OPT_DISK" "$RUN/data.img"
		# Features that the oldest of the kernels knows, too.
		mke2fs -q -F -t ext4 -E lazy_itable_init=1,lazy_journal_init=1 \
			-O none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize \
			"$RUN/data.img" || die 125 '--disk: mke2fs failed'
	fi
}

# Copies a fifo to stdout.  When nobody reads that any more (… | head), the rest
# is dropped: QEMU doesn't get over a broken pipe.
pump() { # FIFO
	{
		cat || true
		cat >/dev/null
	} <"$1"
}

# Runs QEMU once.  Streams pass through fifos: QEMU would truncate a file, and
# make a shared stdout non-blocking.
boot() {
	local status=0 pump1 pump2 timer
	rm -f "$RUN"/{stdout,stderr,console,events,out.tar}
	: >"$RUN/events"
	mkfifo "$RUN/stdout" "$RUN/stderr"
	pump "$RUN/stdout" &
	pump1=$!
	pump "$RUN/stderr" >&2 &
	pump2=$!
	# Held open until QEMU has them: the pumps end with the last writer.
	exec 8>"$RUN/stdout" 9>"$RUN/stderr"
	# If this script is killed, so is QEMU.
	setpriv --pdeathsig KILL -- "${QEMU[@]}" </dev/null >"$RUN/qemu.log" 2>&1 8>&- 9>&- &
	QEMU_PID=$!
	( # Closes the streams, lest they outlive the script.
		exec </dev/null >/dev/null 2>&1 8>&- 9>&-
		exec setpriv --pdeathsig KILL -- sleep "$OPT_TIMEOUT"
	) &
	timer=$!
	TIMED_OUT=
	# Whichever ends first; a status of QEMU's doesn't matter.
	wait -n "$QEMU_PID" "$timer" || status=$?
	if kill -0 "$QEMU_PID" 2>/dev/null; then
		TIMED_OUT=1
		kill -KILL "$QEMU_PID"
	fi
	kill "$timer" 2>/dev/null || true
	exec 8>&- 9>&-
	wait "$QEMU_PID" "$timer" 2>/dev/null || true
	QEMU_PID=
	wait "$pump1" "$pump2" || true
}

happened() { # REGEX
	grep -qE "$1" "$RUN/events"
}

# The kernel's last words.
report_failure() { # MESSAGE
	say "$1"
	if [[ -s $RUN/qemu.log ]]; then tail -n 10 "$RUN/qemu.log" >&2; fi
	if [[ -s $RUN/console ]]; then
		say 'the last lines of the console:'
		tr -d '\r' <"$RUN/console" | tail -n 30 >&2
	fi
}

take_out() {
	if [[ -z $OPT_OUT ]]; then return 0; fi
	mkdir -p "$OPT_OUT" && tar -C "$OPT_OUT" --no-same-owner --delay-directory-restore \
		--no-overwrite-dir -xf "$RUN/out.tar" || die 125 "--out: unpacking into $OPT_OUT failed"
}

clean_up() {
	if [[ -n ${QEMU_PID-} ]]; then kill -KILL "$QEMU_PID" 2>/dev/null || true; fi
	rm -rf "$RUN"
}

cmd_run() {
	local kernel status
	parse_run_options "$@"
	need_programs qemu-system-x86_64 busybox cpio modprobe mke2fs setpriv flock
	fetch_kernel "$OPT_KERNEL" || exit 125
	kernel=$VM_CACHE/kernels/$(cached_package "$OPT_KERNEL")

	RUN=$(mktemp -d "${TMPDIR:-/tmp}/mlocktrace-vm.XXXXXX")
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	make_initrd "$kernel"
	build_qemu "$kernel"
	if [[ -n $OPT_VERBOSE ]]; then say "$(printf '%q ' "${QEMU[@]}")"; fi

	make_disks
	boot
	# A guest that dies before /init runs says nothing of CMD: once more.
	if ! happened '^init$' && [[ -z $TIMED_OUT ]]; then
		report_failure 'the guest died early in its boot; trying once more'
		make_disks
		boot
	fi
	if [[ -n $OPT_CONSOLE ]]; then tr -d '\r' <"$RUN/console" >"$OPT_CONSOLE"; fi

	status=$(sed -n 's/^exit \([0-9]*\)$/\1/p' "$RUN/events")
	if [[ -n $status ]]; then
		take_out
		exit "$status"
	fi
	if [[ -n $TIMED_OUT ]]; then
		report_failure "the guest didn't end within $OPT_TIMEOUT s"
	else
		report_failure 'the guest ended without a status'
	fi
	exit 125
}
