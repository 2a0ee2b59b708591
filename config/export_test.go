package config

// ForType compiles a type that only a test knows.
var ForType = forType
