//! The machine under fibra: CPU features, cycle counter, usable cores, affinity.
