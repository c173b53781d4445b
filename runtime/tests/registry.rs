//! A registry finds functions by their names, calls them with what they take, and says what was wrong with any other call.

use fibra::{
    future,
    registry::{CallError, FnType, Registry, typed, typed_async},
    sync::oneshot,
    thread,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    cell::Cell,
    collections::HashMap,
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread::ThreadId,
};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

fn add(a: u64, b: u64) -> u64 {
    a + b
}

async fn mirrored(point: Point) -> Point {
    future::yield_now().await;
    Point { x: point.y, y: point.x }
}

fn with_functions() -> Registry {
    let registry = Registry::new();
    let offset = 3;
    registry.register("add", add).unwrap();
    registry.register("mirrored", mirrored).unwrap();
    registry.register("offset", move |n: u64| n + offset).unwrap();
    registry.register("pointer", add as fn(u64, u64) -> u64).unwrap();
    registry.register("later", move |n: u64| async move { n + offset }).unwrap();
    registry
}

fn call<R: Send + 'static>(registry: &Registry, name: &str, arguments: impl fibra::registry::Arguments) -> R {
    fibra::wait(registry.call::<R>(name, arguments).unwrap()).unwrap()
}

fn call_value(registry: &Registry, name: &str, arguments: Value) -> Value {
    fibra::wait(registry.call_value(name, arguments).unwrap()).unwrap()
}

fn message<T>(result: Result<T, CallError>) -> String {
    match result {
        Ok(_) => panic!("it was called"),
        Err(error) => error.to_string(),
    }
}

#[fibra::test]
fn functions_of_each_kind_are_called_in_each_way() {
    let registry = with_functions();
    for name in ["add", "pointer"] {
        assert_eq!(call::<u64>(&registry, name, (1_u64, 2_u64)), 3);
        assert_eq!(call_value(&registry, name, json!([1, 2])), 3);
        assert_eq!(registry.get::<fn(u64, u64) -> u64>(name).unwrap().call((1, 2)), 3);
    }
    for name in ["offset", "later"] {
        assert_eq!(call::<u64>(&registry, name, (4_u64,)), 7);
        assert_eq!(call_value(&registry, name, json!([4])), 7);
        let handle = registry.get::<fn(u64) -> u64>(name).unwrap();
        assert_eq!((handle.call((4,)), fibra::wait(handle.clone().spawn((4,))).unwrap()), (7, 7));
    }
    assert_eq!(call::<Point>(&registry, "mirrored", (Point { x: 1, y: 2 },)), Point { x: 2, y: 1 });
    assert_eq!(call_value(&registry, "mirrored", json!([{ "x": 1, "y": 2 }])), json!({ "x": 2, "y": 1 }));
}

#[fibra::test]
async fn futures_await_calls() {
    let registry = with_functions();
    assert_eq!(registry.call::<u64>("add", (1_u64, 2_u64)).unwrap().await.unwrap(), 3);
    let results = registry.get::<fn(u64) -> u64>("later").unwrap();
    assert_eq!(results.spawn((1,)).await.unwrap() + results.spawn((2,)).await.unwrap(), 9);
}

#[test]
fn os_threads_outside_of_any_runtime_call_too() {
    let registry = with_functions();
    assert_eq!(call::<u64>(&registry, "add", (1_u64, 2_u64)), 3);
    assert_eq!(registry.get::<fn(Point) -> Point>("mirrored").unwrap().call((Point { x: 1, y: 2 },)).x, 2);
}

