//! Functions by their names: for plug-ins, job queues and remote calls.
//!
//! A [`Registry`] holds functions and async functions of any types, and calls them in three ways:
//!
//! * [`get`](Registry::get) finds a function once, and checks its types; its [`Handle`] then calls it, or spawns it;
//! * [`call`](Registry::call) finds, checks and spawns;
//! * [`call_value`](Registry::call_value) takes its arguments as JSON, and gives the result as JSON.
//!
//! Functions come by [`register`](Registry::register) while the program runs, or by [`#[fibra::register]`](crate::register) when it
//! is compiled: these are in [`Registry::global`].
//!
//! ```
//! use fibra::registry::Registry;
//! use serde_json::json;
//!
//! #[fibra::register]
//! fn add(a: u64, b: u64) -> u64 {
//!     a + b
//! }
//!
//! #[fibra::register(name = "text.repeat")]
//! async fn repeat(text: String, times: usize) -> String {
//!     text.repeat(times)
//! }
//!
//! let registry = Registry::global();
//! assert_eq!(fibra::wait(registry.call::<u64>("add", (1_u64, 2_u64))?)?, 3);
//! assert_eq!(fibra::wait(registry.call_value("text.repeat", json!(["ab", 3]))?)?, "ababab");
//!
//! let error = registry.call::<u64>("add", (1_u64, "two")).unwrap_err();
//! assert_eq!(error.to_string(), "`add` is expected to be called as fn(u64, u64) -> u64, given fn(u64, &str) -> u64");
//! let error = registry.call_value("text.repaet", json!([])).unwrap_err();
//! assert_eq!(error.to_string(), "no function is called `text.repaet`; there is `text.repeat`");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A call is a task: a plain function runs as a green thread, an async one as a future. Its [`JoinHandle`]
//! gets the result, or the function's panic, and cancels the call.
//!
//! Functions may come, go and be replaced while others call them. A lookup takes no lock, and its time doesn't depend on how many names
//! there are. Calls that are under way keep the function that they began with; it is dropped when the last of them ends.
//!
//! [`serve`](Registry::serve) answers calls from elsewhere, by JSON-RPC over any stream; the command `fibra call` makes such calls.

#[doc(hidden)]
pub mod compile_time;
mod entries;
mod erased;
mod error;
mod function;
mod handle;
mod json_rpc;
mod keep;
#[cfg(all(test, loom))]
mod loom;
mod name;
mod nearest;
mod readers;
mod signature;
mod table;
mod tags;

pub use error::{CallError, DuplicateName, UnknownName};
pub use function::{Arguments, Asynchronous, FnType, Function, Plain, Typed, TypedOnly, typed, typed_async};
pub use handle::Handle;
pub use signature::Signature;

use crate::future::JoinHandle;
use erased::{Callable, Erased};
use keep::{Keep, Registered};
use nearest::Nearest;
use serde_json::Value;
use std::{convert::Infallible, fmt, ops::ControlFlow, panic::Location, sync::OnceLock};
use table::{Table, Value as _};

