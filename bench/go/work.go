package main

// sink keeps the result of compute alive.
var sink uint64

// compute takes about so many microseconds on a core at 3 GHz: each step needs the one before.
func compute(microseconds int) {
	const stepsPerMicrosecond = 500
	word := uint64(0x9E3779B97F4A7C15)
	for i := 0; i < microseconds*stepsPerMicrosecond; i++ {
		word ^= word << 13
		word ^= word >> 7
		word ^= word << 17
	}
	if word == 0 {
		sink = word
	}
}