#[fibra::test]
fn up_to_eight_arguments_arrive_in_their_order() {
    let registry = Registry::new();
    fn check<S: FnType<Output = String>>(
        registry: &Registry,
        name: &str,
        arguments: S::Arguments,
        values: Value,
    ) {
        let expected: String = values.as_array().unwrap().iter().map(Value::to_string).collect();
        assert_eq!(registry.get::<S>(name).unwrap().call(arguments), expected, "{name}");
        assert_eq!(call_value(registry, name, values), expected.as_str(), "{name}");
    }
    macro_rules! check {
        ($($name:ident = $value:literal),*) => {{
            let count = [$($value as u8),*].len();
            let (plain, asynchronous) = (format!("{count} plain"), format!("{count} asynchronous"));
            registry.register(&plain, |$($name: u8),*| [$($name.to_string()),*].concat()).unwrap();
            registry.register(&asynchronous, |$($name: u8),*| async move { [$($name.to_string()),*].concat() }).unwrap();
            for name in [plain, asynchronous] {
                check::<fn($(check!(@u8 $name)),*) -> String>(&registry, &name, ($($value,)*), json!([$($value),*]));
            }
        }};
        (@u8 $name:ident) => { u8 };
    }
    check!(a = 1);
    check!(a = 1, b = 2);
    check!(a = 1, b = 2, c = 3);
    check!(a = 1, b = 2, c = 3, d = 4);
    check!(a = 1, b = 2, c = 3, d = 4, e = 5);
    check!(a = 1, b = 2, c = 3, d = 4, e = 5, f = 6);
    check!(a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7);
    check!(a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8);
    registry.register("none", || "nothing".to_owned()).unwrap();
    assert_eq!(registry.get::<fn() -> String>("none").unwrap().call(()), "nothing");
    assert_eq!(call_value(&registry, "none", json!([])), "nothing");
}

#[fibra::test]
fn a_plain_function_runs_as_a_green_thread_and_an_async_one_as_a_future() {
    let registry = Registry::new();
    registry.register("plain", || thread::current().name().map(str::to_owned)).unwrap();
    registry
        .register("waits", || {
            thread::sleep(std::time::Duration::from_millis(1));
            thread::current().id() == thread::current().id()
        })
        .unwrap();
    assert_eq!(call::<Option<String>>(&registry, "plain", ()), None);
    assert!(call::<bool>(&registry, "waits", ()));
}

#[fibra::test]
fn types_that_serde_does_not_know_take_part_in_typed_calls() {
    let registry = Registry::new();
    registry.register("who", typed(|| std::thread::current().id())).unwrap();
    registry
        .register(
            "count",
            typed_async(|cell: Arc<AtomicUsize>| async move {
                future::yield_now().await;
                cell.fetch_add(1, SeqCst);
                cell
            }),
        )
        .unwrap();
    let _: ThreadId = call(&registry, "who", ());
    let counted: Arc<AtomicUsize> = call(&registry, "count", (Arc::new(AtomicUsize::new(1)),));
    assert_eq!(counted.load(SeqCst), 2);
    assert_eq!(
        message(registry.call_value("who", json!([]))),
        "`who`, fn() -> ThreadId, has types that are no JSON: it expects a typed call"
    );
    assert!(!registry.signature("who").unwrap().is_by_value());
}

#[test]
fn a_name_that_is_taken_is_refused_with_both_places() {
    let registry = Registry::new();
    let first = Location::caller().line() + 1;
    registry.register("add", add).unwrap();
    let error = registry.register("add", |a: u64| a).unwrap_err();
    assert_eq!((error.name(), error.first().line(), error.second().line()), ("add", first, first + 1));
    let (path, second) = (file!(), first + 1);
    let text = error.to_string();
    assert!(text.starts_with(&format!("`add` is registered at {path}:{first}:")), "{text}");
    assert!(text.contains(&format!("and a second time at {path}:{second}:")), "{text}");
    assert_eq!(registry.get::<fn(u64, u64) -> u64>("add").unwrap().call((1, 2)), 3, "the first one stays");
}

