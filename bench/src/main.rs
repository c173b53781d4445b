//! fibra beside its peers, in one interleaved run.

fn main() {}
