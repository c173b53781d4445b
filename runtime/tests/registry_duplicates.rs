//! Two functions with `#[fibra::register]` and one name: whoever wants the registry is told where both stand.

use fibra::registry::Registry;
use std::panic::catch_unwind;

#[fibra::register]
fn twice() -> u8 {
    1
}

#[fibra::register(name = "twice")]
fn once_more() -> u8 {
    2
}

/// What the error says, whichever of the two comes first.
fn expected() -> String {
    let place = |line| format!("{}:{line}:4", file!());
    format!("`twice` is registered at {}, and a second time at {}", place(7), place(12))
}

#[test]
fn collecting_them_is_an_error_that_names_both_places() {
    assert_eq!(Registry::collect().unwrap_err().to_string(), expected());
}

#[test]
fn the_global_registry_panics_with_both_places() {
    let payload = catch_unwind(Registry::global).unwrap_err();
    assert_eq!(payload.downcast_ref::<String>(), Some(&expected()));
}
