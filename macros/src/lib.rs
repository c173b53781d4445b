//! The attributes `#[fibra::main]`, `#[fibra::test]` and `#[fibra::register]`. Use them through the crate `fibra`, which exports them.
//!
//! | file | what it does |
//! | --- | --- |
//! | `options` | reads what stands in the parentheses of an attribute |
//! | `function` | accepts the functions that make sense, and says why it refuses the others |
//! | `crate_path` | finds the name under which the caller knows `fibra` |
//! | `entry_point` | expands `#[fibra::main]` |
//! | `test_function` | expands `#[fibra::test]` |
//! | `registration` | expands `#[fibra::register]` |

use proc_macro::TokenStream;

mod crate_path;
mod entry_point;
mod function;
mod options;
#[cfg(test)]
mod pretty;
mod registration;
mod test_function;

/// Runs `main` as the main green thread of a runtime.
///
/// The function may be an `fn` or an `async fn`, and return whatever `main` may return. It takes no arguments. Its stack
/// has 8 MiB. When it returns, the runtime shuts down.
///
/// ```
/// #[fibra::main]
/// fn main() -> std::io::Result<()> {
///     let answer = fibra::thread::spawn(|| 6 * 7).join().expect("no panic");
///     println!("{answer}");
///     Ok(())
/// }
/// ```
///
/// ```
/// #[fibra::main(workers = 2, backend = "epoll")]
/// async fn main() {
///     println!("{}", std::future::ready(42).await);
/// }
/// ```
///
/// # Options
///
/// | option | meaning | default |
/// | --- | --- | --- |
/// | `workers = 4` | OS threads that run green threads and futures | one for each usable core |
/// | `backend = "epoll"` | how it talks to the kernel: on Linux `"io_uring"` or `"epoll"`, on macOS and FreeBSD `"kqueue"`, on Windows `"iocp"` | `io_uring` where it works, else `epoll` |
/// | `stack_size = 65536` | usable bytes of a green thread's stack | 2 MiB |
/// | `start_paused` | whether the clock stands from the start, for tests: see `fibra::time::pause` | no |
/// | `crate = crate::reexported` | where `fibra` is; a renamed dependency is found without it | |
///
/// The environment variables `FIBRA_WORKERS`, `FIBRA_BACKEND` and `FIBRA_STACK_SIZE` win over the options.
///
/// # Errors
///
/// If the runtime cannot start, the program prints why to standard error and ends with status 1. What `main` returns is
/// treated as std does: an `Err` is printed, and the status is 1.
#[proc_macro_attribute]
pub fn main(options: TokenStream, function: TokenStream) -> TokenStream {
    entry_point::expand(options.into(), function.into(), crate_path::find).into()
}

/// Makes a test of a function, once for each backend, and runs it as the main green thread of a runtime of its own.
///
/// `fn echo()` becomes a test for each backend of the system: on Linux `echo::io_uring` and `echo::epoll`. A backend that is not there fails its test: nothing is
/// skipped in silence. `cargo test epoll` runs those of one backend.
///
/// The function may be an `fn` or an `async fn`, and return whatever a test may return; `should_panic`, `ignore` and other
/// attributes are kept. It takes no arguments. Its name must not be that of a module beside it.
///
/// ```
/// # mod tests {
/// #[fibra::test]
/// fn threads_return_what_they_computed() {
///     assert_eq!(fibra::thread::spawn(|| 6 * 7).join().expect("no panic"), 42);
/// }
///
/// #[fibra::test(backend = "epoll", workers = 1)]
/// async fn a_number_parses() -> Result<(), std::num::ParseIntError> {
///     let number: u32 = std::future::ready("42").await.parse()?;
///     assert_eq!(number, 42);
///     Ok(())
/// }
/// # }
/// ```
///
/// # Options
///
/// Those of [`main`](macro@main). `backend = "…"` leaves one test of the two. The environment variables win here as well:
/// with `FIBRA_BACKEND` set, both tests run on that backend.
#[proc_macro_attribute]
pub fn test(options: TokenStream, function: TokenStream) -> TokenStream {
    test_function::expand(options.into(), function.into(), crate_path::find).into()
}

/// Registers a function, under its name, in `fibra::registry::Registry::global()`. Needs the feature `registry` of `fibra`.
///
/// The function stays what it was. It may be an `fn` or an `async fn` of up to eight arguments; arguments and results implement
/// serde's traits, unless it is `typed`, and borrow nothing. It is neither generic nor `unsafe`, and no method.
///
/// ```
/// use fibra::registry::Registry;
///
/// #[fibra::register]
/// fn add(a: u64, b: u64) -> u64 {
///     a + b
/// }
///
/// #[fibra::register(name = "text.shout")]
/// async fn shout(text: String) -> String {
///     text.to_uppercase()
/// }
///
/// #[fibra::register(typed)]
/// fn age(since: std::time::Instant) -> std::time::Duration {
///     since.elapsed()
/// }
///
/// let sum = Registry::global().call_value("add", serde_json::json!([1, 2]))?;
/// assert_eq!(fibra::wait(sum)?, 3);
/// assert_eq!(Registry::global().signature("text.shout")?.to_string(), "fn(String) -> String");
/// assert!(!Registry::global().signature("age")?.is_by_value());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Options
///
/// | option | meaning | default |
/// | --- | --- | --- |
/// | `name = "math.add"` | what it is called by | the function's name |
/// | `typed` | serde doesn't know the types: there are typed calls only | |
/// | `crate = crate::reexported` | where `fibra` is; a renamed dependency is found without it | |
///
/// # Errors
///
/// What can't be registered isn't compiled, and the message says why.
///
/// A name that is given twice in a program is known when the registry is first used: `Registry::global()` panics with both places,
/// `Registry::collect()` returns them.
#[proc_macro_attribute]
pub fn register(options: TokenStream, function: TokenStream) -> TokenStream {
    registration::expand(options.into(), function.into(), crate_path::find).into()
}
