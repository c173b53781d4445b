//! Errors that have no stable kind.

use windows_sys::Win32::Foundation::{
    ERROR_CANT_RESOLVE_FILENAME, ERROR_NO_SYSTEM_RESOURCES, ERROR_TOO_MANY_OPEN_FILES,
};

/// A link leads to itself.
pub const LOOP: i32 = ERROR_CANT_RESOLVE_FILENAME as i32;

/// There are no more handles.
pub const SHORTAGES: [i32; 2] = [ERROR_TOO_MANY_OPEN_FILES as i32, ERROR_NO_SYSTEM_RESOURCES as i32];

/// Others, which have one.
#[cfg(test)]
pub mod examples {
    use windows_sys::Win32::Foundation::{
        ERROR_ACCESS_DENIED, ERROR_CRC, ERROR_DIRECTORY, ERROR_FILE_NOT_FOUND, ERROR_FILENAME_EXCED_RANGE,
        ERROR_INVALID_NAME, ERROR_NOT_ENOUGH_MEMORY, ERROR_PATH_NOT_FOUND,
    };
    use windows_sys::Win32::Networking::WinSock::WSAENOBUFS;

    pub const NOT_FOUND: [i32; 5] = [
        ERROR_FILE_NOT_FOUND as i32,
        ERROR_PATH_NOT_FOUND as i32,
        ERROR_DIRECTORY as i32,
        ERROR_FILENAME_EXCED_RANGE as i32,
        ERROR_INVALID_NAME as i32,
    ];
    pub const FORBIDDEN: i32 = ERROR_ACCESS_DENIED as i32;
    pub const NO_MEMORY: i32 = ERROR_NOT_ENOUGH_MEMORY as i32;
    pub const NO_BUFFERS: i32 = WSAENOBUFS;
    pub const DEFECT: i32 = ERROR_CRC as i32;
}
