//! What the tests have to know of macOS and FreeBSD.

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
            fn kqueue() {
                super::$promise(&mut crate::rig::Rig::new(fibra_driver::BackendKind::Kqueue));
            }
        }

        $(#[$attribute])*
        fn $promise($rig: &mut crate::rig::Rig) $body
    )*};
}

/// There is no such thing: a status is always whole.
pub const MASK: u32 = 0;

pub fn size(status: &RawStatx) -> u64 {
    status.st_size as u64
}

pub fn mode(status: &RawStatx) -> u32 {
    status.st_mode.into()
}
