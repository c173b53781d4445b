//! Everything that CI runs, as cargo xtask commands.

fn main() {}
