package uboot

// Parse is parse, for the fuzz target.
func Parse(data []byte) (names, values []string, err error) {
	vars, err := parse(data)
	for _, v := range vars {
		names, values = append(names, v.name), append(values, v.value)
	}
	return names, values, err
}

// Encode is encode.
func Encode(names, values []string, flag byte, size int) ([]byte, error) {
	var vars []variable
	for i, n := range names {
		vars = append(vars, variable{n, values[i]})
	}
	return encode(vars, flag, size)
}
