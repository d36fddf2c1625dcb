# To be sourced. until_true COMMAND…: repeats it until it is true; false after 50 seconds, which no machine is too slow for.
until_true() {
	local end=$((SECONDS + 50))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}
