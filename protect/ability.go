package protect

// maxWrappers bounds how deep a chain of wrappers is followed.
const maxWrappers = 16

// SigningKeysOf returns the ability of ks, or of what it wraps, to hold signing keys.
func SigningKeysOf(ks KeyStore) (SigningKeys, bool) { return abilityOf[SigningKeys](ks) }

// CounterOf returns the ability of ks, or of what it wraps, to count.
func CounterOf(ks KeyStore) (Counter, bool) { return abilityOf[Counter](ks) }

// RevokerOf returns the ability of ks, or of what it wraps, to revoke.
func RevokerOf(ks KeyStore) (Revoker, bool) { return abilityOf[Revoker](ks) }

// AttesterOf returns the ability of ks, or of what it wraps, to attest.
func AttesterOf(ks KeyStore) (Attester, bool) { return abilityOf[Attester](ks) }

// MeasurerOf returns the ability of ks, or of what it wraps, to measure.
func MeasurerOf(ks KeyStore) (Measurer, bool) { return abilityOf[Measurer](ks) }

// abilityOf is the one place that asserts: a wrapper need not repeat, and cannot
// invent, what it wraps.
func abilityOf[T any](ks KeyStore) (T, bool) {
	for range maxWrappers {
		if ability, ok := ks.(T); ok {
			return ability, true
		}
		w, ok := ks.(interface{ Unwrap() KeyStore })
		if !ok {
			break
		}
		ks = w.Unwrap()
	}
	var none T
	return none, false
}
