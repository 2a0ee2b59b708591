# vendor.sh plays the vendor: "sh -s -- BENCH DEVICE COMMAND VERSION". It has the
# signing key, in BENCH, and writes into DEVICE, the directory of updater.sh.
#
#   factory VERSION   makes the keys, and a device with this release
#   release VERSION   puts a signed release onto the technician's medium
#   forge VERSION     the same, signed with somebody else's key
#   rename VERSION    puts the newest signed release there under another version
set -eu
umask 077

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1" 2>/dev/null; }

image() { printf 'release %s\nprogram of the device, %s\n' "$1" "$1"; }

sign() { # KEY VERSION
	image "$2" >"$device/media/$2.img"
	openssl dgst -sha256 -sign "$1" -out "$device/media/$2.sig" "$device/media/$2.img"
	printf '%s\n' "$2" >"$bench/newest"
}

factory() {
	mkdir -p "$bench" "$device/media"
	key "$bench/vendor.pem"
	key "$bench/somebody.pem"
	openssl ec -in "$bench/vendor.pem" -pubout -out "$device/key.pem" 2>/dev/null
	image "$1" >"$device/slot.a"
	sync "$device/slot.a" "$device/key.pem"
	printf 'a a no\n' >"$device/state"
	sync "$device/state" "$device"
}

main() {
	bench=$1 device=$2
	case $3 in
	factory) factory "$4" ;;
	release) sign "$bench/vendor.pem" "$4" ;;
	forge) sign "$bench/somebody.pem" "$4" ;;
	rename)
		read -r newest <"$bench/newest"
		cp "$device/media/$newest.img" "$device/media/$4.img"
		cp "$device/media/$newest.sig" "$device/media/$4.sig"
		;;
	*) exit 2 ;;
	esac
}

main "$@" </dev/null
