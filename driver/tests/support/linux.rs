//! What the tests have to know of Linux.

use fibra_driver::RawStatx;
#[allow(unused_imports, reason = "not every file of tests needs them")]
pub use unix::*;

#[path = "unix.rs"]
mod unix;

/// Makes one test per backend of each promise.
macro_rules! promises {
    ($($(#[$attribute:meta])* fn $promise:ident($rig:ident) $body:block)*) => {$(
        mod $promise {
            #[test]
            fn io_uring() {
                super::$promise(&mut crate::rig::Rig::new(fibra_driver::BackendKind::IoUring));
            }

            #[test]
            fn epoll() {
                super::$promise(&mut crate::rig::Rig::new(fibra_driver::BackendKind::Epoll));
            }

            #[test]
            #[cfg(feature = "fake-kqueue")]
            fn kqueue() {
                super::$promise(&mut crate::rig::Rig::new(fibra_driver::BackendKind::Kqueue));
            }
        }

        $(#[$attribute])*
        fn $promise($rig: &mut crate::rig::Rig) $body
    )*};
}

/// Asks for a file's size and mode.
pub const MASK: u32 = libc::STATX_SIZE | libc::STATX_MODE;

pub fn size(status: &RawStatx) -> u64 {
    status.stx_size
}

pub fn mode(status: &RawStatx) -> u32 {
    status.stx_mode.into()
}
