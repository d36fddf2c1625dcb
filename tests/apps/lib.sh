# What the app scripts share. A script sources this, calls `net SHAPE`, and goes on as a program on the first host of that network:
#
#     . "${0%/*}/lib.sh"
#     net single,3
#     serve h2 python3 -m http.server 80
#     wait_port h2 80
#     check "curl v4" on h1 curl -4 -sf http://h2/
#
# Every check is one TAP-like line. What was started is ended by its id and the directory $TMP is removed, whatever happens.
set -u
export LC_ALL=C PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
: "${BUILD:?names the build directory}"
SOCKLAND=$BUILD/sockland
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/../tools/until.sh"
NAME=${TEST_PREFIX:-apps}/${0##*/}
SERVERS=()

ok() { echo "ok $NAME/$1"; }
not_ok() { echo "not ok $NAME/$1: $2"; FAILED=1; }
skip() { echo "skip $NAME/$1: $2"; }
FAILED=0

# net SHAPE|FILE: the rest of the script runs on h1 of such a network, in a sandbox if $SANDBOX is set: "network" or "docker".
net() {
	[ -z "${INSIDE-}" ] || return 0
	TMP=$(mktemp -d "${TMPDIR:-/tmp}/sockland-test.XXXXXX") || exit 1
	export TMP INSIDE=1
	mkfifo "$TMP/never" || exit 1
	trap 'rm -rf "$TMP"' EXIT
	trap 'exit 143' TERM INT
	local wrap=()
	[ -z "${SANDBOX-}" ] || wrap=("$BUILD/tests/tools/sandbox")
	[ "${SANDBOX-}" != docker ] || wrap+=(--docker)
	if [ -f "$1" ]; then set -- "$1"; else set -- --topo "$1"; fi
	"${wrap[@]}" "$SOCKLAND" up "$@" -- bash "$0"
	local status=$?
	[ $status -eq 0 ] || echo "not ok $NAME: ended with status $status"
	exit $status
}

finish() {
	local pid
	for pid in "${SERVERS[@]}"; do kill "$pid" 2>/dev/null; done
	for pid in "${SERVERS[@]}"; do wait "$pid" 2>/dev/null; done
}
# A subshell that is ended before it has put this trap off (run_limited's, of a check that was quick) ends nothing but itself.
[ -z "${INSIDE-}" ] || trap 'status=$?; [ $BASHPID = $$ ] || exit $status; finish; [ $FAILED -eq 0 ] || status=1; exit $status' EXIT

# on HOST COMMAND…
on() { "$SOCKLAND" exec "$@"; }

# serve HOST COMMAND…: in the background until the script ends. Its output is in $TMP/serve.log. Its id is $SERVED.
serve() {
	"$SOCKLAND" exec "$@" >>"$TMP/serve.log" 2>&1 </dev/null &
	SERVED=$!
	SERVERS+=("$SERVED")
}

# wait_port HOST PORT [-6]: until something accepts there.
wait_port() {
	until_true on h1 nc -z "${3:--4}" "$1" "$2" || not_ok "port $2 of $1" "nobody listens; $(tail -n 3 "$TMP/serve.log" 2>/dev/null | tr '\n' ' ')"
}

# check NAME COMMAND…: the command must succeed, within a minute.
check() {
	local name=$1 status
	shift
	run_limited "$@" >"$TMP/check.log" 2>&1
	status=$?
	if [ $status -eq 0 ]; then ok "$name"; else not_ok "$name" "status $status of '$*': $(tail -n 3 "$TMP/check.log" | tr '\n' ' ')"; fi
}

# A function or a command, ended after a minute.
run_limited() {
	"$@" </dev/null &
	local pid=$! watch status
	( exec 3<>"$TMP/never"; read -r -t 60 -u 3; kill "$pid" 2>/dev/null ) &   # waits by itself: no sleep to be left behind
	watch=$!
	wait "$pid"
	status=$?
	kill "$watch" 2>/dev/null
	wait "$watch" 2>/dev/null
	return $status
}

# random_file NAME KIB: $TMP/NAME with octets that do not repeat.
random_file() { head -c $(($2 * 1024)) /dev/urandom >"$TMP/$1"; }
hash_of() { sha256sum <"$1" | cut -d' ' -f1; }
# same FILE FILE: their hashes agree.
same() { [ "$(hash_of "$1")" = "$(hash_of "$2")" ] || { echo "hash of $2 ($(stat -c %s "$2") octets) differs from $1 ($(stat -c %s "$1"))"; return 1; }; }
