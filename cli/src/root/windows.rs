//! Errors that have no stable kind.

use windows_sys::Win32::Foundation::{
    ERROR_CANT_RESOLVE_FILENAME, ERROR_NO_SYSTEM_RESOURCES, ERROR_TOO_MANY_OPEN_FILES,
};

/// A link leads to itself.
pub const LOOP: i32 = ERROR_CANT_RESOLVE_FILENAME as i32;

/// There are no more handles.
pub const SHORTAGES: [i32; 2] = [ERROR_TOO_MANY_OPEN_FILES as i32, ERROR_NO_SYSTEM_RESOURCES as i32];
