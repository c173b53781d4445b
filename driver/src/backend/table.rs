//! What the table of backends expands to.

/// Makes [`BackendKind`](super::BackendKind) and [`Backend`](super::Backend) of the table, and `each!`, which does the same
/// with whichever backend it is. A line of the table is documentation, where it exists, a name for programs, one for people,
/// and the type that is the [`Interpreter`](super::Interpreter).
macro_rules! backends {
    ($($(#[doc = $doc:literal])+ #[cfg($($cfg:tt)+)] $kind:ident = $name:literal: $type:ty,)+) => {
        /// A way of doing I/O.
        ///
        /// Which there are depends on the system that the program is compiled for.
        ///
        /// ```
        /// use fibra_driver::BackendKind;
        /// for kind in BackendKind::ALL {
        ///     assert_eq!(kind.name().parse(), Ok(*kind)); // "io_uring" is `BackendKind::IoUring`
        /// }
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum BackendKind {
            $($(#[doc = $doc])+ #[cfg($($cfg)+)] $kind,)+
        }

        impl BackendKind {
            /// All of them, the preferred one first.
            ///
            /// ```
            /// let preferred = fibra_driver::BackendKind::ALL[0]; // `IoUring` on Linux
            /// ```
            pub const ALL: &[BackendKind] = &[$(#[cfg($($cfg)+)] BackendKind::$kind,)+];

            /// The name, as `FIBRA_BACKEND` takes it.
            ///
            /// ```
            /// println!("{}", fibra_driver::BackendKind::ALL[0].name()); // io_uring
            /// ```
            pub const fn name(self) -> &'static str {
                match self {
                    $(#[cfg($($cfg)+)] BackendKind::$kind => $name,)+
                }
            }
        }

        /// The backend of one driver.
        pub(crate) enum Backend {
            $(#[cfg($($cfg)+)] $kind(Box<$type>),)+
        }

        impl Backend {
            /// Starts the one that is asked for.
            fn start(kind: BackendKind, config: &Config) -> Result<Started<Backend>, Refusal> {
                match kind {
                    $(#[cfg($($cfg)+)] BackendKind::$kind => {
                        let (backend, parking, features) = <$type>::start(config)?;
                        Ok((Backend::$kind(Box::new(backend)), parking, features))
                    })+
                }
            }
        }

        super::backend::table::dispatch! { ($) $(#[cfg($($cfg)+)] $kind)+ }
    };
}

/// Makes `each!`. The dollar sign is handed in: a macro's text cannot hold one of its own.
macro_rules! dispatch {
    (($dollar:tt) $(#[cfg($($cfg:tt)+)] $kind:ident)+) => {
        macro_rules! each {
            ($dollar backend:expr, $dollar it:ident => $dollar does:expr) => {
                match $dollar backend {
                    $(#[cfg($($cfg)+)] Backend::$kind($dollar it) => $dollar does,)+
                }
            };
        }
    };
}

pub(super) use {backends, dispatch};
