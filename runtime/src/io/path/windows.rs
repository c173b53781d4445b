//! Paths as Windows takes them: wide characters.

use fibra_driver::PathUnit;
use std::{io, os::windows::ffi::OsStrExt, path::Path};

#[derive(Clone)]
pub(crate) struct SystemPath(Vec<u16>);

impl SystemPath {
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let mut units: Vec<u16> = path.as_os_str().encode_wide().collect();
        if units.contains(&0) {
            return Err(super::nul());
        }
        units.push(0);
        Ok(Self(units))
    }

    pub(crate) fn as_ptr(&self) -> *const PathUnit {
        self.0.as_ptr()
    }
}
