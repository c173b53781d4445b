//! [`LocalKey`]: one value for each green thread, as std's is one for each OS thread.

use crate::task::locals::{Found, Locals};
use std::{
    cell::{Cell, RefCell},
    error::Error,
    fmt, ptr,
    rc::Rc,
};

/// Declares keys under which each green thread has a value of its own; see [`LocalKey`](crate::thread::LocalKey).
///
/// It looks like [`std::thread_local!`]: any number of statics, with attributes and a visibility, separated by semicolons.
///
/// ```
/// use std::cell::{Cell, RefCell};
///
/// fibra::local_key! {
///     /// How deep we are.
///     pub static DEPTH: Cell<u32> = const { Cell::new(0) };
///     static LINES: RefCell<Vec<String>> = RefCell::new(vec!["first".into()]);
/// }
///
/// fibra::run(|| {
///     DEPTH.set(1);
///     LINES.with_borrow_mut(|lines| lines.push("second".into()));
///     fibra::thread::spawn(|| {
///         assert_eq!(DEPTH.get(), 0);
///         assert_eq!(LINES.with_borrow(Vec::len), 1);
///     })
///     .join()
///     .unwrap();
///     assert_eq!(DEPTH.get(), 1);
/// });
/// ```
#[macro_export]
macro_rules! local_key {
    ($(
        $(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $initial:expr
    );* $(;)?) => {$(
        $(#[$attribute])*
        $visibility static $name: $crate::thread::LocalKey<$type> = {
            fn initial() -> $type {
                $initial
            }
            // A plain OS thread keeps its value as std does, in the crate that declares the key.
            fn plain() -> &'static ::std::thread::LocalKey<$type> {
                ::std::thread_local! {
                    static PLAIN: $type = initial()
                }
                &PLAIN
            }
            $crate::thread::LocalKey::declared(initial, plain)
        };
    )*};
}

/// A key under which each green thread has a value of its own; made by [`local_key!`](crate::local_key).
///
/// It has the interface of [`std::thread::LocalKey`], whose values the green threads of a worker would share.
///
/// | who calls | whose value it is |
/// | --- | --- |
/// | a green thread, and a future that it [waits](crate::wait) for | the green thread's |
/// | a spawned future | that of its current `poll`: gone at the next suspension, since any worker may go on with it |
/// | any other OS thread | the OS thread's, as with std |
///
/// The value is made when it is first used. It is dropped when the green thread's closure has returned or unwound, on its own
/// stack and before its [`JoinHandle`](super::JoinHandle) is ready; the newest first. Its destructor may wait, and may use
/// other keys; if it panics, that goes no further than the panic hook. (A [`scope`](super::scope) in which nobody joins
/// waits for its threads' closures, and not for this.)
///
/// A reference does not leave the closure that [`with`](LocalKey::with) was given:
///
/// ```compile_fail
/// fibra::local_key! { static NAME: String = String::new() }
/// let name: &'static str = NAME.with(|name| name.as_str());
/// ```
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
///
/// fibra::local_key! { static REQUEST: Cell<u64> = Cell::new(0) }
///
/// fn log(what: &str) -> String {
///     format!("request {}: {what}", REQUEST.get())
/// }
///
/// fibra::run(|| {
///     let threads: Vec<_> = (0..3)
///         .map(|number| {
///             fibra::thread::spawn(move || {
///                 REQUEST.set(number);
///                 fibra::thread::yield_now();
///                 assert_eq!(log("done"), format!("request {number}: done"));
///             })
///         })
///         .collect();
///     threads.into_iter().for_each(|thread| thread.join().unwrap());
/// });
/// ```
pub struct LocalKey<T: 'static> {
    initial: fn() -> T,
    /// What an OS thread that is no green thread has.
    plain: fn() -> &'static std::thread::LocalKey<T>,
}

