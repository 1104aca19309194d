# A report against what is known of the program: a line for each deviation.  $findings: the names that must be there,
# $perhaps: those that may be, $figures: FIGURE>=NUMBER.  What is of severity info looks bad and is not: it is not listed.

def words: split(" ") | map(select(. != ""));

# How long something took: in an emulated machine, beside others, everything takes long.
def about_time: ["slow-lock", "slow-unlock", "lock-holds-up-threads", "mmap-lock-contention", "reclaim-stall",
	"exit-frees-swap", "fault-storm", "major-fault-storm"];

# Of the process that has most.
def figures: {
	"locked-mib": ([.processes[].locks.locked_bytes.peak] | max | if . then . / 1048576 | floor else . end),
	"mlockall": ([.processes[].locks.totals[] | select(.call == "mlockall") | .calls - .errors] | max),
	"cow": ([.processes[].faults.by_cause | map(select(.cause == "cow") | .minor + .major) | add] | max)
};

(.coverage.lost | to_entries[] | select(.value != 0) | "lost: \(.value) \(.key)"),

(.coverage.audit[]
	| select(.verdict == "differs" or (.verdict == "unavailable" and (.why // "") == ""))
	| "audit: \(.check): traced \(.traced), kernel \(.kernel) (\(.source)): \(.verdict), \(.why)"),

(.findings | map(select(.severity != "info" and (.id | IN(about_time[], (($findings, $perhaps) | words[])) | not)))
	| group_by(.id)[]
	| "finding: \(.[0] | "\(.severity) \(.id) of \(.pid): \(.title) \(.evidence | tojson)")\(
		if length > 1 then ", and of \(length - 1) processes more" else "" end)"),

([.findings[].id] as $there | $findings | words[] | select(IN($there[]) | not) | "no finding \(.)"),

(figures as $there | $figures | words[] | capture("^(?<name>.+)>=(?<least>[0-9]+)$")
	| select(($there[.name] // -1) < (.least | tonumber))
	| "\(.name): \($there[.name]), and should be at least \(.least)")
