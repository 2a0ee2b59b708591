# updater.sh, the external program: it keeps two slots for the software of a device
# and knows nothing of package baseline. Fed to "sh -s -- DIR COMMAND [VERSION]".
#
#   DIR/state        the one record: slot to fall back to, slot to start, started yet?
#   DIR/slot.a .b    images; the first line of one is "release VERSION"
#   DIR/key.pem      public key of the vendor
#   DIR/media/       where the technician's medium is mounted: VERSION.img, VERSION.sig
#
# A power cut at any moment leaves the old record or the new one, and a new record is
# written only once the slot that it names is verified and on the medium.
#
# It answers one line: "VERSION confirmed" or "VERSION trial", which is what runs now,
# or "refused: WHY". Any other end is a failure, and has an exit code above 0.
set -eu
umask 077
image_limit=8388608 # bytes of a slot

refuse() { # only at the end of a command, never in a subshell
	printf 'refused: %s\n' "$1"
	exit 0
}

fail() {
	printf 'updater: %s\n' "$1" >&2
	exit 1
}

load() {
	read -r confirmed next started <state || fail 'no state'
	case "$confirmed $next $started" in
	'a a no' | 'b b no' | 'a b no' | 'a b yes' | 'b a no' | 'b a yes') ;;
	*) fail 'the state is damaged' ;;
	esac
}

# store CONFIRMED NEXT STARTED: "sync FILE" fails when the medium does.
store() {
	rm -f state.new
	printf '%s %s %s\n' "$1" "$2" "$3" >state.new
	sync state.new
	mv -f state.new state
	sync .
}

release_of() { # FILE
	read -r word release rest <"$1" || fail 'no release in the slot'
	[ "$word" = release ] && [ -z "$rest" ] || fail 'no release in the slot'
	printf '%s\n' "$release"
}

well_formed() { grep -E '^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}$' || true; }

newest() { well_formed | sort -t . -k 1,1n -k 2,2n -k 3,3n | tail -n 1; }

on_medium() {
	for image in media/*.img; do
		image=${image##*/}
		image=${image%.img}
		case $image in *[!0-9.]*) continue ;; esac # line ends, too
		printf '%s\n' "$image"
	done
}

# boot is what the boot loader does at each start. A release that was started and
# never confirmed hung, or lost its power: it had its chance.
boot() {
	load
	if [ "$started" = yes ]; then
		store "$confirmed" "$confirmed" no
	elif [ "$confirmed" != "$next" ]; then
		store "$confirmed" "$next" yes
	fi
}

status() {
	load
	slot=$confirmed kind=confirmed
	if [ "$started" = yes ]; then
		slot=$next kind=trial
	fi
	version=$(release_of "slot.$slot")
	printf '%s %s\n' "$version" "$kind"
}

install() { # VERSION, or '' for the newest
	load
	[ "$confirmed" = "$next" ] || refuse 'a release is on trial or waits for its start'
	[ -n "$1" ] && version=$1 || version=$(on_medium | newest)
	[ -n "$version" ] && [ "$(printf '%s\n' "$version" | well_formed)" = "$version" ] || refuse 'not a version'
	[ -f "media/$version.img" ] && [ -f "media/$version.sig" ] || refuse 'no such release'
	now=$(release_of "slot.$confirmed")
	[ "$version" != "$now" ] && [ "$(printf '%s\n' "$version" "$now" | newest)" = "$version" ] || refuse 'not newer'
	other=b
	[ "$confirmed" = a ] || other=a
	# The copy is verified, not the medium: that may change under our hands. The old
	# file is removed first, for a program that was killed may still write to it.
	rm -f slot.new sig.new
	head -c "$image_limit" <"media/$version.img" >slot.new
	head -c 4096 <"media/$version.sig" >sig.new
	openssl dgst -sha256 -verify key.pem -signature sig.new slot.new >/dev/null 2>&1 || refuse 'not genuine'
	[ "$(release_of slot.new)" = "$version" ] || refuse 'another release under this name'
	sync slot.new
	mv -f slot.new "slot.$other"
	sync .
	store "$confirmed" "$other" no
	rm -f sig.new
}

confirm() {
	load
	[ "$started" = yes ] || refuse 'nothing is on trial'
	store "$next" "$next" no
}

rollback() {
	load
	[ "$confirmed" != "$next" ] || refuse 'nothing is on trial'
	store "$confirmed" "$confirmed" no
}

main() {
	[ $# -ge 2 ] && [ $# -le 3 ] || fail 'usage: DIR COMMAND [VERSION]'
	cd "$1"
	case $2 in
	boot | confirm | rollback) "$2" ;;
	install) install "${3-}" ;;
	status) ;;
	*) fail 'no such command' ;;
	esac
	status
}

# The last line runs everything: half a script does nothing, and no command reads
# the rest of the script as its input.
main "$@" </dev/null