#[test]
fn a_refused_function_is_dropped_and_the_registered_ones_with_their_registry() {
    let held = Arc::new(());
    let holding = |held: &Arc<()>| {
        let held = Arc::clone(held);
        move || drop(Arc::clone(&held))
    };
    let registry = Registry::new();
    registry.register("a", holding(&held)).unwrap();
    registry.register("b", holding(&held)).unwrap();
    assert!(registry.register("a", holding(&held)).is_err());
    assert!(registry.replace("c", holding(&held)).is_err());
    assert_eq!(Arc::strong_count(&held), 3);
    let handle = registry.get::<fn() -> ()>("a").unwrap();
    drop(registry);
    assert_eq!(Arc::strong_count(&held), 2, "the handle's");
    handle.call(());
    drop(handle);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn calls_with_other_types_are_refused_with_what_is_expected_and_given() {
    let registry = with_functions();
    for (given, expected) in [
        (message(registry.call::<u64>("add", (1, 2))), "fn(u64, u64) -> u64, given fn(i32, i32) -> u64"),
        (message(registry.call::<u64>("add", (1_u64,))), "fn(u64, u64) -> u64, given fn(u64) -> u64"),
        (
            message(registry.call::<u8>("add", (1_u64, 2_u64))),
            "fn(u64, u64) -> u64, given fn(u64, u64) -> u8",
        ),
        (message(registry.get::<fn() -> ()>("add").map(drop)), "fn(u64, u64) -> u64, given fn() -> ()"),
    ] {
        assert_eq!(given, format!("`add` is expected to be called as {expected}"));
    }
    assert!(matches!(
        registry.call::<()>("later", ()),
        Err(CallError::Mismatch { name, expected, given, .. })
            if name == "later" && expected.arguments() == ["u64"] && given.arguments().is_empty()
    ));
}

#[test]
fn values_that_do_not_fit_are_refused_with_what_is_expected_and_given() {
    let registry = with_functions();
    let of = |arguments| message(registry.call_value("add", arguments));
    let add = "`add`, fn(u64, u64) -> u64, expects";
    assert_eq!(of(json!([1])), format!("{add} 2 argument(s), given 1"));
    assert_eq!(of(json!([1, 2, 3])), format!("{add} 2 argument(s), given 3"));
    assert_eq!(of(json!({ "a": 1, "b": 2 })), format!("{add} an array of its arguments, given an object"));
    assert_eq!(of(json!(null)), format!("{add} an array of its arguments, given null"));
    let text = of(json!([1, "two"]));
    assert_eq!(
        text,
        format!("{add} argument 2 to be a u64, given invalid type: string \"two\", expected u64")
    );
    let text = of(json!([-1, 2]));
    assert!(
        text.starts_with(&format!("{add} argument 1 to be a u64, given invalid value: integer `-1`")),
        "{text}"
    );
    let text = message(registry.call_value("mirrored", json!([{ "x": 1 }])));
    assert_eq!(
        text,
        "`mirrored`, fn(Point) -> Point, expects argument 1 to be a Point, given missing field `y`"
    );
}

#[test]
fn an_unknown_name_is_an_error_with_those_that_are_near() {
    let registry = with_functions();
    let error = registry.signature("ofset").unwrap_err();
    assert_eq!((error.name(), error.nearest()), ("ofset", &["offset".to_owned()][..]));
    let text = "no function is called `lader`; there is `later`";
    assert_eq!(message(registry.call::<()>("lader", ())), text);
    assert_eq!(message(registry.call_value("lader", json!([]))), text);
    assert_eq!(message(registry.get::<fn()>("lader").map(drop)), text);
    assert_eq!(registry.replace("lader", add).unwrap_err().to_string(), text);
    assert_eq!(registry.unregister("lader").unwrap_err().to_string(), text);
    assert_eq!(registry.signature("x").unwrap_err().to_string(), "no function is called `x`");
}

#[fibra::test]
fn a_panic_reaches_the_handle_and_nobody_else() {
    let registry = Registry::new();
    registry.register("plain", |text: String| -> u8 { panic!("{text}") }).unwrap();
    registry.register("async", async |text: String| -> u8 { panic!("{text}") }).unwrap();
    registry.register("before", |text: String| -> std::future::Ready<u8> { panic!("{text}") }).unwrap();
    registry.register("no value", || HashMap::from([((1, 2), 3)])).unwrap();
    for name in ["plain", "async", "before"] {
        let error = fibra::wait(registry.call::<u8>(name, ("oh".to_owned(),)).unwrap()).unwrap_err();
        assert!(error.is_panic(), "{name}");
        assert_eq!(error.into_panic().downcast_ref::<String>().unwrap(), "oh");
        let error = fibra::wait(registry.call_value(name, json!(["oh"])).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "the task panicked: oh");
    }
    let error = fibra::wait(registry.call_value("no value", json!([])).unwrap()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("HashMap<(i32, i32), i32> is no JSON value: key must be a string"), "{text}");
}

#[fibra::test]
fn a_call_is_cancelled_by_its_handle() {
    let registry = Registry::new();
    registry.register("plain", thread::park).unwrap();
    registry.register("async", async || std::future::pending::<()>().await).unwrap();
    for name in ["plain", "async"] {
        let call = registry.call::<()>(name, ()).unwrap();
        thread::yield_now();
        call.cancel();
        assert!(fibra::wait(call).unwrap_err().is_cancelled(), "{name}");
        let call = registry.call_value(name, json!([])).unwrap();
        call.cancel();
        assert!(fibra::wait(call).unwrap_err().is_cancelled(), "{name}");
    }
}

/// Tells when it is dropped.
struct Dropped(Option<oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.take().unwrap().send(()).unwrap();
    }
}