/// Functions by their names; see the [module](self).
///
/// ```
/// use fibra::registry::Registry;
///
/// let jobs = Registry::new();
/// jobs.register("resize", |width: u32, height: u32| format!("{width} by {height}"))?;
/// let job = jobs.call::<String>("resize", (640_u32, 480_u32))?;
/// assert_eq!(fibra::wait(job)?, "640 by 480");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Registry {
    functions: Table<Registered<dyn Erased>>,
}

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        Self { functions: Table::new() }
    }

    /// A registry with all functions that have [`#[fibra::register]`](crate::register), in whatever crate of the program.
    ///
    /// A crate that nothing of the program names isn't linked, and registers nothing: `use plugin as _;` is enough.
    ///
    /// # Errors
    ///
    /// If two have the same name: the error says where both are.
    ///
    /// ```
    /// # #[fibra::register]
    /// # fn one() -> u8 { 1 }
    /// let registry = fibra::registry::Registry::collect()?;
    /// registry.register("another", || 2)?; // in this one alone
    /// assert!(fibra::registry::Registry::global().signature("another").is_err());
    /// # Ok::<(), fibra::registry::DuplicateName>(())
    /// ```
    pub fn collect() -> Result<Self, DuplicateName> {
        let registry = Self::new();
        compile_time::collect_into(&registry)?;
        Ok(registry)
    }

    /// The registry of the process. At its first use it takes all functions that have [`#[fibra::register]`](crate::register).
    ///
    /// # Panics
    ///
    /// If two of these have the same name, with the places of both. [`collect`](Self::collect) returns that as an error.
    ///
    /// ```
    /// #[fibra::register]
    /// fn answer() -> u8 {
    ///     42
    /// }
    ///
    /// let handle = fibra::registry::Registry::global().get::<fn() -> u8>("answer")?;
    /// assert_eq!(handle.call(()), 42);
    /// # Ok::<(), fibra::registry::CallError>(())
    /// ```
    pub fn global() -> &'static Self {
        static GLOBAL: OnceLock<Registry> = OnceLock::new();
        GLOBAL.get_or_init(|| Self::collect().unwrap_or_else(|error| panic!("{error}")))
    }

    /// Gives `function` a name. [`Function`] says what functions these may be.
    ///
    /// # Errors
    ///
    /// If the name is taken: the error says where, and where this call is. The function is dropped.
    ///
    /// ```
    /// let registry = fibra::registry::Registry::new();
    /// registry.register("twice", |n: u32| 2 * n)?;
    /// let error = registry.register("twice", |n: u32| n + n).unwrap_err();
    /// assert!(error.to_string().starts_with("`twice` is registered at "));
    /// # Ok::<(), fibra::registry::DuplicateName>(())
    /// ```
    #[track_caller]
    pub fn register<Kind: 'static>(
        &self,
        name: &str,
        function: impl Function<Kind>,
    ) -> Result<(), DuplicateName> {
        self.register_from(Location::caller(), name, function)
    }

    fn register_from<Kind: 'static>(
        &self,
        place: &'static Location<'static>,
        name: &str,
        function: impl Function<Kind>,
    ) -> Result<(), DuplicateName> {
        let registered = Registered::new(Keep::erase(function), place);
        self.functions.insert(name, registered, Registered::place).map_err(|first| DuplicateName {
            name: name.to_owned(),
            first,
            second: place,
        })
    }

    /// Gives a name that is registered to another function, which may have other types. There is no moment in which the name is
    /// unknown. The old function is dropped here, or when the last of its calls and handles ends.
    ///
    /// # Errors
    ///
    /// If no function has the name. The new one is dropped.
    ///
    /// ```
    /// let registry = fibra::registry::Registry::new();
    /// registry.register("rate", || 19)?;
    /// registry.replace("rate", || 21)?;
    /// assert_eq!(registry.get::<fn() -> i32>("rate")?.call(()), 21);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn replace<Kind: 'static>(
        &self,
        name: &str,
        function: impl Function<Kind>,
    ) -> Result<(), UnknownName> {
        let registered = Registered::new(Keep::erase(function), Location::caller());
        let old = self.functions.replace(name, registered).ok_or_else(|| self.unknown(name))?;
        drop(old);
        Ok(())
    }

    /// Takes a function out. It is dropped here, or when the last of its calls and handles ends.
    ///
    /// # Errors
    ///
    /// If no function has the name.
    ///
    /// ```
    /// let registry = fibra::registry::Registry::new();
    /// registry.register("once", || ())?;
    /// registry.unregister("once")?;
    /// assert!(registry.unregister("once").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unregister(&self, name: &str) -> Result<(), UnknownName> {
        let old = self.functions.remove(name).ok_or_else(|| self.unknown(name))?;
        drop(old);
        Ok(())
    }

    /// Finds a function whose types are those of `S`, a type such as `fn(u64, u64) -> u64`. For an async function, that is what its
    /// future returns.
    ///
    /// # Errors
    ///
    /// If no function has the name, or it has other types.
    ///
    /// ```
    /// let registry = fibra::registry::Registry::new();
    /// registry.register("shout", |text: String| text.to_uppercase())?;
    /// let shout = registry.get::<fn(String) -> String>("shout")?;
    /// assert_eq!(shout.call(("hey".to_owned(),)), "HEY");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn get<S: FnType>(&self, name: &str) -> Result<Handle<S>, CallError> {
        // Not by `map_err`: an error is made in memory, and what is found would go that way too.
        match self.typed(name) {
            Ok(function) => Ok(Handle::new(function)),
            Err(missed) => Err(self.missed::<S::Arguments, S::Output>(name, missed)),
        }
    }

    /// Calls a function with a tuple of arguments, in a task of its own: see [`Handle::spawn`].
    ///
    /// # Errors
    ///
    /// If no function has the name, or it has other types. The arguments are dropped.
    ///
    /// ```
    /// let registry = fibra::registry::Registry::new();
    /// registry.register("halve", async |n: f64| n / 2.0)?;
    /// let half = registry.call::<f64>("halve", (3.0,))?;
    /// assert_eq!(fibra::wait(half)?, 1.5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn call<R: Send + 'static>(
        &self,
        name: &str,
        arguments: impl Arguments,
    ) -> Result<JoinHandle<R>, CallError> {
        self.call_typed(name, arguments)
    }

    /// Calls a function with an array of JSON values, in a task of its own: see [`Handle::spawn`]. The result becomes a JSON value.
    ///
    /// A function's result that is no JSON value, as a map whose keys are no text, ends the call as a panic does.
    ///
    /// # Errors
    ///
    /// If no function has the name, `arguments` is no array, has more or fewer values than the function has arguments, or has one that is no
    /// value of the argument's type; or if the function is [`typed`] only.
    ///
    /// ```
    /// use serde_json::json;
    ///
    /// let registry = fibra::registry::Registry::new();
    /// registry.register("sum", |numbers: Vec<i64>| numbers.iter().sum::<i64>())?;
    /// let sum = registry.call_value("sum", json!([[1, 2, 3]]))?;
    /// assert_eq!(fibra::wait(sum)?, json!(6));
    /// let error = registry.call_value("sum", json!(["123"])).unwrap_err();
    /// assert!(error.to_string().starts_with("`sum`, fn(Vec<i64>) -> i64, expects argument 1 to be a Vec<i64>, given invalid type"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn call_value(&self, name: &str, arguments: Value) -> Result<JoinHandle<Value>, CallError> {
        let function = self.find(name)?;
        let values = match arguments {
            Value::Array(values) => values,
            other => {
                let (name, expected) = (name.to_owned(), function.signature());
                return Err(CallError::NoArray { name, expected, given: kind(&other) });
            }
        };
        let describe = function.describe();
        function.spawn_values(values).map_err(|bad| bad.of(name, describe()))
    }

    /// What types a function has.
    ///
    /// # Errors
    ///
    /// If no function has the name.
    ///
    /// ```
    /// let registry = fibra::registry::Registry::new();
    /// registry.register("length", |text: String| text.len())?;
    /// assert_eq!(registry.signature("length")?.to_string(), "fn(String) -> usize");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn signature(&self, name: &str) -> Result<Signature, UnknownName> {
        self.find(name).map(|function| function.signature())
    }

    /// All names with their types, in alphabetical order. Functions that come or go meanwhile may be in it or not.
    ///
    /// ```
    /// let registry = fibra::registry::Registry::new();
    /// registry.register("b", |_: u8, _: u8| ())?;
    /// registry.register("a", || 'a')?;
    /// let listed = registry.signatures().map(|(name, signature)| format!("{name}: {signature}"));
    /// assert_eq!(listed.collect::<Vec<_>>(), ["a: fn() -> char", "b: fn(u8, u8) -> ()"]);
    /// # Ok::<(), fibra::registry::DuplicateName>(())
    /// ```
    pub fn signatures(&self) -> impl ExactSizeIterator<Item = (String, Signature)> + use<> {
        let mut all = Vec::new();
        let ControlFlow::Continue(()) = self.functions.walk::<Infallible>(|name, registered| {
            all.extend(registered.reach().map(|function| (name.to_owned(), function)));
            ControlFlow::Continue(())
        });
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        // Only here, where the table's readers are done: the last share of a function may end with one of these.
        all.into_iter().map(|(name, function)| (name, function.signature()))
    }

    fn find(&self, name: &str) -> Result<Keep<dyn Erased>, UnknownName> {
        self.functions.get(name).ok_or_else(|| self.unknown(name))
    }

    #[inline]
    fn call_typed<A: Arguments, R: Send + 'static>(
        &self,
        name: &str,
        arguments: A,
    ) -> Result<JoinHandle<R>, CallError> {
        match self.typed(name) {
            Ok(function) => Ok(function.spawn(arguments)),
            Err(missed) => Err(self.missed::<A, R>(name, missed)),
        }
    }

    #[inline]
    fn typed<A: Arguments, R: 'static>(&self, name: &str) -> Result<Keep<dyn Callable<A, R>>, Miss> {
        match self.functions.get(name) {
            Some(function) => function.typed(),
            None => Err(None),
        }
    }

    #[cold]
    fn missed<A: Arguments, R>(&self, name: &str, missed: Miss) -> CallError {
        match missed {
            Some(expected) => CallError::Mismatch {
                name: name.to_owned(),
                expected: expected(),
                given: Signature::of::<A, R>(false),
            },
            None => CallError::Unknown(self.unknown(name)),
        }
    }

    #[cold]
    fn unknown(&self, name: &str) -> UnknownName {
        let mut nearest = Nearest::to(name);
        // It ends early when it has seen enough.
        let _ = self.functions.walk(|other, _| nearest.look_at(other));
        UnknownName { name: name.to_owned(), nearest: nearest.into_names() }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.signatures().map(|(name, signature)| (name, signature.to_string()));
        f.debug_map().entries(names).finish()
    }
}

/// Why there is no function: there's one with other types, and this makes its signature; or none at all.
type Miss = Option<fn() -> Signature>;

/// What somebody sees who has sent `value`.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