impl<T: 'static> LocalKey<T> {
    /// What [`local_key!`](crate::local_key) calls.
    #[doc(hidden)]
    pub const fn declared(initial: fn() -> T, plain: fn() -> &'static std::thread::LocalKey<T>) -> Self {
        Self { initial, plain }
    }

    /// Runs `access` with the value, which is made if it is not there. The closure may wait.
    ///
    /// # Panics
    ///
    /// If the value has been dropped, or is being dropped; and if its making panics.
    ///
    /// # Examples
    ///
    /// ```
    /// fibra::local_key! { static NAME: String = "ada".into() }
    /// assert_eq!(NAME.with(|name| name.len()), 3);
    /// ```
    #[track_caller]
    pub fn with<F, R>(&'static self, access: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        or_panic(self.try_with(access))
    }

    /// As [`with`](LocalKey::with), but fails where that panics.
    ///
    /// # Errors
    ///
    /// [`AccessError`] if the value has been dropped, or is being dropped: the thread is about to end.
    ///
    /// # Panics
    ///
    /// If the value is made now, and that panics.
    ///
    /// # Examples
    ///
    /// ```
    /// fibra::local_key! { static NAME: String = "ada".into() }
    /// assert_eq!(NAME.try_with(|name| name.len()), Ok(3));
    /// ```
    pub fn try_with<F, R>(&'static self, access: F) -> Result<R, AccessError>
    where
        F: FnOnce(&T) -> R,
    {
        match Locals::here() {
            Some(locals) => self.value_in(&locals, self.initial).map(|value| access(&value)),
            None => (self.plain)().try_with(access).map_err(|_| AccessError(())),
        }
    }

    /// The task's value; if it is not there, what `make` returns.
    fn value_in(&'static self, locals: &Locals<'_>, make: impl FnOnce() -> T) -> Result<Rc<T>, AccessError> {
        let address = ptr::from_ref(self).addr();
        match locals.find(address) {
            Found::Value(value) => Ok(value),
            Found::Nothing => Ok(locals.add(address, make())),
            Found::Gone => Err(AccessError(())),
        }
    }

    /// Makes the value from `content` by `make`, or puts `content` into the value that is there by `put`.
    #[track_caller]
    fn set_in<C>(&'static self, locals: &Locals<'_>, content: C, make: fn(C) -> T, put: fn(&T, C)) {
        let mut content = Some(content);
        let value = or_panic(self.value_in(locals, || make(content.take().expect("it is made once"))));
        if let Some(content) = content {
            put(&value, content);
        }
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets the value. If it was not used yet, its initial value is not made.
    ///
    /// # Panics
    ///
    /// As [`with`](LocalKey::with).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cell::Cell;
    /// fibra::local_key! { static DEPTH: Cell<u32> = panic!("never made") }
    /// DEPTH.set(3);
    /// assert_eq!(DEPTH.get(), 3);
    /// ```
    #[track_caller]
    pub fn set(&'static self, value: T) {
        match Locals::here() {
            Some(locals) => self.set_in(&locals, value, Cell::new, Cell::set),
            None => (self.plain)().set(value),
        }
    }

    /// A copy of the value.
    ///
    /// # Panics
    ///
    /// As [`with`](LocalKey::with).
    ///
    /// # Examples
    ///
    /// See [`set`](LocalKey::set).
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Takes the value, and leaves the type's default.
    ///
    /// # Panics
    ///
    /// As [`with`](LocalKey::with).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cell::Cell;
    /// fibra::local_key! { static LATEST: Cell<Option<String>> = Cell::new(Some("hello".into())) }
    /// assert_eq!(LATEST.take().as_deref(), Some("hello"));
    /// assert_eq!(LATEST.take(), None);
    /// ```
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Sets the value, and returns the one before.
    ///
    /// # Panics
    ///
    /// As [`with`](LocalKey::with).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cell::Cell;
    /// fibra::local_key! { static DEPTH: Cell<u32> = Cell::new(1) }
    /// assert_eq!(DEPTH.replace(2), 1);
    /// ```
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Runs `access` with the value borrowed. If the closure waits, the borrow lasts meanwhile; nobody else can see it.
    ///
    /// # Panics
    ///
    /// As [`with`](LocalKey::with), and if the value is borrowed mutably.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cell::RefCell;
    /// fibra::local_key! { static NAMES: RefCell<Vec<&'static str>> = RefCell::new(vec!["ada"]) }
    /// assert_eq!(NAMES.with_borrow(Vec::len), 1);
    /// ```
    #[track_caller]
    pub fn with_borrow<F, R>(&'static self, access: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        self.with(|cell| access(&cell.borrow()))
    }

    /// Runs `access` with the value borrowed mutably.
    ///
    /// # Panics
    ///
    /// As [`with`](LocalKey::with), and if the value is borrowed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cell::RefCell;
    /// fibra::local_key! { static NAMES: RefCell<Vec<&'static str>> = RefCell::new(vec!["ada"]) }
    /// NAMES.with_borrow_mut(|names| names.push("grace"));
    /// assert_eq!(NAMES.with_borrow(Vec::len), 2);
    /// ```
    #[track_caller]
    pub fn with_borrow_mut<F, R>(&'static self, access: F) -> R
    where
        F: FnOnce(&mut T) -> R,
    {
        self.with(|cell| access(&mut cell.borrow_mut()))
    }

    /// Sets the value. If it was not used yet, its initial value is not made.
    ///
    /// # Panics
    ///
    /// As [`with`](LocalKey::with), and if the value is borrowed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cell::RefCell;
    /// fibra::local_key! { static NAME: RefCell<String> = panic!("never made") }
    /// NAME.set("ada".into());
    /// assert_eq!(NAME.take(), "ada");
    /// ```
    #[track_caller]
    pub fn set(&'static self, value: T) {
        match Locals::here() {
            Some(locals) => {
                self.set_in(&locals, value, RefCell::new, |cell, value| *cell.borrow_mut() = value)
            }
            None => (self.plain)().set(value),
        }
    }

    /// Takes the value, and leaves the type's default.
    ///
    /// # Panics
    ///
    /// As [`with`](LocalKey::with), and if the value is borrowed.
    ///
    /// # Examples
    ///
    /// See [`set`](LocalKey::set).
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// Sets the value, and returns the one before.
    ///
    /// # Panics
    ///
    /// As [`with`](LocalKey::with), and if the value is borrowed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cell::RefCell;
    /// fibra::local_key! { static NAME: RefCell<String> = RefCell::new("ada".into()) }
    /// assert_eq!(NAME.replace("grace".into()), "ada");
    /// ```
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

#[track_caller]
fn or_panic<R>(result: Result<R, AccessError>) -> R {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// The value of a [`LocalKey`] has been dropped, or is being dropped.
///
/// # Examples
///
/// See [`LocalKey::try_with`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessError(());

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value of this local key has been dropped, or is being dropped")
    }
}

impl Error for AccessError {}
