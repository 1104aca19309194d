#include "recording/schema.h"

namespace mlt {

namespace {

constexpr std::string_view kSchema = R"sql(
-- Times that end in _ns are nanoseconds. "at", "start" and "first" count from the start of the trace, whose moment is
-- window_start_unix_ns in the view trace. Pages are base pages. NULL: not measured.

CREATE TABLE recording (              -- one row: about the file
  tool_version TEXT NOT NULL,         -- of the mlocktrace that wrote it
  state TEXT NOT NULL CHECK (state IN ('recording', 'complete')),  -- 'recording': not closed, the recorder was cut off
  interval_ns INTEGER NOT NULL,       -- how long an interval was meant to be
  intervals_dropped INTEGER NOT NULL, -- oldest intervals given up for --max-size
  with_events INTEGER NOT NULL,       -- 1: every fault was asked for (--events)
  events_recorded INTEGER NOT NULL,   -- faults that were written, those given up again included
  events_dropped INTEGER NOT NULL,    -- oldest faults given up for --max-size
  events_lost INTEGER NOT NULL        -- faults that found no room in the ring buffer
) STRICT;

CREATE TABLE report (                 -- one row: the report of everything up to at_ns
  at_ns INTEGER NOT NULL,
  json TEXT NOT NULL                  -- as --json prints it; the views below take it apart
) STRICT;

CREATE TABLE interval (               -- the trace cut into pieces, oldest first
  id INTEGER PRIMARY KEY,
  start_ns INTEGER NOT NULL,
  duration_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE activity (               -- what one process did in one interval; a process that did nothing has no row
  id INTEGER PRIMARY KEY,
  interval INTEGER NOT NULL,          -- interval.id
  pid INTEGER NOT NULL,
  pages_populated INTEGER,            -- by the calls that lock or map memory
  mlocked INTEGER,                    -- pages
  munlocked INTEGER,                  -- pages
  locked_bytes INTEGER,               -- at the end of the interval
  resident_bytes INTEGER,             -- at the end of the interval
  swap_in INTEGER,                    -- pages
  swap_out INTEGER,                   -- pages
  reclaim_ns INTEGER                  -- stalled in reclaim that it had to do itself
) STRICT;
CREATE INDEX activity_by_interval ON activity (interval);

CREATE TABLE activity_faults (        -- its faults by who needed the page; no row: none
  activity INTEGER NOT NULL,          -- activity.id
  origin TEXT NOT NULL,               -- 'access', 'kernel', 'populate', 'remote'
  minor INTEGER NOT NULL,
  major INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  retries INTEGER NOT NULL,
  untimed INTEGER NOT NULL,           -- of minor + major: without a latency
  time_ns INTEGER NOT NULL,           -- in all of them
  min_ns INTEGER,
  max_ns INTEGER,
  p50_ns INTEGER,
  p99_ns INTEGER,
  buckets TEXT NOT NULL,              -- latencies as JSON: [[from_ns, to_ns, faults], ...]
  PRIMARY KEY (activity, origin)
) STRICT, WITHOUT ROWID;

CREATE TABLE activity_causes (        -- its faults by cause; no row: none
  activity INTEGER NOT NULL,          -- activity.id
  cause TEXT NOT NULL,
  faults INTEGER NOT NULL,
  PRIMARY KEY (activity, cause)
) STRICT, WITHOUT ROWID;

CREATE TABLE mapping (                -- the address space of traced processes, from /proc/PID/smaps
  pid INTEGER NOT NULL,
  moment TEXT NOT NULL CHECK (moment IN ('before', 'after')),  -- the trace; a command: before its first instruction
  at_ns INTEGER NOT NULL,             -- when it was read: of a process that exited, the last time it was seen
  start INTEGER NOT NULL,             -- addresses
  end INTEGER NOT NULL,
  permissions TEXT NOT NULL,          -- 'rw-p'
  offset INTEGER NOT NULL,            -- in the file
  name TEXT NOT NULL,                 -- path, '[heap]', ...; empty: anonymous
  resident_bytes INTEGER NOT NULL,
  locked_bytes INTEGER NOT NULL,
  swapped_bytes INTEGER NOT NULL,
  locked INTEGER NOT NULL             -- 1: VM_LOCKED
) STRICT;

CREATE TABLE event_block (            -- single faults, some ten thousands a row, oldest first
  id INTEGER PRIMARY KEY,
  first_ns INTEGER NOT NULL,          -- end of the earliest
  last_ns INTEGER NOT NULL,           -- end of the latest
  events INTEGER NOT NULL,
  data BLOB NOT NULL                  -- `mlocktrace report FILE --events` prints them
) STRICT;

CREATE VIEW trace AS SELECT           -- one row: about the trace
  json ->> '$.host.kernel' AS kernel,
  json ->> '$.host.arch' AS arch,
  json ->> '$.host.cpus' AS cpus,
  json ->> '$.host.page_size' AS page_size,
  json ->> '$.window.start_unix_ns' AS window_start_unix_ns,
  json ->> '$.window.duration_ns' AS window_duration_ns,
  json ->> '$.target.kind' AS target_kind,
  json ->> '$.target.text' AS target_text,
  json ->> '$.coverage.lost.events' AS lost_events,
  json ->> '$.coverage.lost.map_full' AS lost_map_full,
  json ->> '$.coverage.lost.missed_probes' AS lost_missed_probes
FROM report;

CREATE VIEW signal AS SELECT          -- what was measured, and how
  value ->> '$.name' AS name,
  value ->> '$.state' AS state,       -- 'exact', 'partial', 'off'
  value ->> '$.via' AS via,
  value ->> '$.limits' AS limits
FROM report, json_each(report.json, '$.coverage.signals');

CREATE VIEW audit AS SELECT           -- counts compared with the kernel's own
  value ->> '$.check' AS "check",
  value ->> '$.traced' AS traced,
  value ->> '$.kernel' AS kernel,     -- lies in [kernel, kernel + slack]
  value ->> '$.slack' AS slack,
  value ->> '$.source' AS source,
  value ->> '$.verdict' AS verdict,   -- 'equal', 'differs', 'unavailable'
  value ->> '$.why' AS why
FROM report, json_each(report.json, '$.coverage.audit');

CREATE VIEW process AS SELECT         -- most faults first
  value ->> '$.pid' AS pid,
  value ->> '$.parent_pid' AS parent_pid,
  value ->> '$.comm' AS comm,
  value ->> '$.exe' AS exe,
  value ->> '$.cgroup' AS cgroup,
  value ->> '$.threads' AS threads,
  value ->> '$.exited' AS exited,     -- 1: before the end of the trace
  value ->> '$.populate.calls' AS populate_calls,
  value ->> '$.populate.pages' AS populate_pages,
  value ->> '$.populate.time_ns' AS populate_ns,
  value ->> '$.locks.calls_not_kept' AS lock_calls_not_kept,
  value ->> '$.locks.locked_bytes.start' AS locked_start_bytes,
  value ->> '$.locks.locked_bytes.end' AS locked_end_bytes,
  value ->> '$.locks.locked_bytes.peak' AS locked_peak_bytes,
  value ->> '$.locks.limit_bytes' AS limit_bytes,  -- RLIMIT_MEMLOCK
  value ->> '$.locks.limit_unlimited' AS limit_unlimited,
  value ->> '$.locks.exempt' AS exempt,            -- 1: CAP_IPC_LOCK, the limit does not apply
  value ->> '$.locks.headroom_bytes' AS headroom_bytes,
  value ->> '$.pages.mlocked' AS mlocked,          -- pages, as the next six
  value ->> '$.pages.munlocked' AS munlocked,
  value ->> '$.pages.to_unevictable' AS to_unevictable,
  value ->> '$.pages.rescued' AS rescued,
  value ->> '$.pages.culled_by_reclaim' AS culled_by_reclaim,
  value ->> '$.pages.still_locked_elsewhere' AS still_locked_elsewhere,
  value ->> '$.pages.locked_not_mlocked' AS locked_not_mlocked,
  value ->> '$.vma.splits' AS vma_splits,
  value ->> '$.vma.merges' AS vma_merges,
  value ->> '$.vma.count.start' AS vmas_start,
  value ->> '$.vma.count.end' AS vmas_end,
  value ->> '$.vma.count.peak' AS vmas_peak,
  value ->> '$.vma.max_map_count' AS max_map_count,
  value ->> '$.vma.changes_not_kept' AS vma_changes_not_kept,
  value ->> '$.life_not_kept' AS life_events_not_kept, -- forks, execs and exits beyond those in life_event
  value ->> '$.reclaim.direct.calls' AS direct_reclaims,
  value ->> '$.reclaim.direct.time_ns' AS direct_reclaim_ns,
  value ->> '$.reclaim.memcg.calls' AS memcg_reclaims,
  value ->> '$.reclaim.memcg.time_ns' AS memcg_reclaim_ns,
  value ->> '$.swap.in' AS swap_in,                -- pages
  value ->> '$.swap.in_major' AS swap_in_major,
  value ->> '$.swap.in_ns' AS swap_in_ns,
  value ->> '$.swap.out' AS swap_out
FROM report, json_each(report.json, '$.processes');

CREATE VIEW faults AS SELECT          -- of a process by origin; NULLs: no probe could see this origin
  process.value ->> '$.pid' AS pid,
  f.key AS origin,                    -- 'access', 'kernel', 'populate', 'remote'
  f.value ->> '$.minor' AS minor,
  f.value ->> '$.major' AS major,
  f.value ->> '$.errors' AS errors,
  f.value ->> '$.retries' AS retries,
  f.value ->> '$.untimed' AS untimed,
  f.value ->> '$.time_ns' AS time_ns,
  f.value ->> '$.latency.min' AS min_ns,
  f.value ->> '$.latency.p50' AS p50_ns,
  f.value ->> '$.latency.p99' AS p99_ns,
  f.value ->> '$.latency.p999' AS p999_ns,
  f.value ->> '$.latency.max' AS max_ns
FROM report, json_each(report.json, '$.processes') AS process, json_each(process.value, '$.faults') AS f
WHERE f.key IN ('access', 'kernel', 'populate', 'remote');

CREATE VIEW faults_by_cause AS SELECT -- most time first
  process.value ->> '$.pid' AS pid,
  f.value ->> '$.cause' AS cause,
  f.value ->> '$.origin' AS origin,
  f.value ->> '$.locked' AS locked,   -- 'yes', 'no', 'on_fault'
  f.value ->> '$.minor' AS minor,
  f.value ->> '$.major' AS major,
  f.value ->> '$.errors' AS errors,
  f.value ->> '$.retries' AS retries,
  f.value ->> '$.untimed' AS untimed,
  f.value ->> '$.time_ns' AS time_ns,
  f.value ->> '$.latency.p50' AS p50_ns,
  f.value ->> '$.latency.p99' AS p99_ns,
  f.value ->> '$.latency.max' AS max_ns
FROM report, json_each(report.json, '$.processes') AS process, json_each(process.value, '$.faults.by_cause') AS f;

CREATE VIEW faults_by_thread AS SELECT -- most faults first
  process.value ->> '$.pid' AS pid,
  f.value ->> '$.tid' AS tid,         -- NULL: threads that could not be told apart
  f.value ->> '$.minor' AS minor,
  f.value ->> '$.major' AS major,
  f.value ->> '$.errors' AS errors,
  f.value ->> '$.retries' AS retries,
  f.value ->> '$.untimed' AS untimed,
  f.value ->> '$.time_ns' AS time_ns,
  f.value ->> '$.latency.p50' AS p50_ns,
  f.value ->> '$.latency.p99' AS p99_ns,
  f.value ->> '$.latency.max' AS max_ns
FROM report, json_each(report.json, '$.processes') AS process, json_each(process.value, '$.faults.by_thread') AS f;

CREATE VIEW faults_by_vma AS SELECT   -- most faults first
  process.value ->> '$.pid' AS pid,
  f.value ->> '$.start' AS start,
  f.value ->> '$.end' AS end,
  f.value ->> '$.name' AS name,       -- path, '[heap]', 'anonymous'; NULL: not known
  f.value ->> '$.offset' AS offset,   -- in the file
  f.value ->> '$.permissions' AS permissions,
  f.value ->> '$.locked' AS locked,   -- 'yes', 'no', 'on_fault'
  f.value ->> '$.cause' AS cause,     -- of most of the faults
  f.value ->> '$.minor' AS minor,
  f.value ->> '$.major' AS major,
  f.value ->> '$.errors' AS errors,
  f.value ->> '$.time_ns' AS time_ns,
  f.value ->> '$.max_ns' AS max_ns
FROM report, json_each(report.json, '$.processes') AS process, json_each(process.value, '$.faults.by_vma') AS f
WHERE f.type = 'object';

CREATE VIEW stack AS SELECT           -- places of the program that fault, most faults first
  process.value ->> '$.pid' AS pid,
  f.value ->> '$.origin' AS origin,
  f.value ->> '$.cause' AS cause,     -- of most of the faults
  f.value ->> '$.faults' AS faults,
  f.value ->> '$.time_ns' AS time_ns,
  f.value -> '$.kernel' AS kernel,    -- JSON, innermost first: function, module, address, offset
  f.value -> '$.user' AS user         -- the same
FROM report, json_each(report.json, '$.processes') AS process, json_each(process.value, '$.faults.stacks') AS f
WHERE f.type = 'object';

CREATE VIEW lock_call AS SELECT       -- calls of the lock family, and mapping calls that populated or failed
  process.value ->> '$.pid' AS pid,
  call.value ->> '$.start_ns' AS start_ns,
  call.value ->> '$.tid' AS tid,
  call.value ->> '$.call' AS call,
  call.value ->> '$.args' AS args,
  call.value ->> '$.ret' AS ret,
  call.value ->> '$.errno' AS errno,
  call.value ->> '$.duration_ns' AS duration_ns,
  call.value ->> '$.populate_ns' AS populate_ns,
  call.value ->> '$.pages_populated' AS pages_populated,
  call.value ->> '$.vma_splits' AS vma_splits,
  call.value ->> '$.vma_merges' AS vma_merges,
  call.value ->> '$.locked_bytes_after' AS locked_bytes_after,
  call.value ->> '$.rule' AS rule,    -- of the kernel, by which it failed
  call.value ->> '$.explain' AS explain
FROM report, json_each(report.json, '$.processes') AS process, json_each(process.value, '$.locks.calls') AS call;

CREATE VIEW call_total AS SELECT      -- of all calls of a kind, those too that are not in lock_call
  process.value ->> '$.pid' AS pid,
  total.value ->> '$.call' AS call,
  total.value ->> '$.calls' AS calls,
  total.value ->> '$.errors' AS errors,
  total.value ->> '$.time_ns' AS time_ns,
  total.value ->> '$.populates' AS populates,
  total.value ->> '$.pages_populated' AS pages_populated,
  total.value ->> '$.populate_ns' AS populate_ns,
  total.value ->> '$.vma_splits' AS vma_splits,
  total.value ->> '$.vma_merges' AS vma_merges
FROM report, json_each(report.json, '$.processes') AS process, json_each(process.value, '$.locks.totals') AS total;

CREATE VIEW vma_change AS SELECT      -- splits and merges of mappings
  process.value ->> '$.pid' AS pid,
  change.value ->> '$.at_ns' AS at_ns,
  change.value ->> '$.tid' AS tid,
  change.value ->> '$.kind' AS kind,  -- 'split', 'merge'
  change.value ->> '$.start' AS start,  -- of the mapping before a split, after a merge
  change.value ->> '$.end' AS end,
  change.value ->> '$.addr' AS addr,  -- where it was split
  change.value ->> '$.locked' AS locked,
  change.value ->> '$.cause' AS cause -- the call that did it
FROM report, json_each(report.json, '$.processes') AS process, json_each(process.value, '$.vma.changes') AS change;

CREATE VIEW life_event AS SELECT      -- forks, execs, exits, and what became of the locks
  process.value ->> '$.pid' AS pid,
  event.value ->> '$.at_ns' AS at_ns,
  event.value ->> '$.kind' AS kind,   -- 'fork', 'vfork', 'share', 'exec', 'exit'
  event.value ->> '$.child_pid' AS child_pid,
  event.value ->> '$.locked_bytes' AS locked_bytes,
  event.value ->> '$.locked_bytes_after' AS locked_bytes_after,
  event.value ->> '$.mcl_future' AS mcl_future,
  event.value ->> '$.mcl_onfault' AS mcl_onfault,
  event.value ->> '$.comm' AS comm
FROM report, json_each(report.json, '$.processes') AS process, json_each(process.value, '$.life') AS event;

CREATE VIEW storm AS SELECT           -- times of far too many faults
  value ->> '$.pid' AS pid,
  value ->> '$.start_ns' AS start_ns,
  value ->> '$.duration_ns' AS duration_ns,
  value ->> '$.peak_per_s' AS peak_per_s,
  value ->> '$.cause' AS cause,
  value ->> '$.vma' AS vma,
  value ->> '$.stack' AS stack,
  value ->> '$.faults' AS faults,
  value ->> '$.time_ns' AS time_ns,   -- in these faults
  value ->> '$.baseline_per_s' AS baseline_per_s,
  value ->> '$.vma_faults' AS vma_faults,
  value ->> '$.tid' AS tid,           -- the thread that took most of them
  value ->> '$.tid_faults' AS tid_faults,
  value ->> '$.trigger.at_ns' AS trigger_ns,
  value ->> '$.trigger.tid' AS trigger_tid,
  value ->> '$.trigger.call' AS trigger_call,  -- what the process did just before
  value ->> '$.trigger.args' AS trigger_args
FROM report, json_each(report.json, '$.storms');

CREATE VIEW finding AS SELECT         -- what is wrong and what to do, gravest first
  value ->> '$.id' AS id,
  value ->> '$.severity' AS severity,
  value ->> '$.pid' AS pid,           -- NULL: the system
  value ->> '$.title' AS title,
  value -> '$.evidence' AS evidence,  -- JSON
  value ->> '$.advice' AS advice,
  value ->> '$.see' AS see
FROM report, json_each(report.json, '$.findings');

CREATE VIEW vmstat AS SELECT          -- what changed in /proc/vmstat
  key AS name,
  value AS change
FROM report, json_each(report.json, '$.system.vmstat');

CREATE VIEW fault_rate AS SELECT      -- when did which process fault how much
  activity.pid AS pid,
  interval.start_ns / 1e9 AS start_s,
  sum(minor + major) AS faults,
  sum(minor + major) * 1e9 / interval.duration_ns AS faults_per_s,
  100.0 * sum(time_ns) / interval.duration_ns AS percent_of_cpu  -- time in faults
FROM activity_faults JOIN activity ON activity.id = activity_faults.activity JOIN interval ON interval.id = activity.interval
GROUP BY activity.id;

CREATE VIEW failed_lock AS SELECT     -- which locks were refused, and why
  pid, start_ns / 1e9 AS start_s, call, args, errno, explain
FROM lock_call WHERE errno IS NOT NULL;

CREATE VIEW slow_lock AS SELECT       -- which calls took longest
  pid, start_ns / 1e9 AS start_s, call, args, duration_ns, populate_ns, pages_populated
FROM lock_call ORDER BY duration_ns DESC;
)sql";

}  // namespace

std::string_view schema_sql() { return kSchema.substr(1); }

}  // namespace mlt
