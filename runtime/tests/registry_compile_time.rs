//! Functions with `#[fibra::register]` are there from the start, in whatever module they stand.
#![forbid(unsafe_code)]

use fibra::registry::Registry;
use serde_json::json;
use std::time::{Duration, Instant};

#[fibra::register]
fn add(a: u64, b: u64) -> u64 {
    a + b
}

mod inner {
    #[fibra::register(name = "inner.shout")]
    pub(super) async fn shout(text: String) -> String {
        fibra::future::yield_now().await;
        text.to_uppercase()
    }

    #[fibra::register(typed)]
    fn age(since: super::Instant) -> super::Duration {
        since.elapsed()
    }

    #[cfg(any())]
    #[fibra::register]
    fn absent() {}
}

#[fibra::test]
fn they_are_called_as_any_others() {
    let registry = Registry::global();
    assert_eq!(fibra::wait(registry.call::<u64>("add", (1_u64, 2_u64)).unwrap()).unwrap(), 3);
    let shout = registry.call_value("inner.shout", json!(["hey"])).unwrap();
    assert_eq!(fibra::wait(shout).unwrap(), "HEY");
    let age = registry.get::<fn(Instant) -> Duration>("age").unwrap();
    assert!(age.call((Instant::now(),)) < Duration::from_secs(3600));
    assert!(registry.signature("absent").is_err());
    assert_eq!(add(1, 2), 3, "and by their own names");
}

#[test]
fn a_collected_registry_is_one_of_its_own() {
    let registry = Registry::collect().unwrap();
    registry.replace("add", |a: u64, b: u64| a * b).unwrap();
    assert_eq!(registry.get::<fn(u64, u64) -> u64>("add").unwrap().call((2, 3)), 6);
    assert_eq!(Registry::global().get::<fn(u64, u64) -> u64>("add").unwrap().call((2, 3)), 5);
}

#[test]
fn a_second_function_of_the_name_is_told_where_the_first_stands() {
    let registry = Registry::collect().unwrap();
    let error = registry.register("add", || ()).unwrap_err();
    assert_eq!((error.first().file(), error.first().line()), (file!(), 9));
}