#[fibra::test]
fn a_call_keeps_the_function_that_it_began_with() {
    let registry = Registry::new();
    let (dropped, is_dropped) = oneshot::channel();
    let guard = Dropped(Some(dropped));
    let (go, gate) = oneshot::channel::<()>();
    let gate = std::sync::Mutex::new(Some(gate));
    registry
        .register("f", move || {
            let _keep = &guard;
            let gate = gate.lock().unwrap().take().unwrap();
            gate.recv().unwrap();
            "old"
        })
        .unwrap();
    let old = registry.call::<&str>("f", ()).unwrap();
    thread::yield_now();
    registry.replace("f", || "new").unwrap();
    assert_eq!(call::<&str>(&registry, "f", ()), "new");
    let mut is_dropped = std::pin::pin!(is_dropped);
    let waker = std::task::Waker::noop();
    let mut poll = || is_dropped.as_mut().poll(&mut std::task::Context::from_waker(waker));
    assert!(poll().is_pending(), "a call of it is under way");
    go.send(()).unwrap();
    assert_eq!(fibra::wait(old).unwrap(), "old");
    assert!(poll().is_ready(), "its last call has ended");
}

#[test]
fn a_destructor_may_use_the_registry_that_it_is_dropped_from() {
    thread_local!(static SEEN: Cell<bool> = const { Cell::new(false) });
    struct Registers(Arc<Registry>);
    impl Drop for Registers {
        fn drop(&mut self) {
            self.0.register("successor", || 2).unwrap();
            SEEN.set(self.0.signature("f").is_err());
        }
    }
    let registry = Arc::new(Registry::new());
    let inside = Registers(Arc::clone(&registry));
    registry
        .register("f", move || {
            let _keep = &inside;
        })
        .unwrap();
    registry.unregister("f").unwrap();
    assert!(SEEN.get(), "it ran at once, and outside of all locks");
    assert_eq!(registry.get::<fn() -> i32>("successor").unwrap().call(()), 2);
}

#[test]
fn names_may_be_anything_and_are_listed_in_order() {
    let registry = Registry::new();
    let long = "ö".repeat(1000);
    for name in ["", "b", "a b", &long, "22 bytes are kept here", "23 bytes are kept apart"] {
        registry.register(name, || ()).unwrap();
    }
    let names: Vec<_> = registry.signatures().map(|(name, _)| name).collect();
    assert_eq!(names, ["", "22 bytes are kept here", "23 bytes are kept apart", "a b", "b", &long]);
    assert!(names.iter().all(|name| registry.signature(name).is_ok()));
    assert!(format!("{registry:?}").contains(r#""a b": "fn() -> ()""#));
}
