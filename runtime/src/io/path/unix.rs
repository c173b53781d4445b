//! Paths as Unix takes them: bytes.

use fibra_driver::PathUnit;
use std::{ffi::CString, io, path::Path};

pub(crate) struct SystemPath(CString);

impl SystemPath {
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        CString::new(path.as_os_str().as_encoded_bytes()).map(Self).map_err(|_| super::nul())
    }

    pub(crate) fn as_ptr(&self) -> *const PathUnit {
        self.0.as_ptr()
    }
}
