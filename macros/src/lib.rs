//! The attributes #[fibra::main] and #[fibra::test].
